-- Why: every read of patient data and every change leaves a row that nobody can change, in a hash chain.
-- Rows are appended by the functions here only. One background writer (hub/domain/audit.c) seals them in commit order.

CREATE TABLE consilium.audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),           -- for sealing in commit order
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    person uuid,
    organisation uuid,
    actor text NOT NULL DEFAULT '',                          -- AE title, address, or program when no person acts
    action text NOT NULL,                                    -- study.read, consult.sign, session.refused, room.join …
    object text NOT NULL DEFAULT '',                         -- id as asked for: a UUID, a UID, a path; never a name
    purpose text NOT NULL,
    request text NOT NULL DEFAULT '',
    detail jsonb,                                            -- ids, states, counts; never patient data
    read_slot timestamptz,                                   -- collapsed reads: the quarter of an hour
    UNIQUE (person, organisation, action, object, purpose, read_slot)
);

-- The chain: each sealed row's hash covers the one before. A gap or a change shows in `consilium audit verify`.
CREATE TABLE consilium.audit_seal (
    position bigint PRIMARY KEY,
    seq bigint NOT NULL UNIQUE REFERENCES consilium.audit,
    hash bytea NOT NULL
);

CREATE OR REPLACE FUNCTION consilium.audit_append(actor text, action text, object text, detail jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ INSERT INTO audit (person, organisation, actor, action, object, purpose, request, detail)
      VALUES (me(), my_org(), coalesce(actor, ''), action, coalesce(object, ''), my_purpose(),
              coalesce(nullif(current_setting('consilium.request', true), ''), ''), detail) $$;

-- Reads of images collapse to one row per person, organisation, object, purpose and quarter of an hour.
CREATE OR REPLACE FUNCTION consilium.audit_read(action text, object text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ INSERT INTO audit (person, organisation, action, object, purpose, request, read_slot)
      VALUES (me(), my_org(), action, object, my_purpose(),
              coalesce(nullif(current_setting('consilium.request', true), ''), ''),
              to_timestamp(floor(extract(epoch FROM now()) / 900) * 900))
      ON CONFLICT DO NOTHING $$;

ALTER TABLE consilium.audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- The owner's functions write; auditors of an organisation read its rows.
CREATE POLICY owner_append ON consilium.audit FOR INSERT TO consilium_owner WITH CHECK (true);
CREATE POLICY owner_read ON consilium.audit FOR SELECT TO consilium_owner USING (true);
CREATE POLICY hub_auditor ON consilium.audit FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.has_role('auditor')));
GRANT SELECT ON consilium.audit, consilium.audit_seal TO consilium_hub;
GRANT EXECUTE ON FUNCTION consilium.audit_append, consilium.audit_read TO consilium_hub, consilium_dicom;

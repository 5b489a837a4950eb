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
    read_slot timestamptz                                    -- collapsed reads: the quarter of an hour
);
-- NULLS NOT DISTINCT: a scanner's reads have no person and collapse too.
CREATE UNIQUE INDEX audit_read_once ON consilium.audit (person, organisation, actor, action, object, purpose, read_slot)
    NULLS NOT DISTINCT WHERE read_slot IS NOT NULL;
CREATE INDEX audit_tx ON consilium.audit (tx, seq);
CREATE INDEX audit_organisation ON consilium.audit (organisation, seq);
CREATE INDEX audit_object ON consilium.audit (object, seq) WHERE object <> '';

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
CREATE OR REPLACE FUNCTION consilium.audit_read(action text, object text, actor text DEFAULT '') RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ INSERT INTO audit (person, organisation, actor, action, object, purpose, request, read_slot)
      VALUES (me(), my_org(), coalesce(actor, ''), action, object, my_purpose(),
              coalesce(nullif(current_setting('consilium.request', true), ''), ''),
              to_timestamp(floor(extract(epoch FROM now()) / 900) * 900))
      ON CONFLICT DO NOTHING $$;

-- A row as the chain hashes it. Times in microseconds since 1970, so that no setting changes the text.
CREATE OR REPLACE FUNCTION consilium.audit_line(a consilium.audit) RETURNS text LANGUAGE sql IMMUTABLE
    SET search_path = consilium, pg_temp
AS $$ SELECT string_agg(coalesce(octet_length(f)::text || ':' || f, '-'), ',' ORDER BY n)
      FROM unnest(ARRAY[a.seq::text, (extract(epoch FROM a.at) * 1000000)::bigint::text, a.person::text,
                        a.organisation::text, a.actor, a.action, a.object, a.purpose, a.request, a.detail::text,
                        (extract(epoch FROM a.read_slot) * 1000000)::bigint::text]) WITH ORDINALITY AS u (f, n) $$;

-- For a restore into another cluster, by a superuser: the transaction numbers of the old one mean nothing in the new one.
-- They order the sealing only and are not hashed.
CREATE OR REPLACE FUNCTION consilium.audit_restored() RETURNS void LANGUAGE sql
AS $$ UPDATE consilium.audit a SET tx = CASE WHEN EXISTS (SELECT FROM consilium.audit_seal s WHERE s.seq = a.seq)
                                             THEN '1'::xid8 ELSE '2'::xid8 END $$;

-- Seals the next rows, oldest transaction first, and returns {sealed, position, hash}. A row is sealed only when every
-- transaction that started no later has ended (its number is below the snapshot's horizon): so nothing can commit later
-- and belong before a sealed row, and the order of the chain is the order of commits as far as anybody could see it.
-- What is hashed: the hash before (32 zero bytes at the start), then each field as its length in bytes, ':' and text.
-- consilium audit verify computes the same in C (hub/domain/audit.c) and trusts nothing of this function.
CREATE OR REPLACE FUNCTION consilium.audit_seal_next(most integer) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE
    head bytea; place bigint; last_tx xid8; last_seq bigint; line record; sealed integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('consilium.audit_seal')) THEN
        RETURN json_build_object('sealed', 0, 'busy', true);
    END IF;
    SELECT s.position, s.hash, a.tx, a.seq INTO place, head, last_tx, last_seq
        FROM audit_seal s JOIN audit a ON a.seq = s.seq ORDER BY s.position DESC LIMIT 1;
    IF place IS NULL THEN
        place := 0; head := decode(repeat('00', 32), 'hex'); last_tx := '0'::xid8; last_seq := 0;
    END IF;
    FOR line IN SELECT a.seq, audit_line(a) AS text FROM audit a
                WHERE (a.tx, a.seq) > (last_tx, last_seq) AND a.tx < pg_snapshot_xmin(pg_current_snapshot())
                ORDER BY a.tx, a.seq LIMIT most
    LOOP
        place := place + 1;
        head := sha256(head || convert_to(line.text, 'UTF8'));
        INSERT INTO audit_seal (position, seq, hash) VALUES (place, line.seq, head);
        sealed := sealed + 1;
    END LOOP;
    RETURN json_build_object('sealed', sealed, 'position', place, 'hash', encode(head, 'hex'));
END $$;

ALTER TABLE consilium.audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.audit_seal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- The owner's functions append and read; there is no policy to change or delete, not even for the owner. Auditors of
-- an organisation read its rows.
CREATE POLICY owner_append ON consilium.audit FOR INSERT TO consilium_owner WITH CHECK (true);
CREATE POLICY owner_read ON consilium.audit FOR SELECT TO consilium_owner USING (true);
CREATE POLICY owner_append ON consilium.audit_seal FOR INSERT TO consilium_owner WITH CHECK (true);
CREATE POLICY owner_read ON consilium.audit_seal FOR SELECT TO consilium_owner USING (true);
CREATE POLICY hub_auditor ON consilium.audit FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.has_role('auditor')));
GRANT SELECT ON consilium.audit TO consilium_hub;
GRANT EXECUTE ON FUNCTION consilium.audit_seal_next TO consilium_hub;
GRANT EXECUTE ON FUNCTION consilium.audit_append, consilium.audit_read TO consilium_hub, consilium_dicom;

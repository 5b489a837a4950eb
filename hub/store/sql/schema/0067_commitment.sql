-- Why: Storage Commitment (PS3.4 annex J). A request is a row before it is answered, and stays one until its report was taken, so
-- that no restart loses a report.
CREATE TABLE consilium.commitment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    ae text NOT NULL,                                        -- who asked, and is to be told
    transaction_uid text NOT NULL CHECK (transaction_uid ~ '^[0-9.]{1,64}$'),
    items text NOT NULL,                                     -- lines "SOP-CLASS SOP-INSTANCE"
    duplicate boolean NOT NULL,                              -- the transaction UID was in use
    created_at timestamptz NOT NULL DEFAULT now(),
    report text,                                             -- lines "SOP-CLASS SOP-INSTANCE REASON"; NULL: not looked at yet
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),              -- of the next attempt to report
    done_at timestamptz,                                     -- reported, or given up
    outcome text NOT NULL DEFAULT ''
);
CREATE INDEX commitment_due ON consilium.commitment (next_at) WHERE done_at IS NULL;
CREATE INDEX commitment_transaction ON consilium.commitment (organisation, ae, transaction_uid);
ALTER TABLE consilium.commitment ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON consilium.commitment TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY dicom_own ON consilium.commitment TO consilium_dicom
    USING (organisation = (SELECT consilium.my_org())) WITH CHECK (organisation = (SELECT consilium.my_org()));
GRANT SELECT, INSERT, UPDATE ON consilium.commitment TO consilium_dicom;

-- The first attempts belong to the association that asked: others come when it had its time.
CREATE FUNCTION consilium.commitment_begin(caller text, transaction text, items text) RETURNS uuid LANGUAGE sql AS $$
    INSERT INTO consilium.commitment (organisation, ae, transaction_uid, items, duplicate, next_at)
    SELECT consilium.my_org(), caller, transaction, items, EXISTS (
        SELECT FROM consilium.commitment c WHERE c.organisation = consilium.my_org() AND c.ae = caller
        AND c.transaction_uid = transaction AND c.done_at IS NULL), now() + interval '60 seconds'
    RETURNING id $$;

-- What is asked about, in order: class, instance, reason (0: there is a file of this hash that must be right), hash.
-- Reasons of PS3.3 C.14.1.1: 0112 no such object instance, 0119 class and instance do not agree, 0131 duplicate transaction UID.
CREATE FUNCTION consilium.commitment_items(of uuid)
    RETURNS TABLE (sop_class text, sop_uid text, reason integer, hash text) LANGUAGE sql STABLE AS $$
    SELECT split_part(l.line, ' ', 1), split_part(l.line, ' ', 2),
           CASE WHEN c.duplicate THEN x'0131'::integer WHEN i.sop_uid IS NULL THEN x'0112'::integer
                WHEN i.sop_class <> split_part(l.line, ' ', 1) THEN x'0119'::integer ELSE 0 END,
           encode(i.hash, 'hex')
    FROM consilium.commitment c CROSS JOIN LATERAL string_to_table(rtrim(c.items, E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
    LEFT JOIN consilium.instance i ON i.organisation = c.organisation AND i.sop_uid = split_part(l.line, ' ', 2)
    WHERE c.id = of ORDER BY l.n $$;

-- The next that are to be reported, of whatever organisation; each is left alone for two minutes then.
CREATE FUNCTION consilium.commitment_due(most integer)
    RETURNS TABLE (id uuid, organisation uuid, ae text, transaction_uid text, report text) LANGUAGE sql
    SECURITY DEFINER SET search_path = consilium, pg_temp AS $$
    UPDATE commitment c SET next_at = now() + interval '2 minutes'
    WHERE c.id IN (SELECT x.id FROM commitment x WHERE x.done_at IS NULL AND x.next_at <= now() ORDER BY x.next_at LIMIT most)
    RETURNING c.id, c.organisation, c.ae, c.transaction_uid, c.report $$;

-- How an attempt ended. Again after 1, 2, 4 … minutes, an hour at most, for a week; why = '': it was taken.
CREATE FUNCTION consilium.commitment_tried(of uuid, why text) RETURNS void LANGUAGE sql AS $$
    UPDATE consilium.commitment SET attempts = attempts + 1, outcome = left(why, 200),
        next_at = now() + least(interval '1 minute' * 2 ^ least(attempts, 10), interval '1 hour'),
        done_at = CASE WHEN why = '' OR created_at < now() - interval '7 days' THEN now() END
    WHERE id = of $$;

-- Sooner than the schedule says: the association that should have had it is over.
CREATE FUNCTION consilium.commitment_again(of uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE consilium.commitment SET next_at = now() WHERE id = of AND done_at IS NULL $$;

CREATE FUNCTION consilium.commitment_sweep() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ DELETE FROM commitment WHERE done_at < now() - interval '30 days' $$;

GRANT EXECUTE ON FUNCTION consilium.commitment_begin, consilium.commitment_items, consilium.commitment_due,
    consilium.commitment_tried, consilium.commitment_again, consilium.commitment_sweep TO consilium_dicom;

-- Why: ending a session, a token, a role or a person reaches every hub at once (their caches, sockets and media), and
-- POST requests that are sent again get the first answer.

-- NOTIFY consilium_identity, payload: the id of the session, token or person.
CREATE OR REPLACE FUNCTION consilium.identity_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = consilium, pg_temp
AS $$ DECLARE row jsonb := to_jsonb(coalesce(NEW, OLD)); BEGIN
    PERFORM pg_notify('consilium_identity', row ->> CASE WHEN TG_TABLE_NAME = 'person_role' THEN 'person' ELSE 'id' END);
    RETURN NULL;
END $$;

CREATE TRIGGER session_ended AFTER UPDATE OF ended_at, organisation, expires_at ON consilium.session
    FOR EACH ROW EXECUTE FUNCTION consilium.identity_changed();
CREATE TRIGGER token_revoked AFTER UPDATE OF revoked_at, expires_at, scope ON consilium.token
    FOR EACH ROW EXECUTE FUNCTION consilium.identity_changed();
CREATE TRIGGER person_disabled AFTER UPDATE OF disabled_at, password_hash ON consilium.person
    FOR EACH ROW EXECUTE FUNCTION consilium.identity_changed();
CREATE TRIGGER role_changed AFTER INSERT OR UPDATE OR DELETE ON consilium.person_role
    FOR EACH ROW EXECUTE FUNCTION consilium.identity_changed();

-- The first answer to a POST with Idempotency-Key, for 24 hours; status NULL while the first request still runs.
CREATE TABLE consilium.idempotency (
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    request_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    status integer,
    content_type text,
    location text,
    etag text,
    body text,
    PRIMARY KEY (person, organisation, key)
);
CREATE INDEX idempotency_age ON consilium.idempotency (created_at);
ALTER TABLE consilium.idempotency ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY hub_own ON consilium.idempotency TO consilium_hub
    USING (person = (SELECT consilium.me()) AND organisation = (SELECT consilium.my_org()))
    WITH CHECK (person = (SELECT consilium.me()) AND organisation = (SELECT consilium.my_org()));
GRANT SELECT, INSERT, UPDATE, DELETE ON consilium.idempotency TO consilium_hub;

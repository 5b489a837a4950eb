-- Sign-in, and who a cookie or a bearer token is.

-- name: session_find
-- $1 secret hash, $2 idle limit in seconds. Columns: id, person, organisation, expires_at in microseconds, roles, scopes.
WITH found AS (
    SELECT s.id, s.person, s.organisation, s.expires_at, s.seen_at
    FROM consilium.session s JOIN consilium.person p ON p.id = s.person
    WHERE s.secret_hash = $1 AND s.ended_at IS NULL AND s.expires_at > now()
      AND s.seen_at > now() - make_interval(secs => $2::integer) AND p.disabled_at IS NULL
), touched AS (
    UPDATE consilium.session SET seen_at = now()
    WHERE id = (SELECT id FROM found WHERE seen_at < now() - interval '1 minute')
)
SELECT id, person, organisation, (extract(epoch FROM expires_at) * 1000000)::bigint,
       (SELECT json_agg(DISTINCT r.role) FROM consilium.person_role r
        WHERE r.person = found.person AND r.organisation = found.organisation),
       '["api", "dicomweb", "fhir"]'
FROM found

-- name: token_find
-- $1 secret hash. Columns as session_find.
SELECT t.id, t.person, t.organisation, (extract(epoch FROM t.expires_at) * 1000000)::bigint,
       (SELECT json_agg(DISTINCT r.role) FROM consilium.person_role r
        WHERE r.person = t.person AND r.organisation = t.organisation),
       to_json(t.scope)
FROM consilium.token t JOIN consilium.person p ON p.id = t.person
WHERE t.secret_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > now() AND p.disabled_at IS NULL

-- name: identity_check
-- $1 id of a session or token, $2 idle limit. A row when it is still live.
SELECT s.id FROM consilium.session s JOIN consilium.person p ON p.id = s.person
WHERE s.id = $1::uuid AND s.ended_at IS NULL AND s.expires_at > now() AND p.disabled_at IS NULL
  AND s.seen_at > now() - make_interval(secs => $2::integer)
UNION ALL
SELECT t.id FROM consilium.token t JOIN consilium.person p ON p.id = t.person
WHERE t.id = $1::uuid AND t.revoked_at IS NULL AND t.expires_at > now() AND p.disabled_at IS NULL

-- name: session_candidate
-- $1 login, $2 address, $3 window in seconds. One row: failures of the login, of the address, seconds until the oldest leaves the
-- window, person, password hash, TOTP secret (bytea), last TOTP step.
WITH recent AS (
    SELECT f.at, f.login = $1 AS same_login, f.address = $2 AS same_address
    FROM consilium.login_failure f
    WHERE (f.login = $1 OR f.address = $2) AND f.at > now() - make_interval(secs => $3::integer)
)
SELECT (SELECT count(*) FROM recent WHERE same_login), (SELECT count(*) FROM recent WHERE same_address),
       (SELECT greatest(1, ceil($3::integer - extract(epoch FROM now() - min(at))))::integer FROM recent),
       p.id, p.password_hash, p.totp_secret, p.totp_last_step
FROM (SELECT 1) one LEFT JOIN consilium.person p ON p.login = $1 AND p.disabled_at IS NULL

-- name: session_failed
-- $1 login, $2 address
WITH old AS (DELETE FROM consilium.login_failure WHERE at < now() - interval '1 day')
INSERT INTO consilium.login_failure (login, address) VALUES ($1, $2)

-- name: session_forgive
DELETE FROM consilium.login_failure WHERE login = $1

-- name: session_totp
-- $1 person, $2 step of the code: each is taken once. A row when it was free.
UPDATE consilium.person SET totp_last_step = $2::bigint
WHERE id = $1::uuid AND (totp_last_step IS NULL OR totp_last_step < $2::bigint)
RETURNING id

-- name: session_organisation
-- $1 person, $2 organisation asked for (id or code) or NULL. The first row is the one to act for.
SELECT o.id FROM consilium.organisation o
WHERE EXISTS (SELECT FROM consilium.person_role r WHERE r.person = $1::uuid AND r.organisation = o.id)
  AND ($2::text IS NULL OR o.code = $2 OR o.id::text = $2)
ORDER BY o.code LIMIT 1

-- name: session_open
-- $1 secret hash, $2 person, $3 organisation, $4 address, $5 seconds until the absolute limit
INSERT INTO consilium.session (secret_hash, person, organisation, address, expires_at)
VALUES ($1, $2::uuid, $3::uuid, $4, now() + make_interval(secs => $5::integer))
RETURNING id

-- name: session_describe
-- The acting person and organisation as the API's Session; $1 expires_at in microseconds since 1970.
SELECT json_build_object(
    'person', json_build_object('id', p.id, 'login', p.login, 'name', p.name, 'title', p.title, 'language', p.language),
    'organisation', json_build_object('id', o.id, 'code', o.code, 'name', o.name, 'kind', o.kind),
    'organisations', (SELECT json_agg(json_build_object('id', x.id, 'code', x.code, 'name', x.name) ORDER BY x.code)
                      FROM consilium.organisation x
                      WHERE EXISTS (SELECT FROM consilium.person_role r WHERE r.person = p.id AND r.organisation = x.id)),
    'roles', (SELECT coalesce(json_agg(DISTINCT r.role), '[]') FROM consilium.person_role r
              WHERE r.person = p.id AND r.organisation = o.id),
    'departments', (SELECT coalesce(json_agg(json_build_object('id', d.id, 'code', d.code, 'name', d.name) ORDER BY d.code), '[]')
                    FROM consilium.department d
                    WHERE EXISTS (SELECT FROM consilium.person_role r
                                  WHERE r.person = p.id AND r.organisation = o.id AND r.department = d.id)),
    'expires_at', to_char(to_timestamp($1::numeric / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
FROM consilium.person p, consilium.organisation o
WHERE p.id = consilium.me() AND o.id = consilium.my_org()

-- name: session_end
UPDATE consilium.session SET ended_at = now() WHERE id = $1::uuid AND ended_at IS NULL

-- name: session_act_for
-- $1 session, $2 organisation
UPDATE consilium.session SET organisation = $2::uuid WHERE id = $1::uuid AND ended_at IS NULL

-- name: session_language
UPDATE consilium.person SET language = $1 WHERE id = consilium.me()

-- What `consilium` does: organisations, people, tokens, AE titles. Run as the owner (root) or, where that suffices, as the
-- hub's role. Each change is followed by admin_audit in the same unit of work.

-- name: admin_audit
SELECT consilium.audit_append($1, $2, $3, $4::jsonb)

-- name: admin_org_add
INSERT INTO consilium.organisation (code, name, kind, parent, timezone)
VALUES ($1, $2, $3, (SELECT id FROM consilium.organisation WHERE code = $4), coalesce($5, 'Asia/Shanghai'))

-- name: admin_org_expect
SELECT consilium.expect($1::text IS NULL OR EXISTS (SELECT FROM consilium.organisation WHERE code = $1), '404',
    'there is no organisation ' || coalesce($1, ''))

-- name: admin_consortium_add
INSERT INTO consilium.consortium (name) VALUES ($1) ON CONFLICT DO NOTHING

-- name: admin_consortium_join
INSERT INTO consilium.consortium_member (consortium, organisation)
SELECT c.id, o.id FROM consilium.consortium c, consilium.organisation o WHERE c.name = $1 AND o.code = $2
ON CONFLICT DO NOTHING

-- name: admin_agreement_set
INSERT INTO consilium.agreement (from_organisation, to_organisation, scope)
SELECT f.id, t.id, string_to_array($3, ',') FROM consilium.organisation f, consilium.organisation t
WHERE f.code = $1 AND t.code = $2
ON CONFLICT (from_organisation, to_organisation) DO UPDATE SET scope = excluded.scope, valid_until = NULL

-- name: admin_department_add
INSERT INTO consilium.department (organisation, code, name)
SELECT id, $2, $3 FROM consilium.organisation WHERE code = $1

-- name: admin_org_list
SELECT o.code, o.kind, coalesce(p.code, '-'), coalesce((SELECT string_agg(d.code, ' ' ORDER BY d.code)
           FROM consilium.department d WHERE d.organisation = o.id), '-'), o.name
FROM consilium.organisation o LEFT JOIN consilium.organisation p ON p.id = o.parent
ORDER BY o.created_at, o.code

-- name: admin_user_add
INSERT INTO consilium.person (login, name, title, language, password_hash)
VALUES ($1, $2, coalesce($3, ''), coalesce($4, 'zh-CN'), $5)

-- name: admin_user_expect
SELECT consilium.expect(EXISTS (SELECT FROM consilium.person WHERE login = $1), '404', 'there is no user ' || $1)

-- name: admin_department_expect
SELECT consilium.expect($2::text IS NULL OR EXISTS (SELECT FROM consilium.department d JOIN consilium.organisation o
    ON o.id = d.organisation WHERE o.code = $1 AND d.code = $2), '404', $1 || ' has no department ' || coalesce($2, ''))

-- name: admin_role_add
INSERT INTO consilium.person_role (person, organisation, role, department)
SELECT p.id, o.id, $3, (SELECT d.id FROM consilium.department d WHERE d.organisation = o.id AND d.code = $4)
FROM consilium.person p, consilium.organisation o WHERE p.login = $1 AND o.code = $2
ON CONFLICT DO NOTHING

-- name: admin_role_remove
DELETE FROM consilium.person_role r USING consilium.person p, consilium.organisation o
WHERE p.id = r.person AND o.id = r.organisation AND p.login = $1 AND o.code = $2 AND r.role = $3
  AND r.department IS NOT DISTINCT FROM (SELECT d.id FROM consilium.department d WHERE d.organisation = o.id AND d.code = $4)

-- name: admin_user_password
UPDATE consilium.person SET password_hash = $2 WHERE login = $1

-- name: admin_user_totp
UPDATE consilium.person SET totp_secret = decode($2, 'hex'), totp_last_step = NULL WHERE login = $1

-- name: admin_user_disable
UPDATE consilium.person SET disabled_at = CASE WHEN $2::boolean THEN coalesce(disabled_at, now()) END WHERE login = $1

-- name: admin_sessions_end
UPDATE consilium.session SET ended_at = now()
WHERE ended_at IS NULL AND person = (SELECT id FROM consilium.person WHERE login = $1)

-- name: admin_user_list
SELECT p.login, o.code, string_agg(DISTINCT r.role, ' '), coalesce(string_agg(DISTINCT d.code, ' '), '-'),
       p.name || CASE WHEN p.disabled_at IS NULL THEN '' ELSE ' (disabled)' END
FROM consilium.person p JOIN consilium.person_role r ON r.person = p.id JOIN consilium.organisation o ON o.id = r.organisation
LEFT JOIN consilium.department d ON d.id = r.department
GROUP BY p.id, o.id ORDER BY o.created_at, o.code, p.login

-- name: admin_token_expect
SELECT consilium.expect(n.all_of > 0, '404', $1 || ' acts for no organisation, or is disabled'),
       consilium.expect(n.fitting > 0, '404', $1 || ' does not act for ' || coalesce($2, '')),
       consilium.expect(n.fitting = 1, '422', $1 || ' acts for several organisations: give --org')
FROM (SELECT count(DISTINCT o.id) AS all_of, count(DISTINCT o.id) FILTER (WHERE $2::text IS NULL OR o.code = $2) AS fitting
      FROM consilium.person p JOIN consilium.person_role r ON r.person = p.id
      JOIN consilium.organisation o ON o.id = r.organisation
      WHERE p.login = $1 AND p.disabled_at IS NULL) n

-- name: admin_token_create
INSERT INTO consilium.token (secret_hash, person, organisation, scope, expires_at)
SELECT DISTINCT $3, p.id, o.id, string_to_array($4, ','), now() + make_interval(days => $5::integer)
FROM consilium.person p JOIN consilium.person_role r ON r.person = p.id
JOIN consilium.organisation o ON o.id = r.organisation
WHERE p.login = $1 AND ($2::text IS NULL OR o.code = $2)
RETURNING id

-- name: admin_token_list
SELECT t.id, p.login, o.code, array_to_string(t.scope, ','), to_char(t.created_at, 'YYYY-MM-DD'),
       to_char(t.expires_at, 'YYYY-MM-DD'),
       CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= now() THEN 'expired' ELSE 'live' END
FROM consilium.token t JOIN consilium.person p ON p.id = t.person JOIN consilium.organisation o ON o.id = t.organisation
WHERE $1::text IS NULL OR p.login = $1
ORDER BY t.created_at

-- name: admin_token_revoke
UPDATE consilium.token SET revoked_at = now() WHERE id = $1::uuid AND revoked_at IS NULL RETURNING id

-- name: admin_token_revoke_all
UPDATE consilium.token SET revoked_at = now()
WHERE revoked_at IS NULL AND person = (SELECT id FROM consilium.person WHERE login = $1) RETURNING id

-- name: admin_ae_expect
SELECT consilium.expect(NOT EXISTS (SELECT FROM consilium.ae a JOIN consilium.organisation o ON o.id = a.organisation
    WHERE a.title = $1 AND o.code <> $2), '409', 'the AE title ' || $1 || ' belongs to another organisation')

-- name: admin_ae_set
INSERT INTO consilium.ae (title, organisation, host, port, cert_cn, associations, association_rate, object_limit)
SELECT $1, id, $3, $4::integer, $5, $6::integer, $7::integer, $8::bigint FROM consilium.organisation WHERE code = $2
ON CONFLICT (title) DO UPDATE SET host = excluded.host, port = excluded.port, cert_cn = excluded.cert_cn,
    associations = excluded.associations, association_rate = excluded.association_rate, object_limit = excluded.object_limit,
    cert_sha256 = CASE WHEN ae.cert_cn = excluded.cert_cn THEN ae.cert_sha256 END -- another name: another certificate

-- name: admin_ae_certificate_subject
-- Whom a certificate for this AE is made out to: organisation code, and the name that it has registered, if any.
SELECT o.code, a.cert_cn FROM consilium.ae a JOIN consilium.organisation o ON o.id = a.organisation WHERE a.title = $1

-- name: admin_ae_certificate_set
-- $2 subject, $3 SHA-256 of the one certificate, or NULL.
UPDATE consilium.ae SET cert_cn = $2, cert_sha256 = $3 WHERE title = $1

-- name: admin_ae_remove
DELETE FROM consilium.ae WHERE title = $1 RETURNING title

-- Tells the dicom program that the table of AE titles changed.
-- name: admin_ae_notify
SELECT pg_notify('consilium_ae', '')

-- name: admin_ae_list
SELECT a.title, o.code, coalesce(a.host, '-'), coalesce(a.port::text, '-'), coalesce(a.cert_cn, '-') || coalesce(' ' || left(a.cert_sha256, 16), '')
FROM consilium.ae a JOIN consilium.organisation o ON o.id = a.organisation ORDER BY o.created_at, a.title

-- name: admin_device_set
INSERT INTO consilium.device (organisation, name, url) SELECT id, $2, $3 FROM consilium.organisation WHERE code = $1
ON CONFLICT (organisation, name) DO UPDATE SET url = excluded.url

-- name: admin_device_remove
DELETE FROM consilium.device d USING consilium.organisation o WHERE o.id = d.organisation AND o.code = $1 AND d.name = $2
RETURNING d.name

-- Without what stands before the last @: it may be a password.
-- name: admin_device_list
SELECT o.code, d.name, regexp_replace(d.url, '//.*@', '//')
FROM consilium.device d JOIN consilium.organisation o ON o.id = d.organisation ORDER BY o.created_at, d.name

-- The chain from a position on, with each field of the row as consilium.audit_line counts it. A sealed row that is gone
-- has no seq in the second column.
-- name: admin_audit_chain
SELECT s.position, a.seq, encode(s.hash, 'hex'), (extract(epoch FROM a.at) * 1000000)::bigint, a.person, a.organisation,
       a.actor, a.action, a.object, a.purpose, a.request, a.detail, (extract(epoch FROM a.read_slot) * 1000000)::bigint
FROM consilium.audit_seal s LEFT JOIN consilium.audit a ON a.seq = s.seq
WHERE s.position > $1::bigint ORDER BY s.position LIMIT 5000

-- name: admin_audit_unsealed
SELECT count(*), coalesce(min(a.seq), 0) FROM consilium.audit a
WHERE NOT EXISTS (SELECT FROM consilium.audit_seal s WHERE s.seq = a.seq)

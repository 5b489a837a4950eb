-- The audit trail: appending, reading, sealing.

-- name: audit_append
SELECT consilium.audit_append($1, $2, $3, $4::jsonb)

-- name: audit_read
SELECT consilium.audit_read($1, $2)

-- name: audit_list
SELECT json_build_object('seq', a.seq, 'at', consilium.rfc3339(a.at), 'person', consilium.json_person(a.person), 'actor', a.actor,
    'action', a.action, 'object', a.object, 'purpose', a.purpose, 'detail', a.detail), a.seq || '|'
FROM consilium.audit a
WHERE a.organisation = consilium.my_org() AND ($1::uuid IS NULL OR a.person = $1::uuid) AND ($2::text IS NULL OR a.object = $2)
  AND ($3::text IS NULL OR a.action = $3 OR a.action LIKE $3 || '.%') AND ($5::bigint IS NULL OR a.seq < $5::bigint)
ORDER BY a.seq DESC LIMIT $4::integer

-- name: audit_seal_next
SELECT r ->> 'sealed', r ->> 'position', r ->> 'hash' FROM consilium.audit_seal_next($1::integer) r

-- name: audit_case_read
SELECT consilium.audit_append('', $1 || '.read', $2::uuid::text, jsonb_build_object('seen', CASE $1
    WHEN 'consult' THEN EXISTS (SELECT FROM consilium.consult WHERE id = $2::uuid)
    WHEN 'referral' THEN EXISTS (SELECT FROM consilium.referral WHERE id = $2::uuid)
    WHEN 'patient' THEN EXISTS (SELECT FROM consilium.patient WHERE id = $2::uuid)
    WHEN 'room' THEN EXISTS (SELECT FROM consilium.room WHERE id = $2::uuid)
    WHEN 'teaching' THEN EXISTS (SELECT FROM consilium.teaching_session WHERE id = $2::uuid)
    WHEN 'recording' THEN EXISTS (SELECT FROM consilium.recording WHERE id = $2::uuid) END))

-- name: audit_room_join
SELECT consilium.audit_append('', 'room.join', left($1, 100), jsonb_build_object('seen', EXISTS (
    SELECT FROM consilium.room WHERE id::text = $1)))

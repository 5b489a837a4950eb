-- Rooms, what is written in them, and who may come in.

-- name: room_get
SELECT json_build_object('id', r.id, 'title', r.title, 'kind', r.kind, 'organisation', consilium.json_organisation(r.organisation),
    'consult', r.consult, 'teaching', r.teaching, 'created_at', consilium.rfc3339(r.created_at),
    'closed_at', consilium.rfc3339(r.closed_at))
FROM consilium.room r WHERE r.id = $1::uuid

-- name: room_create
SELECT consilium.room_create($1::uuid, $2)

-- name: room_expect
SELECT consilium.expect(EXISTS (SELECT FROM consilium.room WHERE id = $1::uuid), '404', 'no such room')

-- name: room_admit
SELECT r.title, CASE r.kind WHEN 'meeting' THEN CASE WHEN r.created_by = consilium.me() THEN 'host' ELSE 'participant' END
                WHEN 'teaching' THEN CASE WHEN t.teacher = consilium.me() THEN 'host' ELSE 'viewer' END
                ELSE CASE WHEN c.claimed_by = consilium.me() THEN 'host' ELSE 'participant' END END,
       r.kind, p.name, o.code,
       r.closed_at IS NULL AND (r.kind <> 'teaching' OR t.state IN ('published', 'live') OR t.teacher = consilium.me()),
       coalesce(r.consult, r.teaching),
       (SELECT e.id FROM consilium.recording e WHERE e.room = r.id AND e.state = 'recording')
FROM consilium.room r
LEFT JOIN consilium.teaching_session t ON t.id = r.teaching
LEFT JOIN consilium.consult c ON c.id = r.consult
JOIN consilium.person p ON p.id = consilium.me()
JOIN consilium.organisation o ON o.id = consilium.my_org()
WHERE r.id = $1::uuid

-- name: room_attend
SELECT consilium.room_attend($1::uuid, $2::boolean)

-- name: message_add
INSERT INTO consilium.message (room, person, organisation, text) VALUES ($1::uuid, consilium.me(), consilium.my_org(), $2)
RETURNING json_build_object('id', id, 'person', consilium.json_person(person),
    'organisation', consilium.json_organisation(organisation), 'text', text, 'at', consilium.rfc3339(at)), id

-- name: message_tell
SELECT consilium.changed('message', r.id, 0, CASE r.kind
    WHEN 'consult' THEN (SELECT ARRAY[c.from_organisation, c.to_organisation] FROM consilium.consult c WHERE c.id = r.consult)
    ELSE ARRAY[r.organisation] END, NULL)
FROM consilium.room r WHERE r.id = $1::uuid

-- name: message_list
SELECT json_build_object('id', m.id, 'person', consilium.json_person(m.person),
    'organisation', consilium.json_organisation(m.organisation), 'text', m.text, 'at', consilium.rfc3339(m.at)),
    m.at || '|' || m.id
FROM consilium.message m
WHERE m.room = $1::uuid AND ($3::timestamptz IS NULL OR (m.at, m.id) > ($3::timestamptz, $4::uuid))
ORDER BY m.at, m.id LIMIT $2::integer

-- name: message_get
SELECT json_build_object('id', m.id, 'person', consilium.json_person(m.person),
    'organisation', consilium.json_organisation(m.organisation), 'text', m.text, 'at', consilium.rfc3339(m.at))
FROM consilium.message m WHERE m.id = $1::uuid

-- name: room_contacts
SELECT consilium.my_org() WHERE consilium.my_org() IS NOT NULL
UNION SELECT CASE WHEN from_organisation = consilium.my_org() THEN to_organisation ELSE from_organisation END
      FROM consilium.consult WHERE sent_at IS NOT NULL AND closed_at IS NULL
UNION SELECT CASE WHEN from_organisation = consilium.my_org() THEN to_organisation ELSE from_organisation END
      FROM consilium.referral WHERE sent_at IS NOT NULL AND closed_at IS NULL

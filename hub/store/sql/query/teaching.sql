-- Teaching sessions, their questions and recordings.

-- name: teaching_get
SELECT json_build_object('id', t.id, 'version', t.version, 'title', t.title, 'description', t.description, 'state', t.state,
    'teacher', consilium.json_person(t.teacher), 'organisation', consilium.json_organisation(t.organisation),
    'room', (SELECT r.id FROM consilium.room r WHERE r.teaching = t.id), 'starts_at', consilium.rfc3339(t.starts_at),
    'started_at', consilium.rfc3339(t.started_at), 'ended_at', consilium.rfc3339(t.ended_at),
    'consent_at', consilium.rfc3339(t.consent_at), 'attendance', consilium.teaching_attendance(t.id),
    'recordings', coalesce((SELECT json_agg(consilium.json_recording(o.id) ORDER BY o.started_at)
                            FROM consilium.recording o WHERE o.teaching = t.id), '[]'))
FROM consilium.teaching_session t WHERE t.id = $1::uuid

-- name: teaching_list
SELECT json_build_object('id', t.id, 'version', t.version, 'title', t.title, 'description', t.description, 'state', t.state,
    'teacher', consilium.json_person(t.teacher), 'organisation', consilium.json_organisation(t.organisation),
    'room', (SELECT r.id FROM consilium.room r WHERE r.teaching = t.id), 'starts_at', consilium.rfc3339(t.starts_at),
    'started_at', consilium.rfc3339(t.started_at), 'ended_at', consilium.rfc3339(t.ended_at),
    'consent_at', consilium.rfc3339(t.consent_at), 'attendance', consilium.teaching_attendance(t.id),
    'recordings', coalesce((SELECT json_agg(consilium.json_recording(o.id) ORDER BY o.started_at)
                            FROM consilium.recording o WHERE o.teaching = t.id), '[]')),
    t.created_at || '|' || t.id
FROM consilium.teaching_session t
WHERE $2::timestamptz IS NULL OR (t.created_at, t.id) < ($2::timestamptz, $3::uuid)
ORDER BY t.created_at DESC, t.id DESC LIMIT $1::integer

-- name: teaching_act
SELECT consilium.teaching_act($1::uuid, $2::integer, $3, $4, $5, $6, $7::text[], $8, $9, $10::jsonb, $11::uuid)

-- name: teaching_expect
SELECT consilium.expect(EXISTS (SELECT FROM consilium.teaching_session WHERE id = $1::uuid), '404', 'no such session')

-- name: teaching_recording
SELECT o.id, o.room FROM consilium.recording o WHERE o.teaching = $1::uuid AND o.state IN ('recording', 'finalising')
ORDER BY o.started_at DESC LIMIT 1

-- name: question_list
SELECT json_build_object('id', q.id, 'person', consilium.json_person(q.person),
    'organisation', consilium.json_organisation(q.organisation), 'text', q.text, 'at', consilium.rfc3339(q.at),
    'answered_at', consilium.rfc3339(q.answered_at))
FROM consilium.question q WHERE q.teaching = $1::uuid ORDER BY q.at, q.id

-- name: question_get
SELECT json_build_object('id', q.id, 'person', consilium.json_person(q.person),
    'organisation', consilium.json_organisation(q.organisation), 'text', q.text, 'at', consilium.rfc3339(q.at),
    'answered_at', consilium.rfc3339(q.answered_at))
FROM consilium.question q WHERE q.id = $1::uuid AND q.teaching = $2::uuid

-- name: question_add
INSERT INTO consilium.question (teaching, person, organisation, text)
VALUES ($1::uuid, consilium.me(), consilium.my_org(), $2)
RETURNING json_build_object('id', id, 'person', consilium.json_person(person),
    'organisation', consilium.json_organisation(organisation), 'text', text, 'at', consilium.rfc3339(at), 'answered_at', NULL), id

-- name: question_answer
UPDATE consilium.question SET answered_at = coalesce(answered_at, now()), answered_by = coalesce(answered_by, consilium.me())
WHERE id = $1::uuid AND teaching = $2::uuid

-- name: teaching_tell
SELECT consilium.changed('teaching', t.id, t.version, ARRAY(SELECT consilium.my_consortium()), NULL)
FROM consilium.teaching_session t WHERE t.id = $1::uuid

-- name: recording_get
SELECT consilium.json_recording(o.id) FROM consilium.recording o WHERE o.id = $1::uuid

-- name: recording_file
SELECT f.mime, f.file FROM consilium.recording_file f WHERE f.recording = $1::uuid AND f.file = $2

-- name: recording_done
SELECT consilium.recording_done($1::uuid, $2, $3::jsonb)

-- name: recording_left
SELECT id, room, running FROM consilium.recording_left()

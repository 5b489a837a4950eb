-- Consultations as the acting person sees them. Keys that begin with _ are facts for the table of steps
-- (hub/domain/consult_fsm.def); the hub takes them out before it answers.

-- name: consult_get
SELECT json_build_object('id', c.id, 'version', c.version, 'number', c.number, 'state', c.state, 'urgency', c.urgency,
    'question', c.question, 'summary', c.summary, 'consent', c.consent_at IS NOT NULL,
    'patient', consilium.json_patient(c.patient),
    'from', consilium.json_party(c.from_organisation, NULL, c.from_person),
    'to', consilium.json_party(c.to_organisation, c.to_department, NULL),
    'claimed_by', consilium.json_person(c.claimed_by), 'adopted', c.adopted,
    'studies', coalesce((SELECT json_agg(consilium.json_study(s.id) ORDER BY s.study_date DESC NULLS LAST, s.id)
                         FROM consilium.study s JOIN consilium.consult_study cs ON cs.study = s.id WHERE cs.consult = c.id), '[]'),
    'study_count', (SELECT count(*) FROM consilium.consult_study cs WHERE cs.consult = c.id),
    'room', (SELECT r.id FROM consilium.room r WHERE r.consult = c.id),
    'opinion', (SELECT json_build_object('number', o.number, 'findings', o.findings, 'impression', o.impression,
                       'advice', o.advice, 'critical', o.critical, 'author', consilium.json_person(o.author),
                       'signed_at', consilium.rfc3339(o.signed_at), 'content_hash', o.content_hash)
                FROM consilium.opinion o WHERE o.consult = c.id ORDER BY o.number DESC LIMIT 1),
    'due_at', consilium.rfc3339(c.due_at),
    'access_until', CASE WHEN c.to_organisation = consilium.my_org() THEN consilium.rfc3339(c.to_until) END,
    'created_at', consilium.rfc3339(c.created_at), 'updated_at', consilium.rfc3339(c.updated_at),
    '_department', c.to_department IN (SELECT consilium.my_departments()),
    '_agreed', consilium.agreed(c.from_organisation, c.to_organisation, 'consult'),
    '_settled', c.settled,
    '_draft', (SELECT json_build_object('findings', o.findings, 'impression', o.impression, 'advice', o.advice,
                                        'critical', o.critical)
               FROM consilium.opinion o WHERE o.consult = c.id AND o.signed_at IS NULL)) AS consult
FROM consilium.consult c WHERE c.id = $1::uuid

-- name: consult_act
SELECT consilium.consult_act($1::uuid, $2::integer, $3, $4, $5, $6, $7::text[], $8::text[], $9, $10, $11::jsonb, $12::integer,
                             $13::integer)

-- name: consult_expect
SELECT consilium.expect(EXISTS (SELECT FROM consilium.consult WHERE id = $1::uuid), '404', 'no such consult')

-- name: opinion_save
SELECT consilium.opinion_save($1::uuid, $2::integer, $3::jsonb)

-- name: case_events
SELECT json_build_object('id', e.subject || ':' || e.version, 'at', consilium.rfc3339(e.at), 'action', e.action,
    'from_state', e.from_state, 'to_state', e.to_state, 'person', consilium.json_person(e.person), 'role', e.role,
    'organisation', consilium.json_organisation(e.organisation), 'reason', e.reason, 'note', e.note)
FROM consilium.case_event e WHERE e.kind = $1 AND e.subject = $2::uuid ORDER BY e.version

-- Referrals as the acting person sees them; keys that begin with _ are facts for hub/domain/referral_fsm.def.

-- name: referral_get
SELECT json_build_object('id', r.id, 'version', r.version, 'number', r.number, 'state', r.state, 'direction', r.direction,
    'path', r.path, 'urgency', r.urgency, 'reason', r.reason, 'diagnosis', r.diagnosis, 'treatment', r.treatment,
    'consent', r.consent_at IS NOT NULL, 'patient', consilium.json_patient(r.patient),
    'from', consilium.json_party(r.from_organisation, NULL, r.from_person),
    'to', consilium.json_party(r.to_organisation, r.to_department, NULL),
    'claimed_by', consilium.json_person(r.claimed_by),
    'studies', coalesce((SELECT json_agg(consilium.json_study(s.id) ORDER BY s.study_date DESC NULLS LAST, s.id)
                         FROM consilium.study s JOIN consilium.referral_study rs ON rs.study = s.id WHERE rs.referral = r.id), '[]'),
    'study_count', (SELECT count(*) FROM consilium.referral_study rs WHERE rs.referral = r.id),
    'booking', CASE WHEN r.booking_at IS NOT NULL THEN json_build_object('at', consilium.rfc3339(r.booking_at),
                    'place', r.booking_place, 'instructions', r.booking_instructions) END,
    'visit', r.visit,
    'report', CASE WHEN r.report_at IS NOT NULL THEN json_build_object('text', r.report, 'author', consilium.json_person(r.report_by),
                   'signed_at', consilium.rfc3339(r.report_at), 'content_hash', r.report_hash) END,
    'due_at', consilium.rfc3339(r.due_at),
    'access_until', CASE WHEN r.to_organisation = consilium.my_org() THEN consilium.rfc3339(r.to_until) END,
    'created_at', consilium.rfc3339(r.created_at), 'updated_at', consilium.rfc3339(r.updated_at),
    '_department', r.to_department IN (SELECT consilium.my_departments()),
    '_agreed', consilium.agreed(r.from_organisation, r.to_organisation, 'referral')) AS referral
FROM consilium.referral r WHERE r.id = $1::uuid

-- name: referral_act
SELECT consilium.referral_act($1::uuid, $2::integer, $3, $4, $5, $6, $7::text[], $8::text[], $9, $10, $11::jsonb, $12::integer,
                              $13::integer)

-- name: referral_expect
SELECT consilium.expect(EXISTS (SELECT FROM consilium.referral WHERE id = $1::uuid), '404', 'no such referral')

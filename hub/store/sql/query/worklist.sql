-- The work list: consults and referrals in one shape, sorted into views by who has the next step. Which states belong to
-- whom comes as parameters from the tables of hub/domain/*_fsm.def, as state lists: of the sender, of the claimer, of the
-- department (anybody there), of the coordinators, of the department's clinicians, of nobody (final).
-- What waits for somebody comes by urgency, then by the time that is left; what is under way or over, by its last change.
-- Both orders are one column, so that one cursor serves all views.

-- name: worklist_get
WITH item AS (
    SELECT 'consult' AS kind, c.id, c.version, c.number, c.state, c.urgency, c.question AS summary, c.patient,
           c.from_organisation, c.from_person, c.to_organisation, c.to_department, c.claimed_by, c.created_at, c.updated_at,
           c.due_at, c.from_organisation = consilium.my_org() AS sent,
           c.state = ANY ($5::text[]) AS sender, c.state = ANY ($6::text[]) AS claimer, c.state = ANY ($7::text[]) AS desk,
           c.state = ANY ($8::text[]) AS coordinator, c.state = ANY ($9::text[]) AS clinician, c.state = ANY ($10::text[]) AS final
    FROM consilium.consult c
    UNION ALL
    SELECT 'referral', r.id, r.version, r.number, r.state, r.urgency, r.reason, r.patient, r.from_organisation, r.from_person,
           r.to_organisation, r.to_department, r.claimed_by, r.created_at, r.updated_at, r.due_at,
           r.from_organisation = consilium.my_org(), r.state = ANY ($11::text[]), r.state = ANY ($12::text[]),
           r.state = ANY ($13::text[]), r.state = ANY ($14::text[]), r.state = ANY ($15::text[]), r.state = ANY ($16::text[])
    FROM consilium.referral r
), placed AS (
    SELECT item.*, to_department IN (SELECT consilium.my_departments()) AS here,
           CASE WHEN sent THEN sender AND (state <> 'draft' OR from_person = consilium.me())
                WHEN claimer THEN claimed_by = consilium.me()
                WHEN desk THEN true
                WHEN coordinator THEN (SELECT consilium.has_role('coordinator'))
                WHEN clinician THEN claimed_by = consilium.me() OR to_department IN (SELECT consilium.my_departments())
                ELSE false END AS mine
    FROM item
), viewed AS (
    SELECT placed.*, mine AND (sent OR NOT desk) AND NOT final AS in_todo, NOT sent AND desk AS in_unclaimed,
           sent AND NOT final AS in_sent, final AS in_closed,
           CASE WHEN $1 IN ('todo', 'unclaimed')
                THEN to_timestamp((1e10 * array_position(ARRAY['routine', 'soon', 'urgent', 'emergency'], urgency)
                                   - extract(epoch FROM coalesce(due_at, created_at + interval '1 year')))::float8)
                ELSE updated_at END AS place
    FROM placed
), page AS (
    SELECT * FROM viewed v
    WHERE CASE $1 WHEN 'todo' THEN in_todo WHEN 'unclaimed' THEN in_unclaimed WHEN 'sent' THEN in_sent
                  WHEN 'closed' THEN in_closed ELSE NOT final OR sent END
      AND ($3::timestamptz IS NULL OR (v.place, v.id) < ($3::timestamptz, $4::uuid))
    ORDER BY v.place DESC, v.id DESC LIMIT $2::integer
)
SELECT json_build_object(
    'items', coalesce((SELECT json_agg(json_build_object('kind', p.kind, 'id', p.id, 'version', p.version, 'number', p.number,
            'state', p.state, 'urgency', p.urgency, 'summary', left(p.summary, 200), 'patient', consilium.json_patient(p.patient),
            'from', consilium.json_party(p.from_organisation, NULL, p.from_person),
            'to', consilium.json_party(p.to_organisation, p.to_department, NULL),
            'claimed_by', consilium.json_person(p.claimed_by),
            'modalities', CASE p.kind
                WHEN 'consult' THEN (SELECT coalesce(json_agg(DISTINCT m), '[]') FROM consilium.study s
                    JOIN consilium.consult_study cs ON cs.study = s.id, unnest(s.modalities) m WHERE cs.consult = p.id)
                ELSE (SELECT coalesce(json_agg(DISTINCT m), '[]') FROM consilium.study s
                    JOIN consilium.referral_study rs ON rs.study = s.id, unnest(s.modalities) m WHERE rs.referral = p.id) END,
            'created_at', consilium.rfc3339(p.created_at), 'updated_at', consilium.rfc3339(p.updated_at),
            'due_at', consilium.rfc3339(p.due_at), 'overdue', coalesce(p.due_at < now(), false), 'mine', coalesce(p.mine, false),
            '_department', p.here, '_agreed', true, '_cursor', p.place || '|' || p.id)
        ORDER BY p.place DESC, p.id DESC) FROM page p), '[]'),
    'counts', (SELECT json_build_object('todo', count(*) FILTER (WHERE in_todo), 'unclaimed', count(*) FILTER (WHERE in_unclaimed),
            'sent', count(*) FILTER (WHERE in_sent), 'closed', count(*) FILTER (WHERE in_closed)) FROM viewed)) AS worklist

-- Studies as the REST API tells them.

-- name: study_list
-- $1 words (array of LIKE patterns, folded), $2 modality, $3 patient, $4 from, $5 to, $6 scope (all, own, granted), $7 limit, $8 cursor date
-- ('' for no date) or NULL: from the start, $9 cursor UID, $10 cursor id. Rows: JSON, date, UID, id.
SELECT consilium.json_study(s.id), coalesce(s.study_date::text, ''), s.study_uid, s.id
FROM consilium.study s JOIN consilium.patient p ON p.id = s.patient
WHERE NOT EXISTS (SELECT FROM unnest($1::text[]) w
                  WHERE NOT (p.name_search LIKE w OR lower(p.local_id) LIKE w OR lower(s.accession) LIKE w
                             OR consilium.fold(s.description) LIKE w))
  AND ($2::text IS NULL OR s.modalities @> ARRAY[$2::text])
  AND ($3::uuid IS NULL OR s.patient = $3::uuid)
  AND ($4::date IS NULL OR s.study_date >= $4::date) AND ($5::date IS NULL OR s.study_date <= $5::date)
  AND ($6::text = 'all' OR (s.organisation = (SELECT consilium.my_org())) = ($6::text = 'own'))
  AND ($8::text IS NULL OR (coalesce(s.study_date, '-infinity'), s.study_uid, s.id)
       < (CASE WHEN $8 = '' THEN '-infinity'::date ELSE nullif($8, '')::date END, $9::text, $10::uuid))
ORDER BY coalesce(s.study_date, '-infinity') DESC, s.study_uid DESC, s.id DESC
LIMIT $7::integer

-- name: study_count
-- $1 … $6 as study_list
SELECT count(*)
FROM consilium.study s JOIN consilium.patient p ON p.id = s.patient
WHERE NOT EXISTS (SELECT FROM unnest($1::text[]) w
                  WHERE NOT (p.name_search LIKE w OR lower(p.local_id) LIKE w OR lower(s.accession) LIKE w
                             OR consilium.fold(s.description) LIKE w))
  AND ($2::text IS NULL OR s.modalities @> ARRAY[$2::text])
  AND ($3::uuid IS NULL OR s.patient = $3::uuid)
  AND ($4::date IS NULL OR s.study_date >= $4::date) AND ($5::date IS NULL OR s.study_date <= $5::date)
  AND ($6::text = 'all' OR (s.organisation = (SELECT consilium.my_org())) = ($6::text = 'own'))

-- name: study_get
SELECT (consilium.json_study(s.id)::jsonb || jsonb_build_object('series', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('series_uid', e.series_uid, 'modality', e.modality, 'number', e.number,
               'description', e.description, 'instance_count', e.instance_count,
               'thumbnail', '/dicom-web/orgs/' || o.code || '/studies/' || s.study_uid || '/series/' || e.series_uid || '/thumbnail')
               ORDER BY e.number NULLS LAST, e.series_uid), '[]')
    FROM consilium.series e WHERE e.study = s.id)))::text
FROM consilium.study s JOIN consilium.organisation o ON o.id = s.organisation
WHERE s.id = $1::uuid

-- name: study_generation
-- A text that changes with every change of the study; no row when it does not exist.
SELECT s.id || ' ' || coalesce(string_agg(e.id || '-' || e.generation, ' ' ORDER BY e.series_uid), '')
FROM consilium.study s LEFT JOIN consilium.series e ON e.study = s.id
WHERE s.id = $1::uuid GROUP BY s.id

-- name: study_manifest
SELECT json_build_object('study', s.id, 'study_uid', s.study_uid,
    'dicomweb', '/dicom-web/orgs/' || o.code || '/studies/' || s.study_uid,
    'series', (SELECT coalesce(json_agg(json_build_object('series_uid', e.series_uid, 'modality', e.modality, 'number', e.number,
                      'description', e.description,
                      'instances', (SELECT coalesce(json_agg(json_build_object('sop_uid', i.sop_uid, 'sop_class', i.sop_class,
                             'number', i.number, 'frames', i.frames, 'rows', i.rows, 'columns', i.columns,
                             'transfer_syntax', i.transfer_syntax) ORDER BY i.number NULLS LAST, i.sop_uid), '[]')
                          FROM consilium.instance i WHERE i.series = e.id))
                      ORDER BY e.number NULLS LAST, e.series_uid), '[]')
               FROM consilium.series e WHERE e.study = s.id))
FROM consilium.study s JOIN consilium.organisation o ON o.id = s.organisation
WHERE s.id = $1::uuid

-- name: study_changed
-- $1 study (id or UID), $2 organisation: tells every hub, whose browsers read it again.
SELECT consilium.changed('study', CASE WHEN $1 ~ '^[0-9a-f-]{36}$' THEN $1::uuid END, 0, ARRAY[$2::uuid], NULL)

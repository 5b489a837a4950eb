-- What DICOMweb reads. $1 is the code of the organisation named in the path, or NULL, and $2 the study's UID: without a code the
-- caller's own copy is meant, else the one with the newest live grant, never a mixture. Row-level security decides what exists.

-- name: dicomweb_instance
-- $3 series, $4 instance. One row: hash, transfer syntax, frames, frame table, size.
SELECT encode(i.hash, 'hex'), i.transfer_syntax, i.frames, i.frame_table, i.size
FROM (SELECT s.id, s.organisation FROM consilium.study s
      WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
               (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
      LIMIT 1) s
JOIN consilium.instance i ON i.organisation = s.organisation AND i.study = s.id AND i.sop_uid = $4
JOIN consilium.series e ON e.id = i.series AND e.series_uid = $3

-- name: dicomweb_locate
-- $3 series. A row per instance: UID, then the columns of dicomweb_instance. Too many rows are none.
SELECT i.sop_uid, encode(i.hash, 'hex'), i.transfer_syntax, i.frames, i.frame_table, i.size
FROM (SELECT s.id, s.organisation FROM consilium.study s
      WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
               (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
      LIMIT 1) s
JOIN consilium.series e ON e.study = s.id AND e.series_uid = $3 AND e.instance_count <= 5000
JOIN consilium.instance i ON i.series = e.id

-- name: dicomweb_instances
-- $3 series or NULL. Rows in order: hash, transfer syntax, size, series UID, instance UID, organisation code.
SELECT encode(i.hash, 'hex'), i.transfer_syntax, i.size, e.series_uid, i.sop_uid, o.code
FROM (SELECT s.id, s.organisation FROM consilium.study s
      WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
               (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
      LIMIT 1) s
JOIN consilium.organisation o ON o.id = s.organisation
JOIN consilium.series e ON e.study = s.id AND ($3::text IS NULL OR e.series_uid = $3)
JOIN consilium.instance i ON i.series = e.id
ORDER BY e.number NULLS LAST, e.series_uid, i.number NULLS LAST, i.sop_uid

-- name: dicomweb_generation
-- $3 series or NULL, $4 instance or NULL. One row with a text that changes with every change of what is asked for; none when it
-- does not exist.
SELECT string_agg(e.id || '-' || e.generation, ' ' ORDER BY e.series_uid) || coalesce(' ' || $4, '')
FROM (SELECT s.id, s.organisation FROM consilium.study s
      WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
               (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
      LIMIT 1) s
JOIN consilium.series e ON e.study = s.id AND ($3::text IS NULL OR e.series_uid = $3)
WHERE $4::text IS NULL OR EXISTS (SELECT FROM consilium.instance i WHERE i.series = e.id AND i.sop_uid = $4)
HAVING count(*) > 0

-- name: dicomweb_metadata
-- $3 series or NULL, $4 instance or NULL. Rows in order: deflated piece, CRC-32, size.
SELECT i.metadata, i.metadata_crc, i.metadata_size
FROM (SELECT s.id, s.organisation FROM consilium.study s
      WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
               (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
      LIMIT 1) s
JOIN consilium.series e ON e.study = s.id AND ($3::text IS NULL OR e.series_uid = $3)
JOIN consilium.instance i ON i.series = e.id AND ($4::text IS NULL OR i.sop_uid = $4)
ORDER BY e.number NULLS LAST, e.series_uid, i.number NULLS LAST, i.sop_uid

-- name: dicomweb_middle
-- $3 series or NULL: the instance that stands for it in a thumbnail: hash, frames, modality, transfer syntax.
SELECT encode(i.hash, 'hex'), i.frames, e.modality, i.transfer_syntax
FROM (SELECT s.id, s.organisation FROM consilium.study s
      WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
               (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
      LIMIT 1) s
JOIN consilium.series e ON e.study = s.id AND ($3::text IS NULL OR e.series_uid = $3)
JOIN consilium.instance i ON i.series = e.id AND i.frames > 0
ORDER BY e.number NULLS LAST, e.series_uid, abs(coalesce(i.number, 1) - (e.instance_count + 1) / 2), i.sop_uid
LIMIT 1

-- name: dicomweb_custom_plan
-- Searches have many optional parameters: each is planned for the values it has.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: qido_search
-- $1 level, $2 keys and $3 options as image_search takes them, $4 base URL. One row: the JSON array, how many more there are.
SELECT '[' || coalesce(string_agg((r.answer || jsonb_build_object(
           '00080005', '{"vr": "CS", "Value": ["ISO_IR 192"]}'::jsonb,
           '00080056', '{"vr": "CS", "Value": ["ONLINE"]}'::jsonb,
           '00081190', consilium.dicom_json('UR', concat_ws('/', $4::text, 'dicom-web/orgs', r.organisation,
               'studies', r.answer->'0020000D'->'Value'->>0,
               CASE WHEN $1::text <> 'STUDY' THEN 'series/' || (r.answer->'0020000E'->'Value'->>0) END,
               CASE WHEN $1::text = 'IMAGE' THEN 'instances/' || (r.answer->'00080018'->'Value'->>0) END))))::text, ',' ORDER BY r.place), '') || ']',
       coalesce(max(r.more), 0)
FROM consilium.image_search($1::text, $2::jsonb, $3::jsonb) WITH ORDINALITY AS r (answer, organisation, metadata, more, place)

-- name: upload_known
-- $1 JSON array of instance UIDs. A JSON array of those that the own organisation has.
SELECT coalesce(json_agg(i.sop_uid), '[]')
FROM consilium.instance i
WHERE i.organisation = consilium.my_org() AND i.sop_uid = ANY (ARRAY (SELECT jsonb_array_elements_text($1::jsonb)))

-- name: stow_begin
SELECT code FROM consilium.organisation WHERE id = consilium.my_org()

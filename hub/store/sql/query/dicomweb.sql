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

-- name: qido_studies
-- $1 organisation code, $2 study UIDs (array), $3 patient id pattern, $4 name pattern, $5 name words (array of patterns),
-- $6 date from, $7 date to, $8 accession pattern, $9 modalities (array), $10 study id pattern, $11 description pattern,
-- $12 referring pattern, $13 sex, $14 birth date from, $15 birth date to, $16 time from, $17 time to, $18 base URL, $19 limit,
-- $20 offset. One row: the JSON array, rows in it, how many more there are (1000 at most are counted).
WITH hit AS (
    SELECT s.id, s.organisation, s.study_uid, s.attributes, s.modalities, s.series_count, s.instance_count, s.study_date,
           row_number() OVER (ORDER BY s.study_date DESC NULLS LAST, s.study_uid, s.id) AS place
    FROM consilium.study s JOIN consilium.patient p ON p.id = s.patient
    WHERE ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      AND ($2::text[] IS NULL OR s.study_uid = ANY ($2::text[]))
      AND ($3::text IS NULL OR p.local_id LIKE $3)
      AND ($4::text IS NULL OR consilium.fold(p.name_alphabetic) LIKE consilium.fold($4)
           OR consilium.fold(p.name_ideographic) LIKE consilium.fold($4) OR consilium.fold(p.name_phonetic) LIKE consilium.fold($4)
           OR consilium.fold(concat_ws('=', p.name_alphabetic, p.name_ideographic, nullif(p.name_phonetic, ''))) LIKE consilium.fold($4)
           OR (cardinality($5::text[]) > 0 AND (' ' || p.name_search || ' ') LIKE ALL
               (SELECT consilium.fold(w) FROM unnest($5::text[]) w)))
      AND ($6::date IS NULL OR s.study_date >= $6::date) AND ($7::date IS NULL OR s.study_date <= $7::date)
      AND ($8::text IS NULL OR s.accession LIKE $8)
      AND ($9::text[] IS NULL OR s.modalities && $9::text[])
      AND ($10::text IS NULL OR s.study_id LIKE $10)
      AND ($11::text IS NULL OR lower(s.description) LIKE lower($11))
      AND ($12::text IS NULL OR consilium.fold(s.referring) LIKE consilium.fold($12))
      AND ($13::text IS NULL OR p.sex = $13)
      AND ($14::date IS NULL OR p.birth_date >= $14::date) AND ($15::date IS NULL OR p.birth_date <= $15::date)
      AND ($16::text IS NULL OR s.study_time >= $16) AND ($17::text IS NULL OR s.study_time <= $17)
    ORDER BY s.study_date DESC NULLS LAST, s.study_uid, s.id
    OFFSET $20::integer LIMIT $19::integer + 1000)
SELECT '[' || coalesce(string_agg((hit.attributes || jsonb_build_object(
           '00080005', '{"vr": "CS", "Value": ["ISO_IR 192"]}'::jsonb,
           '00080056', '{"vr": "CS", "Value": ["ONLINE"]}'::jsonb,
           '00080061', jsonb_build_object('vr', 'CS', 'Value', to_jsonb(hit.modalities)),
           '00081190', jsonb_build_object('vr', 'UR', 'Value', jsonb_build_array(
               $18 || '/dicom-web/orgs/' || o.code || '/studies/' || hit.study_uid)),
           '00201206', jsonb_build_object('vr', 'IS', 'Value', jsonb_build_array(hit.series_count)),
           '00201208', jsonb_build_object('vr', 'IS', 'Value', jsonb_build_array(hit.instance_count))))::text, ','
           ORDER BY hit.place) FILTER (WHERE hit.place <= $20::integer + $19::integer), '') || ']',
       count(*) FILTER (WHERE hit.place <= $20::integer + $19::integer),
       count(*) FILTER (WHERE hit.place > $20::integer + $19::integer)
FROM hit JOIN consilium.organisation o ON o.id = hit.organisation

-- name: qido_series
-- $1 organisation code, $2 study UID (one copy of it, as above) or NULL: any, $3 series UIDs (array), $4 modalities (array), $5 number,
-- $6 description pattern, $7 base URL, $8 limit, $9 offset. Columns as qido_studies.
WITH one AS (
    SELECT s.id FROM consilium.study s
    WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
    ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
             (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
    LIMIT 1
), hit AS (
    SELECT e.*, s.study_uid, s.attributes AS study_attributes, s.study_date,
           row_number() OVER (ORDER BY s.study_date DESC NULLS LAST, s.study_uid, s.id, e.number NULLS LAST, e.series_uid) AS place
    FROM consilium.series e JOIN consilium.study s ON s.id = e.study
    WHERE ($2::text IS NULL OR e.study = (SELECT id FROM one))
      AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      AND ($3::text[] IS NULL OR e.series_uid = ANY ($3::text[]))
      AND ($4::text[] IS NULL OR e.modality = ANY ($4::text[]))
      AND ($5::integer IS NULL OR e.number = $5::integer)
      AND ($6::text IS NULL OR lower(e.description) LIKE lower($6))
    ORDER BY s.study_date DESC NULLS LAST, s.study_uid, s.id, e.number NULLS LAST, e.series_uid
    OFFSET $9::integer LIMIT $8::integer + 1000)
SELECT '[' || coalesce(string_agg((CASE WHEN $2::text IS NULL THEN hit.study_attributes ELSE '{}' END || hit.attributes || jsonb_build_object(
           '00080005', '{"vr": "CS", "Value": ["ISO_IR 192"]}'::jsonb,
           '00080056', '{"vr": "CS", "Value": ["ONLINE"]}'::jsonb,
           '0020000D', jsonb_build_object('vr', 'UI', 'Value', jsonb_build_array(hit.study_uid)),
           '00081190', jsonb_build_object('vr', 'UR', 'Value', jsonb_build_array(
               $7 || '/dicom-web/orgs/' || o.code || '/studies/' || hit.study_uid || '/series/' || hit.series_uid)),
           '00201209', jsonb_build_object('vr', 'IS', 'Value', jsonb_build_array(hit.instance_count))))::text, ','
           ORDER BY hit.place) FILTER (WHERE hit.place <= $9::integer + $8::integer), '') || ']',
       count(*) FILTER (WHERE hit.place <= $9::integer + $8::integer),
       count(*) FILTER (WHERE hit.place > $9::integer + $8::integer)
FROM hit JOIN consilium.organisation o ON o.id = hit.organisation

-- name: qido_instances
-- $1 organisation code, $2 study UID or NULL, $3 series UID or NULL, $4 instance UIDs (array), $5 SOP classes (array), $6 number,
-- $7 base URL, $8 limit, $9 offset. Columns as qido_studies.
WITH one AS (
    SELECT s.id FROM consilium.study s
    WHERE s.study_uid = $2 AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
    ORDER BY (s.organisation = (SELECT consilium.my_org())) DESC,
             (SELECT max(g.valid_from) FROM consilium.my_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id
    LIMIT 1
), hit AS (
    SELECT i.*, s.study_uid, e.series_uid, e.number AS series_number, e.modality, s.study_date,
           row_number() OVER (ORDER BY s.study_date DESC NULLS LAST, s.study_uid, s.id, e.number NULLS LAST, e.series_uid,
                              i.number NULLS LAST, i.sop_uid) AS place
    FROM consilium.instance i JOIN consilium.series e ON e.id = i.series JOIN consilium.study s ON s.id = i.study
    WHERE ($2::text IS NULL OR i.study = (SELECT id FROM one))
      AND ($1::text IS NULL OR s.organisation = (SELECT x.id FROM consilium.organisation x WHERE x.code = $1))
      AND ($3::text IS NULL OR e.series_uid = $3)
      AND ($4::text[] IS NULL OR i.sop_uid = ANY ($4::text[]))
      AND ($5::text[] IS NULL OR i.sop_class = ANY ($5::text[]))
      AND ($6::integer IS NULL OR i.number = $6::integer)
    ORDER BY s.study_date DESC NULLS LAST, s.study_uid, s.id, e.number NULLS LAST, e.series_uid, i.number NULLS LAST, i.sop_uid
    OFFSET $9::integer LIMIT $8::integer + 1000)
SELECT '[' || coalesce(string_agg(jsonb_strip_nulls(jsonb_build_object(
           '00080005', '{"vr": "CS", "Value": ["ISO_IR 192"]}'::jsonb,
           '00080016', jsonb_build_object('vr', 'UI', 'Value', jsonb_build_array(hit.sop_class)),
           '00080018', jsonb_build_object('vr', 'UI', 'Value', jsonb_build_array(hit.sop_uid)),
           '00080056', '{"vr": "CS", "Value": ["ONLINE"]}'::jsonb,
           '00083002', jsonb_build_object('vr', 'UI', 'Value', jsonb_build_array(hit.transfer_syntax)),
           '00080060', jsonb_build_object('vr', 'CS', 'Value', jsonb_build_array(hit.modality)),
           '0020000D', jsonb_build_object('vr', 'UI', 'Value', jsonb_build_array(hit.study_uid)),
           '0020000E', jsonb_build_object('vr', 'UI', 'Value', jsonb_build_array(hit.series_uid)),
           '00200013', CASE WHEN hit.number IS NOT NULL THEN jsonb_build_object('vr', 'IS', 'Value', jsonb_build_array(hit.number)) END,
           '00280008', CASE WHEN hit.frames > 0 THEN jsonb_build_object('vr', 'IS', 'Value', jsonb_build_array(hit.frames)) END,
           '00280010', CASE WHEN hit.rows IS NOT NULL THEN jsonb_build_object('vr', 'US', 'Value', jsonb_build_array(hit.rows)) END,
           '00280011', CASE WHEN hit.columns IS NOT NULL THEN jsonb_build_object('vr', 'US', 'Value', jsonb_build_array(hit.columns)) END,
           '00081190', jsonb_build_object('vr', 'UR', 'Value', jsonb_build_array(
               $7 || '/dicom-web/orgs/' || o.code || '/studies/' || hit.study_uid || '/series/' || hit.series_uid ||
               '/instances/' || hit.sop_uid))))::text, ','
           ORDER BY hit.place) FILTER (WHERE hit.place <= $9::integer + $8::integer), '') || ']',
       count(*) FILTER (WHERE hit.place <= $9::integer + $8::integer),
       count(*) FILTER (WHERE hit.place > $9::integer + $8::integer)
FROM hit JOIN consilium.organisation o ON o.id = hit.organisation

-- name: upload_known
-- $1 JSON array of instance UIDs. A JSON array of those that the own organisation has.
SELECT coalesce(json_agg(i.sop_uid), '[]')
FROM consilium.instance i
WHERE i.organisation = consilium.my_org() AND i.sop_uid = ANY (ARRAY (SELECT jsonb_array_elements_text($1::jsonb)))

-- name: stow_begin
SELECT code FROM consilium.organisation WHERE id = consilium.my_org()

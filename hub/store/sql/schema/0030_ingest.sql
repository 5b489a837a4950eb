-- Why: the one writer of the image index. The dicom program calls instance_index once for each instance, as the calling
-- AE's or uploading person's organisation; row-level security holds for what it does (no SECURITY DEFINER).
-- Rules: same UID and same content is the same instance; same UID with other content, or a study that turns up with
-- another patient, waits in quarantine and changes nothing; a person's corrections of a patient are not overwritten.

-- The patient of (organisation, local_id), made when new. What was empty is filled; a name that differs is kept for
-- searching only, since the first one may have been corrected by a person.
CREATE FUNCTION consilium.patient_index(item jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    known consilium.patient;
    -- without a patient id nobody knows whether two studies are of one human
    local text := coalesce(nullif(item->>'patient_id', ''), 'study:' || (item->>'study_uid'));
BEGIN
    SELECT * INTO known FROM consilium.patient WHERE organisation = consilium.my_org() AND local_id = local;
    IF NOT FOUND THEN
        INSERT INTO consilium.patient (organisation, local_id, name_alphabetic, name_ideographic, name_phonetic, name_search,
                                       birth_date, sex, charset_doubt)
        VALUES (consilium.my_org(), local, item->>'name_alphabetic', item->>'name_ideographic', item->>'name_phonetic',
                item->>'name_search', (item->>'birth_date')::date, item->>'sex', (item->>'charset_doubt')::boolean)
        ON CONFLICT DO NOTHING RETURNING * INTO known;
        IF FOUND THEN RETURN known.id; END IF;
        SELECT * INTO known FROM consilium.patient WHERE organisation = consilium.my_org() AND local_id = local;
    END IF;
    IF position(item->>'name_search' IN known.name_search) = 0 OR (known.birth_date IS NULL AND item->>'birth_date' IS NOT NULL)
       OR (known.sex = '' AND item->>'sex' <> '') THEN
        UPDATE consilium.patient SET
            name_alphabetic = CASE WHEN known.name_search = '' THEN item->>'name_alphabetic' ELSE name_alphabetic END,
            name_ideographic = CASE WHEN known.name_search = '' THEN item->>'name_ideographic' ELSE name_ideographic END,
            name_phonetic = CASE WHEN known.name_search = '' THEN item->>'name_phonetic' ELSE name_phonetic END,
            name_search = CASE WHEN position(item->>'name_search' IN name_search) > 0 THEN name_search
                               ELSE left(btrim(name_search || ' ' || (item->>'name_search')), 4000) END,
            birth_date = coalesce(birth_date, (item->>'birth_date')::date),
            sex = CASE WHEN sex = '' THEN item->>'sex' ELSE sex END,
            updated_at = now(), version = version + 1
        WHERE id = known.id;
    END IF;
    RETURN known.id;
END $$;

CREATE FUNCTION consilium.study_index(item jsonb, of_patient uuid, ret_study OUT uuid, ret_patient OUT uuid)
    LANGUAGE plpgsql AS $$
BEGIN
    SELECT id, patient INTO ret_study, ret_patient FROM consilium.study
        WHERE organisation = consilium.my_org() AND study_uid = item->>'study_uid';
    IF FOUND THEN RETURN; END IF;
    INSERT INTO consilium.study (organisation, study_uid, patient, study_date, study_time, accession, study_id, description,
                                 referring, attributes)
    VALUES (consilium.my_org(), item->>'study_uid', of_patient, (item->>'study_date')::date, item->>'study_time',
            item->>'accession', item->>'study_id', item->>'study_description', item->>'referring', item->'study_attributes')
    RETURNING id, patient INTO ret_study, ret_patient;
    PERFORM consilium.audit_append(item->>'received_from', 'study.receive', ret_study::text, NULL);
    PERFORM consilium.changed('study', ret_study, 1, ARRAY[consilium.my_org()], NULL);
END $$;

CREATE FUNCTION consilium.series_index(item jsonb, of_study uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE found_id uuid;
BEGIN
    UPDATE consilium.series SET instance_count = instance_count + 1, generation = generation + 1
        WHERE study = of_study AND series_uid = item->>'series_uid' RETURNING id INTO found_id;
    IF NOT FOUND THEN
        INSERT INTO consilium.series (organisation, study, series_uid, modality, number, description, instance_count,
                                      generation, attributes)
        VALUES (consilium.my_org(), of_study, item->>'series_uid', item->>'modality', (item->>'series_number')::integer,
                item->>'series_description', 1, 1, item->'series_attributes')
        RETURNING id INTO found_id;
        UPDATE consilium.study SET series_count = series_count + 1, modalities = CASE
            WHEN item->>'modality' = '' OR item->>'modality' = ANY (modalities) THEN modalities
            ELSE modalities || (item->>'modality') END WHERE id = of_study;
    END IF;
    UPDATE consilium.study SET instance_count = instance_count + 1, updated_at = now() WHERE id = of_study;
    RETURN found_id;
END $$;

CREATE FUNCTION consilium.instance_set_aside(item jsonb, of_study uuid, why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO consilium.instance_quarantine (organisation, study, sop_uid, hash, size, reason, received_from)
    VALUES (consilium.my_org(), of_study, item->>'sop_uid', decode(item->>'hash', 'hex'), (item->>'size')::bigint, why,
            item->>'received_from') ON CONFLICT DO NOTHING;
    PERFORM consilium.audit_append(item->>'received_from', 'instance.quarantine', item->>'sop_uid',
                                   jsonb_build_object('reason', why));
END $$;

-- outcome: stored, same or quarantined (then with the reason).
CREATE FUNCTION consilium.instance_index(item jsonb, frames_at bytea, dicom_json bytea)
    RETURNS TABLE (outcome text, reason text, study uuid, study_instances integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known consilium.instance;
    my_patient uuid;
    of_study record;
BEGIN
    SELECT * INTO known FROM consilium.instance i
        WHERE i.organisation = consilium.my_org() AND i.sop_uid = item->>'sop_uid';
    IF FOUND THEN
        IF known.hash = decode(item->>'hash', 'hex') THEN
            RETURN QUERY SELECT 'same', NULL::text, known.study, s.instance_count FROM consilium.study s WHERE s.id = known.study;
            RETURN;
        END IF;
        PERFORM consilium.instance_set_aside(item, known.study, 'same UID, other content');
        RETURN QUERY SELECT 'quarantined', 'same UID, other content', known.study, 0;
        RETURN;
    END IF;
    my_patient := consilium.patient_index(item);
    of_study := consilium.study_index(item, my_patient);
    IF of_study.ret_patient <> my_patient THEN
        PERFORM consilium.instance_set_aside(item, of_study.ret_study, 'the study is of another patient');
        RETURN QUERY SELECT 'quarantined', 'the study is of another patient', of_study.ret_study, 0;
        RETURN;
    END IF;
    INSERT INTO consilium.instance (organisation, study, series, sop_uid, sop_class, number, transfer_syntax, rows, columns, frames,
                                    hash, size, frame_table, metadata, metadata_crc, metadata_size, received_from)
    VALUES (consilium.my_org(), of_study.ret_study, consilium.series_index(item, of_study.ret_study), item->>'sop_uid',
            item->>'sop_class', (item->>'number')::integer, item->>'transfer_syntax', (item->>'rows')::integer,
            (item->>'columns')::integer, (item->>'frames')::integer, decode(item->>'hash', 'hex'), (item->>'size')::bigint,
            frames_at, dicom_json, (item->>'metadata_crc')::bigint, (item->>'metadata_size')::integer, item->>'received_from');
    RETURN QUERY SELECT 'stored', NULL::text, s.id, s.instance_count FROM consilium.study s WHERE s.id = of_study.ret_study;
END $$;

GRANT EXECUTE ON FUNCTION consilium.patient_index, consilium.study_index, consilium.series_index,
    consilium.instance_set_aside, consilium.instance_index TO consilium_dicom;

-- C-FIND. A DICOM JSON attribute as DICOM text: values joined by \, name groups by =.
CREATE FUNCTION consilium.dicom_text(attribute jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(string_agg(CASE jsonb_typeof(v)
        WHEN 'object' THEN rtrim(coalesce(v->>'Alphabetic', '') || '=' || coalesce(v->>'Ideographic', '') || '='
                                 || coalesce(v->>'Phonetic', ''), '=')
        WHEN 'null' THEN '' ELSE v #>> '{}' END, '\' ORDER BY n), '')
    FROM jsonb_array_elements(coalesce(attribute->'Value', '[]')) WITH ORDINALITY AS x (v, n) $$;

-- Single value and wild card matching (PS3.4 C.2.2.2): universal when the key is empty.
CREATE FUNCTION consilium.dicom_matches(value text, wanted text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(wanted, '') IN ('', '*') OR value LIKE
        replace(replace(replace(replace(replace(wanted, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_') $$;

-- A UID or a list of them.
CREATE FUNCTION consilium.dicom_uid_matches(value text, wanted text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(wanted, '') IN ('', '*') OR value = ANY (string_to_array(wanted, '\')) $$;

-- A date or a range: 20260101, 20260101-, -20261231, 20260101-20261231.
CREATE FUNCTION consilium.dicom_date_matches(value date, wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(wanted, '') IN ('', '*') OR (value IS NOT NULL AND wanted ~ '^([0-9]{8})?-?([0-9]{8})?$' AND
        CASE WHEN wanted LIKE '%-%' THEN
            to_char(value, 'YYYYMMDD') BETWEEN coalesce(nullif(split_part(wanted, '-', 1), ''), '00000000')
                                           AND coalesce(nullif(split_part(wanted, '-', 2), ''), '99999999')
        ELSE to_char(value, 'YYYYMMDD') = wanted END) $$;

-- Names are found in any of their forms, whatever the case.
CREATE FUNCTION consilium.dicom_name_matches(forms text, wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(wanted, '') IN ('', '*') OR
        consilium.dicom_matches(forms, '*' || btrim(translate(consilium.fold(wanted), '^=', '  '), ' *') || '*') $$;

CREATE FUNCTION consilium.dicom_find_study(keys jsonb, s consilium.study, p consilium.patient) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT consilium.dicom_uid_matches(s.study_uid, keys->>'0020000D')
       AND consilium.dicom_matches(p.local_id, keys->>'00100020')
       AND consilium.dicom_name_matches(p.name_search, keys->>'00100010')
       AND consilium.dicom_date_matches(s.study_date, keys->>'00080020')
       AND consilium.dicom_date_matches(p.birth_date, keys->>'00100030')
       AND consilium.dicom_matches(s.accession, keys->>'00080050')
       AND consilium.dicom_matches(s.study_id, keys->>'00200010')
       AND consilium.dicom_matches(s.description, keys->>'00081030')
       AND (coalesce(keys->>'00080061', '') = '' OR string_to_array(keys->>'00080061', '\') && s.modalities) $$;

-- Every match as {"GGGGEEEE": text}, of the keys asked for, in a stable order. Row-level security decides what there is.
CREATE FUNCTION consilium.dicom_find(keys jsonb, skip integer, most integer) RETURNS SETOF jsonb LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE level text := upper(btrim(coalesce(keys->>'00080052', 'STUDY')));
BEGIN
    RETURN QUERY
    WITH found AS (
        SELECT s.id AS study_id, s.study_uid, s.attributes AS study_attributes, s.modalities, s.series_count, s.instance_count,
               e.attributes AS series_attributes, e.instance_count AS series_instances, i.sop_uid, i.sop_class, i.number, i.rows, i.columns, i.frames
        FROM consilium.study s JOIN consilium.patient p ON p.id = s.patient
        LEFT JOIN consilium.series e ON level <> 'STUDY' AND e.study = s.id
        LEFT JOIN consilium.instance i ON level = 'IMAGE' AND i.series = e.id
        WHERE consilium.dicom_find_study(keys, s, p)
          AND (level = 'STUDY' OR (consilium.dicom_uid_matches(e.series_uid, keys->>'0020000E')
               AND consilium.dicom_matches(e.modality, keys->>'00080060')
               AND consilium.dicom_matches(coalesce(e.number::text, ''), keys->>'00200011')))
          AND (level <> 'IMAGE' OR (consilium.dicom_uid_matches(i.sop_uid, keys->>'00080018')
               AND consilium.dicom_uid_matches(i.sop_class, keys->>'00080016')))
        ORDER BY s.study_date DESC NULLS LAST, s.study_uid, e.number NULLS LAST, e.series_uid, i.number NULLS LAST, i.sop_uid
        OFFSET skip LIMIT most),
    full_rows AS (
        SELECT f.*, coalesce(f.study_attributes, '{}') || coalesce(f.series_attributes, '{}') AS attributes,
            jsonb_build_object('00080052', level, '00080054', 'CONSILIUM', '00080061', array_to_string(f.modalities, '\'),
                '00201206', f.series_count::text, '00201208', f.instance_count::text, '00201209', f.series_instances::text,
                '00080018', f.sop_uid, '00080016', f.sop_class, '00200013', f.number::text, '00280010', f.rows::text,
                '00280011', f.columns::text, '00280008', nullif(f.frames, 0)::text) AS computed
        FROM found f)
    SELECT (SELECT coalesce(jsonb_object_agg(k, coalesce(r.computed->>k, consilium.dicom_text(r.attributes->k))), '{}')
                   || jsonb_build_object('00080052', level, '0020000D', r.study_uid)
            FROM jsonb_object_keys(keys) AS k WHERE k <> '00080005' AND k NOT LIKE '%0000')
    FROM full_rows r
    ORDER BY r.study_attributes->'00080020'->'Value'->>0 DESC NULLS LAST, r.study_uid, r.number NULLS LAST, r.sop_uid;
END $$;

GRANT EXECUTE ON FUNCTION consilium.dicom_text, consilium.dicom_matches, consilium.dicom_uid_matches,
    consilium.dicom_date_matches, consilium.dicom_name_matches, consilium.dicom_find_study, consilium.dicom_find TO consilium_dicom;

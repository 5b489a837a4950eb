-- Why: one engine searches the image index, for C-FIND and for QIDO-RS. Of the keys only those that restrict become
-- conditions. What names a few studies by itself (UIDs, accession number, patient's ID, a rare name) is looked up by
-- statements whose plans are kept; the rest walks an organisation's studies from the newest, so that a page costs the same
-- in a large archive. Everything is read with the caller's rights: row-level security decides what there is, except for
-- patients_named, which needs the trigram index (LIKE is not leakproof, so no index serves it below a policy) and says only
-- which of the patients that the caller may see anyway have the name.

CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA public;

DROP INDEX consilium.patient_name;
CREATE INDEX patient_name ON consilium.patient USING gin ((' ' || name_search || ' ') gin_trgm_ops);

-- DICOM's * and ? as a LIKE pattern.
CREATE FUNCTION consilium.search_pattern(wanted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(regexp_replace(wanted, '([\\%_])', '\\\1', 'g'), '*?', '%_') $$;

-- Case, width and accents do not count.
CREATE FUNCTION consilium.search_fold(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT normalize(regexp_replace(normalize(consilium.fold(name), NFKD), '[\u0300-\u036f]', '', 'g'), NFC) $$;

-- A list as DICOM writes it. In PL/pgSQL, as most here: a function in SQL that cannot be inlined is planned at every call.
CREATE FUNCTION consilium.search_list(wanted text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN regexp_split_to_array(btrim(wanted, ' '), ' *\\+ *'); END $$;

-- A date as DICOM writes it, also in the old form with points; NULL when it is none.
CREATE FUNCTION consilium.search_date(dicom text) RETURNS date LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE digits text := replace(btrim(dicom), '.', '');
BEGIN
    IF digits !~ '^[0-9]{8}$' THEN RETURN NULL; END IF;
    RETURN make_date(left(digits, 4)::integer, substr(digits, 5, 2)::integer, right(digits, 2)::integer);
EXCEPTION WHEN datetime_field_overflow THEN RETURN NULL;
END $$;

-- The first and the last of a range a-b, a- or -b; of a single value twice the same. NULL: open.
CREATE FUNCTION consilium.search_range(wanted text, first OUT text, last OUT text) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    first := nullif(btrim(split_part(wanted, '-', 1)), '');
    last := nullif(btrim(CASE WHEN wanted LIKE '%-%' THEN split_part(wanted, '-', 2) ELSE wanted END), '');
END $$;

CREATE FUNCTION consilium.search_dates(subject text, wanted text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    r record := consilium.search_range(wanted);
    a date := consilium.search_date(r.first);
    b date := consilium.search_date(r.last);
BEGIN
    IF (r.first IS NOT NULL AND a IS NULL) OR (r.last IS NOT NULL AND b IS NULL) OR coalesce(a, b) IS NULL THEN RETURN 'false'; END IF;
    RETURN concat_ws(' AND ', CASE WHEN a IS NOT NULL THEN format('%s >= %L::date', subject, a) END, CASE WHEN b IS NOT NULL THEN format('%s <= %L::date', subject, b) END);
END $$;

-- Times are compared as text: 10 includes 10:59:59, and 1030 begins at 10:30.
CREATE FUNCTION consilium.search_times(subject text, wanted text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE r record := consilium.search_range(replace(wanted, ':', ''));
BEGIN
    IF coalesce(r.first, r.last, '') = '' OR concat(r.first, r.last) !~ '^[0-9.]+$' THEN RETURN 'false'; END IF;
    RETURN format('%1$s <> %2$L AND %1$s >= %3$L COLLATE "C" AND %1$s <= %4$L COLLATE "C"', subject, '', coalesce(r.first, ''),
                  coalesce(r.last, '') || '~');
END $$;

-- Range over date and time together (PS3.4 C.2.2.2.5.2): from the first moment to the last one.
CREATE FUNCTION consilium.search_moments(dates text, times text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    d record := consilium.search_range(dates);
    t record := consilium.search_range(replace(times, ':', ''));
    subject text := '(to_char(s.study_date, ''YYYYMMDD'') || s.study_time)';
BEGIN
    IF consilium.search_times('t', times) = 'false' THEN RETURN 'false'; END IF;
    RETURN consilium.search_dates('s.study_date', dates)
        || CASE WHEN d.first IS NULL THEN '' ELSE format(' AND %s >= %L COLLATE "C"', subject, replace(d.first, '.', '') || coalesce(t.first, '')) END
        || CASE WHEN d.last IS NULL THEN '' ELSE format(' AND %s <= %L COLLATE "C"', subject, replace(d.last, '.', '') || coalesce(t.last, '') || '~') END;
END $$;

-- A name's words as patterns over the forms that a patient is found by, with a space around each form (dicom/scan/person_name.h);
-- the longest first, for the index. Every group that is given counts.
CREATE FUNCTION consilium.search_words(wanted text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF coalesce(wanted, '') = '' THEN RETURN '{}'; END IF;
    RETURN (SELECT coalesce(array_agg('% ' || consilium.search_pattern(w) || ' %'
                              ORDER BY length(translate(w, '*?', '')) DESC), '{}')
    FROM regexp_split_to_table(consilium.search_fold(wanted), '[\s^=,]+') AS w WHERE translate(w, '*?', '') <> '');
END $$;

-- What can be matched: the level it belongs to, how, and what it is compared with. NULL: nothing.
CREATE FUNCTION consilium.search_key(tag text, level OUT text, kind OUT text, subject OUT text) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE k text[] := CASE tag
        WHEN '00100010' THEN ARRAY['p', 'name', 'p.name_search']
        WHEN '00100020' THEN ARRAY['p', 'text', 'p.local_id']
        WHEN '00100021' THEN ARRAY['s', 'folded', 'consilium.dicom_text(s.attributes->''00100021'')']
        WHEN '00100030' THEN ARRAY['p', 'dates', 'p.birth_date']
        WHEN '00100040' THEN ARRAY['p', 'code', 'p.sex']
        WHEN '00101010' THEN ARRAY['s', 'text', 'consilium.dicom_text(s.attributes->''00101010'')']
        WHEN '0020000D' THEN ARRAY['s', 'list', 's.study_uid']
        WHEN '00080020' THEN ARRAY['s', 'dates', 's.study_date']
        WHEN '00080030' THEN ARRAY['s', 'times', 's.study_time']
        WHEN '00080050' THEN ARRAY['s', 'text', 's.accession']
        WHEN '00080061' THEN ARRAY['s', 'any', 's.modalities']
        WHEN '00080090' THEN ARRAY['s', 'folded', 's.referring']
        WHEN '00081030' THEN ARRAY['s', 'folded', 's.description']
        WHEN '00200010' THEN ARRAY['s', 'text', 's.study_id']
        WHEN '00201206' THEN ARRAY['s', 'number', 's.series_count']
        WHEN '00201208' THEN ARRAY['s', 'number', 's.instance_count']
        WHEN '0020000E' THEN ARRAY['e', 'list', 'e.series_uid']
        WHEN '00080060' THEN ARRAY['e', 'codes', 'e.modality']
        WHEN '00200011' THEN ARRAY['e', 'number', 'e.number']
        WHEN '0008103E' THEN ARRAY['e', 'folded', 'e.description']
        WHEN '00201209' THEN ARRAY['e', 'number', 'e.instance_count']
        WHEN '00080018' THEN ARRAY['i', 'list', 'i.sop_uid']
        WHEN '00080016' THEN ARRAY['i', 'list', 'i.sop_class']
        WHEN '00083002' THEN ARRAY['i', 'list', 'i.transfer_syntax']
        WHEN '00200013' THEN ARRAY['i', 'number', 'i.number']
        WHEN '00280008' THEN ARRAY['i', 'number', 'i.frames']
        WHEN '00280010' THEN ARRAY['i', 'number', 'i.rows']
        WHEN '00280011' THEN ARRAY['i', 'number', 'i.columns']
        ELSE CASE
            WHEN tag IN ('00080021', '00400244') THEN
                ARRAY['e', 'dates', 'consilium.search_date(consilium.dicom_text(e.attributes->''' || tag || '''))']
            WHEN tag IN ('00080031', '00400245') THEN ARRAY['e', 'times', 'consilium.dicom_text(e.attributes->''' || tag || ''')']
            WHEN tag IN ('00080070', '00081090', '00180015', '00181030', '00185100', '00200060') THEN
                ARRAY['e', 'folded', 'consilium.dicom_text(e.attributes->''' || tag || ''')'] END
        END;
BEGIN
    level := k[1];
    kind := k[2];
    subject := k[3];
END $$;

-- The letters of a word in their order in the alphabet: equal for two words of which one has letters swapped.
CREATE FUNCTION consilium.search_letters(word text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(c, '' ORDER BY c) FROM regexp_split_to_table(word, '') AS c $$;

-- Fuzzy: each word begins one of the forms, or is one of them with a letter wrong (from four letters; two from eight) or letters
-- swapped; two forms side by side count as one too (a given name's syllables). The first letter is right.
CREATE FUNCTION consilium.search_similar(forms text, wanted text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM regexp_split_to_table(translate(consilium.search_fold(wanted), '*?', ''), '[\s^=,]+') AS w
        WHERE w <> '' AND NOT EXISTS (
            SELECT FROM (SELECT f FROM unnest(string_to_array(forms, ' ')) AS f
                         UNION ALL SELECT f || lead(f) OVER (ORDER BY n) FROM unnest(string_to_array(forms, ' ')) WITH ORDINALITY AS x (f, n)) AS y (f)
            WHERE starts_with(f, w) OR (left(f, 1) = left(w, 1) AND length(w) BETWEEN 4 AND 60 AND length(f) <= 62
                AND (public.levenshtein_less_equal(f, w, length(w) / 8 + 1) <= least(length(w) / 8 + 1, 2)
                     OR (length(f) = length(w) AND consilium.search_letters(f) = consilium.search_letters(w)))))) $$;

CREATE FUNCTION consilium.search_condition(tag text, wanted text, fuzzy boolean) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    k record := consilium.search_key(tag);
    list text[] := consilium.search_list(wanted);
    folded text;
BEGIN
    CASE k.kind
    WHEN 'name' THEN
        IF fuzzy THEN RETURN format('consilium.search_similar(%s, %L)', k.subject, wanted); END IF;
        RETURN coalesce((SELECT string_agg(format('('' '' || %s || '' '') LIKE %L', k.subject, w), ' AND ')
                         FROM unnest(consilium.search_words(wanted)) AS w), 'true');
    WHEN 'text' THEN RETURN CASE WHEN wanted ~ '[*?]' THEN format('%s LIKE %L', k.subject, consilium.search_pattern(wanted))
                            ELSE format('%s = %L', k.subject, wanted) END;
    WHEN 'folded' THEN
        folded := consilium.search_pattern(consilium.search_fold(wanted));
        RETURN format('consilium.search_fold(%s) LIKE %L', k.subject, folded);
    WHEN 'code' THEN RETURN format('%s = %L', k.subject, upper(wanted));
    WHEN 'codes' THEN RETURN CASE WHEN wanted ~ '[*?]' THEN format('%s LIKE %L', k.subject, consilium.search_pattern(upper(wanted)))
                             ELSE format('%s = ANY (%L)', k.subject, consilium.search_list(upper(wanted))) END;
    WHEN 'any' THEN RETURN CASE WHEN wanted ~ '[*?]'
        THEN format('EXISTS (SELECT FROM unnest(%s) AS m WHERE m LIKE %L)', k.subject, consilium.search_pattern(upper(wanted)))
        ELSE format('%s && %L', k.subject, consilium.search_list(upper(wanted))) END;
    WHEN 'list' THEN RETURN CASE WHEN wanted ~ '[*?]' THEN format('%s LIKE %L', k.subject, consilium.search_pattern(wanted))
                            ELSE format('%s = ANY (%L)', k.subject, list) END;
    WHEN 'number' THEN RETURN CASE WHEN wanted ~ '^[+-]?[0-9]{1,9}$' THEN format('%s = %s', k.subject, wanted::integer) ELSE 'false' END;
    WHEN 'dates' THEN RETURN consilium.search_dates(k.subject, wanted);
    WHEN 'times' THEN RETURN consilium.search_times(k.subject, wanted);
    ELSE RETURN NULL;
    END CASE;
END $$;

-- The live grants that the caller sees by.
CREATE FUNCTION consilium.search_grants() RETURNS TABLE (study uuid, patient uuid, organisation uuid) LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF session_user = 'consilium_dicom' THEN
        RETURN QUERY SELECT g.study, g.patient, g.from_organisation FROM consilium.our_grant g WHERE g.study IS NOT NULL;
    ELSE
        RETURN QUERY SELECT g.study, g.patient, g.from_organisation FROM consilium.my_grant g WHERE g.study IS NOT NULL;
    END IF;
END $$;

-- Which of the own organisation's patients and of the granted ones have these words in their names; NULL: more than 300.
-- The caller's policies are asked again for every row that is read by them.
CREATE FUNCTION consilium.patients_named(words text[]) RETURNS uuid[] LANGUAGE plpgsql STABLE
    SECURITY DEFINER SET search_path = consilium, pg_temp AS $$
DECLARE found uuid[];
BEGIN
    IF session_user <> 'consilium_dicom' AND NOT consilium.clinical() THEN RETURN '{}'; END IF;
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM patient WHERE (%s) AND (organisation = my_org() OR id = ANY ($1)) LIMIT 301) x',
                   (SELECT string_agg(format('('' '' || name_search || '' '') LIKE %L', w), ' AND ') FROM unnest(words) AS w))
        INTO found USING ARRAY (SELECT g.patient FROM consilium.search_grants() g);
    RETURN CASE WHEN cardinality(found) > 300 THEN NULL ELSE coalesce(found, '{}') END;
END $$;

-- The studies that one key names by itself, and which key: UIDs, else accession number, patient's ID, a name. NULL: none does.
CREATE FUNCTION consilium.search_named(keys jsonb, organisations uuid[], fuzzy boolean, studies OUT uuid[], key OUT text)
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    wanted text;
    found uuid[];
BEGIN
    FOREACH key IN ARRAY ARRAY['0020000D', '0020000E', '00080018', '00080050', '00100020'] LOOP
        wanted := coalesce(keys->>key, '');
        CONTINUE WHEN wanted = '' OR wanted ~ '[*?]';
        CASE key -- statements of their own: one expression would set up all five at every call
        WHEN '0020000D' THEN
            SELECT array_agg(s.id) INTO studies FROM consilium.study s WHERE s.study_uid = ANY (consilium.search_list(wanted));
        WHEN '0020000E' THEN
            SELECT array_agg(DISTINCT e.study) INTO studies FROM consilium.series e
                WHERE e.organisation = ANY (organisations) AND e.series_uid = ANY (consilium.search_list(wanted));
        WHEN '00080018' THEN
            SELECT array_agg(DISTINCT i.study) INTO studies FROM consilium.instance i
                WHERE i.organisation = ANY (organisations) AND i.sop_uid = ANY (consilium.search_list(wanted));
        WHEN '00080050' THEN
            SELECT array_agg(s.id) INTO studies FROM consilium.study s
                WHERE s.organisation = ANY (organisations) AND s.accession = wanted AND s.accession <> '';
        ELSE
            SELECT array_agg(s.id) INTO studies FROM consilium.patient p JOIN consilium.study s ON s.patient = p.id
                WHERE p.organisation = ANY (organisations) AND p.local_id = wanted;
        END CASE;
        studies := coalesce(studies, '{}');
        RETURN;
    END LOOP;
    key := '00100010';
    IF NOT fuzzy AND cardinality(consilium.search_words(keys->>key)) > 0 THEN
        found := consilium.patients_named(consilium.search_words(keys->>key));
        IF found IS NOT NULL THEN
            studies := ARRAY (SELECT s.id FROM consilium.study s WHERE s.patient = ANY (found));
            RETURN;
        END IF;
    END IF;
    key := NULL;
END $$;

-- The conditions of all keys but `but`, joined by AND; '' when there are none. at: the levels whose keys count.
CREATE FUNCTION consilium.search_conditions(keys jsonb, at text, but text, fuzzy boolean, combined boolean) RETURNS text
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    found text[] := '{}';
    tag text;
    wanted text;
BEGIN
    combined := combined AND keys->>'00080020' LIKE '%-%' AND keys->>'00080030' LIKE '%-%';
    IF combined THEN found := ARRAY[consilium.search_moments(keys->>'00080020', keys->>'00080030')]; END IF;
    FOR tag, wanted IN SELECT k.key, btrim(k.value) FROM jsonb_each_text(keys) AS k LOOP
        CONTINUE WHEN wanted = '' OR wanted = '*' OR tag = but OR (combined AND tag IN ('00080020', '00080030'));
        IF tag = '00080060' AND at !~ 'e' THEN tag := '00080061'; END IF;
        CONTINUE WHEN position(coalesce((consilium.search_key(tag)).level, '-') IN at) = 0;
        found := found || consilium.search_condition(tag, wanted, fuzzy);
    END LOOP;
    RETURN array_to_string(found, ' AND ');
END $$;

-- One page of rows in their order, as the identity of each: id (for an image its organisation) and SOP Instance UID; and how many
-- more there are, counted up to `beyond`. named: only these studies; NULL: all.
CREATE FUNCTION consilium.search_rows(level text, conditions text, named uuid[], granted uuid[], of_organisation uuid, skip integer,
                                      most integer, beyond integer, ids OUT uuid[], sops OUT text[], more OUT integer) LANGUAGE plpgsql STABLE AS $$
DECLARE
    own uuid := consilium.my_org();
    orders text := CASE level WHEN 'PATIENT' THEN 'local_id, id'
        ELSE 'study_date DESC NULLS LAST, study_uid, study' || CASE level WHEN 'SERIES' THEN ', series_number, series_uid'
            WHEN 'IMAGE' THEN ', series_number, series_uid, number, sop' ELSE '' END END;
    fields text := CASE level
        WHEN 'PATIENT' THEN 'p.id, NULL AS sop, p.local_id'
        ELSE CASE level WHEN 'STUDY' THEN 's.id, NULL AS sop' WHEN 'SERIES' THEN 'e.id, NULL AS sop' ELSE 'i.organisation AS id, i.sop_uid AS sop' END
            || ', s.study_date, s.study_uid, s.id AS study'
            || CASE WHEN level IN ('SERIES', 'IMAGE') THEN ', e.number AS series_number, e.series_uid' ELSE '' END
            || CASE WHEN level = 'IMAGE' THEN ', i.number' ELSE '' END END;
    tables text := CASE WHEN level = 'PATIENT' THEN 'consilium.patient p' ELSE 'consilium.study s' END
        || CASE WHEN level <> 'PATIENT' AND conditions ~ '\mp\.' THEN ' JOIN consilium.patient p ON p.id = s.patient' ELSE '' END
        || CASE WHEN level IN ('SERIES', 'IMAGE') THEN ' JOIN consilium.series e ON e.study = s.id' ELSE '' END
        || CASE WHEN level = 'IMAGE' THEN ' JOIN consilium.instance i ON i.series = e.id' ELSE '' END;
    head text := format('(SELECT %s FROM %s WHERE ', fields, tables);
    tail text := CASE WHEN conditions <> '' THEN ' AND ' || conditions ELSE '' END
        || format(' ORDER BY %s LIMIT %s)', orders, skip + most + beyond);
    subject text := CASE level WHEN 'PATIENT' THEN 'p' ELSE 's' END;
    here text := CASE WHEN of_organisation IS NULL THEN '' ELSE format(' AND %s.organisation = %L::uuid', subject, of_organisation) END;
    scopes text[] := '{}';
BEGIN
    IF named IS NOT NULL THEN
        scopes := ARRAY[CASE level WHEN 'PATIENT'
            THEN format('p.id = ANY (ARRAY (SELECT patient FROM consilium.study WHERE id = ANY (%L::uuid[])))', named)
            ELSE format('s.id = ANY (%L::uuid[])', named) END
            || here];
    ELSE
        IF of_organisation IS NULL OR of_organisation = own THEN
            scopes := ARRAY[format('%s.organisation = %L::uuid', subject, own)
                || CASE level WHEN 'PATIENT' THEN ' AND EXISTS (SELECT FROM consilium.study x WHERE x.patient = p.id)' ELSE '' END];
        END IF;
        IF cardinality(granted) > 0 AND of_organisation IS DISTINCT FROM own THEN
            scopes := scopes || (format('%s.organisation <> %L::uuid AND ', subject, own) || CASE level WHEN 'PATIENT'
                THEN format('p.id = ANY (ARRAY (SELECT patient FROM consilium.study WHERE id = ANY (%L::uuid[])))', granted)
                ELSE format('s.id = ANY (%L::uuid[])', granted) END
                || here);
        END IF;
    END IF;
    ids := '{}';
    sops := '{}';
    more := 0;
    IF cardinality(scopes) = 0 THEN RETURN; END IF;
    EXECUTE format('SELECT array_agg(id ORDER BY place) FILTER (WHERE place > %1$s AND place <= %2$s),
                           array_agg(sop ORDER BY place) FILTER (WHERE place > %1$s AND place <= %2$s),
                           count(*) FILTER (WHERE place > %2$s)
                    FROM (SELECT id, sop, row_number() OVER (ORDER BY %3$s) AS place FROM (%4$s) AS x ORDER BY %3$s LIMIT %5$s) AS y',
        skip, skip + most, orders, head || array_to_string(scopes, tail || ' UNION ALL ' || head) || tail, skip + most + beyond)
        INTO ids, sops, more;
    ids := coalesce(ids, '{}');
    sops := coalesce(sops, '{}');
END $$;

-- An attribute of DICOM JSON with one value, or without when there is none.
CREATE FUNCTION consilium.dicom_json(vr text, value anyelement) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL OR value::text = '' THEN jsonb_build_object('vr', vr)
           ELSE jsonb_build_object('vr', vr, 'Value', jsonb_build_array(value)) END $$;

CREATE FUNCTION consilium.patient_json(p consilium.patient) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        '00100010', jsonb_build_object('vr', 'PN', 'Value', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'Alphabetic', nullif((p).name_alphabetic, ''), 'Ideographic', nullif((p).name_ideographic, ''),
            'Phonetic', nullif((p).name_phonetic, ''))))),
        '00100020', consilium.dicom_json('LO', CASE WHEN (p).local_id LIKE 'study:%' THEN '' ELSE (p).local_id END),
        '00100030', consilium.dicom_json('DA', to_char((p).birth_date, 'YYYYMMDD')),
        '00100040', consilium.dicom_json('CS', (p).sex)) $$;

CREATE FUNCTION consilium.patient_counts_json(of_patient uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('00201200', consilium.dicom_json('IS', count(*)),
        '00201202', consilium.dicom_json('IS', coalesce(sum(series_count), 0)),
        '00201204', consilium.dicom_json('IS', coalesce(sum(instance_count), 0)))
    FROM consilium.study WHERE patient = of_patient $$;

CREATE FUNCTION consilium.study_json(s consilium.study) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT (s).attributes || jsonb_build_object(
        '00080061', jsonb_build_object('vr', 'CS', 'Value', to_jsonb((s).modalities)),
        '0020000D', consilium.dicom_json('UI', (s).study_uid),
        '00201206', consilium.dicom_json('IS', (s).series_count), '00201208', consilium.dicom_json('IS', (s).instance_count)) $$;

CREATE FUNCTION consilium.series_json(e consilium.series) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT (e).attributes || jsonb_build_object('0020000E', consilium.dicom_json('UI', (e).series_uid),
        '00201209', consilium.dicom_json('IS', (e).instance_count)) $$;

CREATE FUNCTION consilium.instance_json(i consilium.instance) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('00080016', consilium.dicom_json('UI', (i).sop_class), '00080018', consilium.dicom_json('UI', (i).sop_uid),
            '00083002', consilium.dicom_json('UI', (i).transfer_syntax))
        || CASE WHEN (i).number IS NULL THEN '{}' ELSE jsonb_build_object('00200013', consilium.dicom_json('IS', (i).number)) END
        || CASE WHEN (i).frames = 0 THEN '{}' ELSE jsonb_build_object('00280008', consilium.dicom_json('IS', (i).frames),
            '00280010', consilium.dicom_json('US', (i).rows), '00280011', consilium.dicom_json('US', (i).columns)) END $$;

-- The search. level: PATIENT, STUDY, SERIES or IMAGE; keys: {"GGGGEEEE": text as DICOM writes it}, empty ones match everything;
-- options: organisation (code: only its copies), one (of a study held by several, the own copy, else the one with the newest
-- grant), fuzzy (names), combined (dates with times), whole (attributes of the levels above too), metadata (images' own),
-- offset, limit, beyond (how far to count what is left). Rows in order: DICOM JSON, organisation's code, metadata as
-- instance.metadata, how many more there are (in each row; one row with NULLs when the page is empty).
CREATE FUNCTION consilium.image_search(level text, keys jsonb, options jsonb)
    RETURNS TABLE (answer jsonb, organisation text, metadata bytea, more integer) LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    fuzzy boolean := coalesce((options->>'fuzzy')::boolean, false);
    whole boolean := coalesce((options->>'whole')::boolean, false);
    skip integer := coalesce((options->>'offset')::integer, 0);
    most integer := coalesce((options->>'limit')::integer, 50);
    counted boolean := keys ?| ARRAY['00201200', '00201202', '00201204'];
    of_organisation uuid;
    granted record;
    named record;
    conditions text;
    page record;
BEGIN
    SELECT coalesce(array_agg(g.study), '{}') AS studies, coalesce(array_agg(DISTINCT g.organisation), '{}') AS organisations
        INTO granted FROM consilium.search_grants() g;
    IF options ? 'organisation' THEN
        SELECT o.id INTO of_organisation FROM consilium.organisation o WHERE o.code = options->>'organisation';
    END IF;
    named := consilium.search_named(keys, consilium.my_org() || granted.organisations, fuzzy);
    IF options->>'organisation' IS NOT NULL AND of_organisation IS NULL THEN named.studies := '{}'; END IF;
    IF (options->>'one')::boolean AND named.studies IS NOT NULL THEN
        named.studies := ARRAY (SELECT s.id FROM consilium.study s WHERE s.id = ANY (named.studies)
            AND (of_organisation IS NULL OR s.organisation = of_organisation)
            ORDER BY s.organisation = consilium.my_org() DESC,
                (SELECT max(g.valid_from) FROM consilium.access_grant g WHERE g.study = s.id AND g.to_organisation = consilium.my_org()) DESC NULLS LAST, s.id
            LIMIT 1);
    END IF;
    conditions := consilium.search_conditions(keys, CASE level WHEN 'PATIENT' THEN 'p' WHEN 'STUDY' THEN 'ps' WHEN 'SERIES' THEN 'pse' ELSE 'psei' END,
        CASE WHEN named.key NOT IN ('0020000E', '00080018') THEN named.key END, fuzzy, coalesce((options->>'combined')::boolean, false));
    IF level = 'STUDY' AND conditions = '' AND cardinality(named.studies) = 1 AND of_organisation IS NULL THEN
        -- what most searches are, without planning anything
        SELECT CASE WHEN skip = 0 AND most > 0 THEN named.studies ELSE '{}' END AS ids, (skip = 0 AND most = 0)::integer AS more INTO page;
    ELSE
        page := consilium.search_rows(level, conditions, named.studies, granted.studies, of_organisation, skip, most,
                                      coalesce((options->>'beyond')::integer, 1));
    END IF;
    IF level = 'PATIENT' THEN
        RETURN QUERY SELECT consilium.patient_json(p) || CASE WHEN counted THEN consilium.patient_counts_json(p.id) ELSE '{}' END,
            o.code, NULL::bytea, page.more
        FROM unnest(page.ids) WITH ORDINALITY AS x (id, place) JOIN consilium.patient p ON p.id = x.id
        JOIN consilium.organisation o ON o.id = p.organisation ORDER BY place;
    ELSIF level = 'STUDY' THEN
        RETURN QUERY SELECT consilium.study_json(s) || CASE WHEN counted THEN consilium.patient_counts_json(s.patient) ELSE '{}' END,
            o.code, NULL::bytea, page.more
        FROM unnest(page.ids) WITH ORDINALITY AS x (id, place) JOIN consilium.study s ON s.id = x.id
        JOIN consilium.organisation o ON o.id = s.organisation ORDER BY place;
    ELSIF level = 'SERIES' THEN
        RETURN QUERY SELECT CASE WHEN whole THEN consilium.study_json(s) ELSE '{}' END || consilium.series_json(e)
            || jsonb_build_object('0020000D', consilium.dicom_json('UI', s.study_uid))
            || CASE WHEN counted THEN consilium.patient_counts_json(s.patient) ELSE '{}' END, o.code, NULL::bytea, page.more
        FROM unnest(page.ids) WITH ORDINALITY AS x (id, place) JOIN consilium.series e ON e.id = x.id
        JOIN consilium.study s ON s.id = e.study JOIN consilium.organisation o ON o.id = e.organisation ORDER BY place;
    ELSE
        RETURN QUERY SELECT CASE WHEN whole THEN consilium.study_json(s) || consilium.series_json(e) ELSE '{}' END
            || consilium.instance_json(one.i) || jsonb_build_object('00080060', consilium.dicom_json('CS', e.modality),
                '0020000D', consilium.dicom_json('UI', s.study_uid), '0020000E', consilium.dicom_json('UI', e.series_uid))
            || CASE WHEN counted THEN consilium.patient_counts_json(s.patient) ELSE '{}' END,
            o.code, CASE WHEN (options->>'metadata')::boolean THEN (one.i).metadata END, page.more
        FROM unnest(page.ids, page.sops) WITH ORDINALITY AS x (id, sop, place)
        CROSS JOIN LATERAL (SELECT i FROM consilium.instance i WHERE i.organisation = x.id AND i.sop_uid = x.sop LIMIT 1) AS one (i)
        JOIN consilium.series e ON e.id = (one.i).series JOIN consilium.study s ON s.id = (one.i).study
        JOIN consilium.organisation o ON o.id = x.id ORDER BY place;
    END IF;
END $$;

DROP FUNCTION consilium.dicom_find, consilium.dicom_find_study, consilium.dicom_name_matches, consilium.dicom_date_matches,
    consilium.dicom_uid_matches, consilium.dicom_matches;

GRANT EXECUTE ON FUNCTION consilium.search_fold, consilium.search_list, consilium.search_pattern, consilium.search_date, consilium.search_range, consilium.search_dates,
    consilium.search_times, consilium.search_moments, consilium.search_words, consilium.search_key, consilium.search_similar, consilium.search_letters,
    consilium.search_condition, consilium.search_grants, consilium.patients_named, consilium.search_named, consilium.search_conditions,
    consilium.search_rows, consilium.dicom_json, consilium.patient_json, consilium.patient_counts_json, consilium.study_json,
    consilium.series_json, consilium.instance_json, consilium.image_search, consilium.dicom_text
    TO consilium_hub, consilium_dicom;

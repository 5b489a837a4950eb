-- Why: C-MOVE and C-GET. What the calling AE's organisation may see of what it names, as files to send; row-level security
-- decides what there is, and each study that leaves is one audit row.

-- What leaves for an instance: the blob that holds it and the transfer syntax it has there. The one place to ask.
CREATE FUNCTION consilium.instance_file(of consilium.instance)
    RETURNS TABLE (hash text, transfer_syntax text) LANGUAGE sql STABLE AS $$
    SELECT encode((of).hash, 'hex'), (of).transfer_syntax $$;

-- An identifier's UIDs or patient IDs: a list, never a pattern (PS3.4 C.4.2.1.4.1).
CREATE FUNCTION consilium.dicom_list(value text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT nullif(array_remove(array_agg(btrim(v)), ''), '{}') FROM unnest(string_to_array(coalesce(value, ''), '\')) AS v $$;

-- One copy of each study that holds something of what is named: the own one, else the one with the newest live grant.
CREATE FUNCTION consilium.retrieve_studies(keys jsonb) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    patients text[] := consilium.dicom_list(keys->>'00100020');
    studies text[] := consilium.dicom_list(keys->>'0020000D');
    series_uids text[] := consilium.dicom_list(keys->>'0020000E');
    instances text[] := consilium.dicom_list(keys->>'00080018');
    everyone uuid[] := ARRAY (SELECT id FROM consilium.organisation); -- so that the indexes, which begin with it, are used
    holding uuid[];
BEGIN
    IF cardinality(studies) IS NULL AND cardinality(series_uids) > 0 THEN
        holding := ARRAY (SELECT DISTINCT study FROM consilium.series
                          WHERE organisation = ANY (everyone) AND series_uid = ANY (series_uids));
    ELSIF cardinality(studies) IS NULL AND cardinality(instances) > 0 THEN
        holding := ARRAY (SELECT DISTINCT study FROM consilium.instance
                          WHERE organisation = ANY (everyone) AND sop_uid = ANY (instances));
    END IF;
    RETURN ARRAY (
        SELECT DISTINCT ON (s.study_uid) s.id
        FROM consilium.study s JOIN consilium.patient p ON p.id = s.patient
        WHERE (patients IS NULL OR p.local_id = ANY (patients))
          AND (studies IS NULL OR s.study_uid = ANY (studies))
          AND (holding IS NULL OR s.id = ANY (holding))
        ORDER BY s.study_uid, s.organisation = consilium.my_org() DESC,
                 (SELECT max(g.valid_from) FROM consilium.our_grant g WHERE g.study = s.id) DESC NULLS LAST, s.id);
END $$;

-- The files of what keys name at keys' level, in the order they are shown in. may_go: the organisation `receiver` (NULL:
-- the caller's own) may have it: what is the caller's own goes to any member of its consortia, what it sees by a grant goes
-- to nobody else.
CREATE FUNCTION consilium.dicom_retrieve(keys jsonb, receiver uuid, action text, caller text, most integer)
    RETURNS TABLE (sop_uid text, sop_class text, transfer_syntax text, hash text, may_go boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    level text := upper(btrim(coalesce(keys->>'00080052', '')));
    series_uids text[] := CASE WHEN level IN ('SERIES', 'IMAGE') THEN consilium.dicom_list(keys->>'0020000E') END;
    instances text[] := CASE WHEN level = 'IMAGE' THEN consilium.dicom_list(keys->>'00080018') END;
    wanted text := CASE level WHEN 'PATIENT' THEN keys->>'00100020' WHEN 'STUDY' THEN keys->>'0020000D'
                              WHEN 'SERIES' THEN keys->>'0020000E' ELSE keys->>'00080018' END;
    found uuid[];
    one uuid;
BEGIN
    IF level NOT IN ('PATIENT', 'STUDY', 'SERIES', 'IMAGE') OR consilium.dicom_list(wanted) IS NULL THEN
        PERFORM consilium.refuse('400', 'the identifier does not name what is wanted');
    END IF;
    found := consilium.retrieve_studies(keys);
    IF cardinality(found) = 0 THEN
        PERFORM consilium.audit_append(caller, action, left(wanted, 64), '{"found": 0}');
    END IF;
    FOREACH one IN ARRAY found LOOP
        PERFORM consilium.audit_read(action, one::text, caller);
    END LOOP;
    RETURN QUERY
    SELECT i.sop_uid, i.sop_class, f.transfer_syntax, f.hash,
           coalesce(receiver, consilium.my_org()) = consilium.my_org()
           OR (i.organisation = consilium.my_org() AND consilium.same_consortium(i.organisation, receiver))
    FROM consilium.instance i JOIN consilium.series e ON e.id = i.series CROSS JOIN LATERAL consilium.instance_file(i) f
    WHERE i.study = ANY (found) AND (series_uids IS NULL OR e.series_uid = ANY (series_uids))
      AND (instances IS NULL OR i.sop_uid = ANY (instances))
    ORDER BY array_position(found, i.study), e.number NULLS LAST, e.series_uid, i.number NULLS LAST, i.sop_uid
    LIMIT most;
END $$;

GRANT EXECUTE ON FUNCTION consilium.same_consortium TO consilium_dicom;
GRANT EXECUTE ON FUNCTION consilium.instance_file, consilium.dicom_list, consilium.retrieve_studies, consilium.dicom_retrieve
    TO consilium_dicom;

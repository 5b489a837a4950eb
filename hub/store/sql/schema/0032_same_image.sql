-- Why: an image that came by C-STORE and comes again by STOW-RS (or from another sender) has other bytes around the same data
-- set. The index cannot tell that from other content; the dicom program can. So a known UID with another hash is only reported,
-- with the hash it is known by, and the dicom program then says set aside, or nothing.
CREATE OR REPLACE FUNCTION consilium.instance_index(item jsonb, frames_at bytea, dicom_json bytea)
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
        RETURN QUERY SELECT CASE WHEN known.hash = decode(item->>'hash', 'hex') THEN 'same' ELSE 'known' END,
            encode(known.hash, 'hex'), known.study, s.instance_count FROM consilium.study s WHERE s.id = known.study;
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

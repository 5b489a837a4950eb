-- Why: C-FIND by a whole name (alphabetic=ideographic=phonetic) found nothing, because the forms that a patient is searched
-- by are not one text in that order: each group that is given must be found by itself.
CREATE OR REPLACE FUNCTION consilium.dicom_name_matches(forms text, wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(wanted, '') IN ('', '*') OR NOT EXISTS (
        SELECT FROM unnest(string_to_array(consilium.fold(wanted), '=')) AS g (name)
        WHERE btrim(g.name, ' ^*') <> '' AND NOT consilium.dicom_matches(forms,
            '*' || btrim(regexp_replace(g.name, '[ ^]+', ' ', 'g'), ' *') || '*')) $$;

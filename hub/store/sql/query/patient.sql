-- Patients of the own organisation. Patients of others are seen with their case or study only, never searched.

-- name: patient_find
SELECT consilium.json_patient(p.id), p.id || '|'
FROM consilium.patient p
WHERE p.organisation = consilium.my_org()
  AND NOT EXISTS (SELECT FROM unnest(string_to_array(trim(consilium.fold($1)), ' ')) w (word)
                  WHERE p.name_search NOT LIKE '%' || replace(replace(replace(word, '\', '\\'), '%', '\%'), '_', '\_') || '%'
                    AND NOT starts_with(lower(p.local_id), word))
  AND ($3::uuid IS NULL OR (p.name_search, p.id) > (SELECT q.name_search, q.id FROM consilium.patient q WHERE q.id = $3::uuid))
ORDER BY p.name_search, p.id LIMIT $2::integer

-- name: patient_get
SELECT consilium.json_patient($1::uuid)

-- name: patient_create
INSERT INTO consilium.patient (id, organisation, local_id, name_alphabetic, name_ideographic, name_search, birth_date, sex, phone,
                               allergies)
VALUES ($1::uuid, consilium.my_org(), $2, CASE WHEN $3 ~ '[^\u0001-\u2fff]' THEN '' ELSE $3 END,
        CASE WHEN $3 ~ '[^\u0001-\u2fff]' THEN $3 ELSE '' END, consilium.fold(replace($3, '^', ' ')), $4::date, coalesce($5, ''),
        coalesce($6, ''), coalesce($7, ''))

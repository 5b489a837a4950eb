-- What was drawn on the images of a study, and its key images.

-- name: measurement_list
-- $1 study. One row with the whole list, or none when the study may not be seen.
SELECT coalesce((SELECT json_agg(consilium.json_measurement(m) ORDER BY m.created_at, m.id) FROM consilium.measurement m
                 WHERE m.study = s.id AND m.deleted_at IS NULL), '[]')
FROM consilium.study s WHERE s.id = $1::uuid

-- name: measurement_put
-- $1 id, $2 study, $3 expected version, $4 fields
SELECT consilium.json_measurement(m), m.version FROM consilium.measurement_put($1::uuid, $2::uuid, $3::integer, $4::jsonb) m

-- name: measurement_delete
SELECT consilium.measurement_delete($1::uuid, $2::uuid, $3::integer)

-- name: measurement_tell
-- Its version is of no use to the readers: they read the list again.
SELECT consilium.measurement_tell($1::uuid, 0)

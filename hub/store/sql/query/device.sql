-- Devices of the acting organisation. The address is for the media worker only.

-- name: device_list
SELECT json_build_object('id', id, 'name', name) FROM consilium.device ORDER BY name LIMIT 200

-- name: device_get
SELECT name, url FROM consilium.device WHERE id = $1::uuid

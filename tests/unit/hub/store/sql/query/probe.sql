-- Statements of test_db.c, built in there instead of those of hub/store/sql.

-- name: probe_actor
SELECT current_setting('consilium.person', true), current_setting('consilium.organisation', true),
       current_setting('consilium.purpose', true), current_setting('consilium.request', true)

-- name: probe_insert
INSERT INTO probe VALUES ($1::integer, $2)

-- name: probe_update
UPDATE probe SET word = $2 WHERE id = $1::integer

-- name: probe_all
SELECT id, word FROM probe ORDER BY id

-- name: probe_bytes
SELECT '\x00ff10'::bytea, '{"a": [1, 2]}'::jsonb, NULL::bytea

-- name: probe_raise
SELECT probe_raise($1)

-- name: probe_flaky
SELECT probe_flaky($1::integer)

-- name: probe_sleep
SELECT pg_sleep($1::float8)

-- name: probe_terminate_once
SELECT probe_terminate_once()

-- name: probe_notify
SELECT pg_notify('probe', $1)

-- name: probe_broken
SELECT * FROM there_is_no_such_table

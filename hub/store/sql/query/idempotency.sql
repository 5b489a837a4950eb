-- First answers to POST requests with Idempotency-Key.

-- name: idempotency_sweep
DELETE FROM consilium.idempotency WHERE created_at < now() - interval '24 hours';

-- name: idempotency_claim
-- $1 key, $2 hash of path and body. One row: fresh, same, status, content_type, location, etag, body.
WITH claimed AS (
    INSERT INTO consilium.idempotency (person, organisation, key, request_hash)
    VALUES (consilium.me(), consilium.my_org(), $1, $2)
    ON CONFLICT (person, organisation, key) DO UPDATE
        SET request_hash = excluded.request_hash, created_at = now(), status = NULL, body = NULL
        WHERE consilium.idempotency.created_at < now() - interval '24 hours'
    RETURNING true AS fresh)
SELECT true, true, NULL::integer, NULL::text, NULL::text, NULL::text, NULL::text FROM claimed
UNION ALL
SELECT false, i.request_hash = $2, i.status, i.content_type, i.location, i.etag, i.body
FROM consilium.idempotency i
WHERE i.person = consilium.me() AND i.organisation = consilium.my_org() AND i.key = $1 AND NOT EXISTS (SELECT FROM claimed);

-- name: idempotency_keep
UPDATE consilium.idempotency SET status = $2::integer, content_type = $3, location = $4, etag = $5, body = $6
WHERE person = consilium.me() AND organisation = consilium.my_org() AND key = $1;

-- name: idempotency_forget
DELETE FROM consilium.idempotency
WHERE person = consilium.me() AND organisation = consilium.my_org() AND key = $1 AND status IS NULL;

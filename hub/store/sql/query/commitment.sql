-- Storage Commitment: what the dicom program asks for and answers.

-- name: commitment_begin
SELECT consilium.commitment_begin($1, $2, $3)

-- name: commitment_items
SELECT sop_class, sop_uid, reason, hash FROM consilium.commitment_items($1::uuid)

-- name: commitment_report
UPDATE consilium.commitment SET report = $2 WHERE id = $1::uuid

-- name: commitment_due
SELECT id, organisation, ae, transaction_uid, report FROM consilium.commitment_due($1::integer)

-- name: commitment_tried
SELECT consilium.commitment_tried($1::uuid, $2)

-- name: commitment_again
SELECT consilium.commitment_again($1::uuid)

-- name: commitment_sweep
SELECT consilium.commitment_sweep()

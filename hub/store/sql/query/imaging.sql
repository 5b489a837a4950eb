-- What the dicom program reads and writes (role consilium_dicom).

-- name: ae_list
-- Who may call: every AE with its organisation, the charset assumed for its unlabelled text, and its address.
SELECT a.title, o.id, o.code, coalesce(a.charset, o.charset), a.host, a.port, a.cert_cn, a.cert_sha256,
       a.associations, a.association_rate, a.object_limit
FROM consilium.ae a JOIN consilium.organisation o ON o.id = a.organisation

-- name: dicom_organisation_list
SELECT id, code, charset FROM consilium.organisation

-- name: dicom_act_as
-- Within a batch: the following statements are this organisation's. A group commit holds several organisations' instances.
SELECT set_config('consilium.organisation', $1, true), set_config('consilium.person', coalesce($2, ''), true),
       set_config('consilium.request', coalesce($3, ''), true)

-- name: instance_index
-- outcome: stored; same; known, with the hash it is known by as reason; or quarantined, with the reason.
SELECT outcome, reason, study, study_instances FROM consilium.instance_index($1::jsonb, $2::bytea, $3::bytea)

-- name: instance_set_aside
SELECT consilium.instance_set_aside($1::jsonb, $2::uuid, $3)

-- name: blob_known
-- Which of these hashes the acting organisation's index names.
SELECT DISTINCT encode(hash, 'hex') FROM (
    SELECT hash FROM consilium.instance WHERE hash = ANY ($1::bytea[])
    UNION ALL SELECT hash FROM consilium.instance_quarantine WHERE hash = ANY ($1::bytea[])) AS known

-- name: dicom_audit
SELECT consilium.audit_append($1, $2, $3, $4::jsonb)

-- name: dicom_find
-- $1 level, $2 keys and $3 options as image_search takes them. Rows: DICOM JSON.
SELECT answer FROM consilium.image_search($1, $2::jsonb, $3::jsonb)

-- name: dicom_find_partial
-- Whether one of the keys $1 is an attribute that the index does not have.
SELECT EXISTS (SELECT FROM jsonb_object_keys($1::jsonb) AS k
    WHERE k NOT LIKE '%0000' AND (consilium.search_key(k)).level IS NULL
      AND k NOT IN ('00080005', '00080052', '00080053', '00080054', '00080056', '00080201', '00201200', '00201202', '00201204'))

-- name: dicom_retrieve
-- $1 keys, $2 the receiving organisation or NULL, $3 audit action, $4 who, $5 rows at most.
SELECT sop_uid, sop_class, transfer_syntax, hash, may_go FROM consilium.dicom_retrieve($1::jsonb, $2::uuid, $3, $4, $5::integer)

-- What the database was migrated to.

-- name: migration_list
SELECT number, name, sha256 FROM consilium.migration ORDER BY number

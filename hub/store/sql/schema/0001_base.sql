-- Why: the schema, the settings that row-level security reads, and the one way to refuse.
-- Run as the owner role (consilium_owner). The programs' roles are made by hub/up before: consilium_hub, consilium_dicom.
-- They own nothing and cannot bypass row-level security.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE SCHEMA IF NOT EXISTS consilium;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA consilium TO consilium_hub, consilium_dicom;
GRANT USAGE ON SCHEMA public TO consilium_hub, consilium_dicom;

-- A function belongs to nobody until it is granted by name: those that run as the owner must not leak to a role that
-- was not meant.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- The acting person and organisation, set for the transaction by db_batch; NULL when nobody acts.
CREATE OR REPLACE FUNCTION consilium.me() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('consilium.person', true), '')::uuid $$;

CREATE OR REPLACE FUNCTION consilium.my_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('consilium.organisation', true), '')::uuid $$;

CREATE OR REPLACE FUNCTION consilium.my_purpose() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(nullif(current_setting('consilium.purpose', true), ''), 'system') $$;

-- Refuses the unit of work: refuse('404', 'no such study') raises SQLSTATE CN404, which db_error.c maps to err.def.
CREATE OR REPLACE FUNCTION consilium.refuse(status text, detail text) RETURNS void LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'CN' || status, MESSAGE = detail; END $$;

-- In a batch: SELECT consilium.expect(EXISTS (…), '412', 'somebody was faster')
CREATE OR REPLACE FUNCTION consilium.expect(holds boolean, status text, detail text) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN
    IF holds IS NOT TRUE THEN PERFORM consilium.refuse(status, detail); END IF;
    RETURN true;
END $$;

-- Text folded for searching names: lower case, no accents is done by the writer; here only case and width.
CREATE OR REPLACE FUNCTION consilium.fold(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT lower(normalize(coalesce(name, ''), NFKC)) $$;

-- Is now within the window? NULL: no end.
CREATE OR REPLACE FUNCTION consilium.is_open(valid_from timestamptz, valid_until timestamptz) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT valid_from <= now() AND (valid_until IS NULL OR valid_until > now()) $$;

GRANT EXECUTE ON FUNCTION consilium.me, consilium.my_org, consilium.my_purpose, consilium.refuse, consilium.expect,
    consilium.fold, consilium.is_open TO consilium_hub, consilium_dicom;

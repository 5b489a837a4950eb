-- Why: organisations and their consortium, the people with their roles, how they sign in, and the scanners (AE titles).

CREATE TABLE consilium.organisation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9_-]{1,16}$'),
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('lead', 'county', 'township', 'partner', 'panel')),
    parent uuid REFERENCES consilium.organisation,          -- the county hospital of a township clinic
    timezone text NOT NULL DEFAULT 'Asia/Shanghai',
    charset text NOT NULL DEFAULT 'ISO_IR 192',             -- assumed for unlabelled DICOM text
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE consilium.department (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    code text NOT NULL,
    name text NOT NULL,
    UNIQUE (organisation, code),
    UNIQUE (id, organisation)                                -- for composite foreign keys
);

CREATE TABLE consilium.consortium (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE
);

CREATE TABLE consilium.consortium_member (
    consortium uuid NOT NULL REFERENCES consilium.consortium,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    PRIMARY KEY (consortium, organisation)
);

-- What two organisations have signed; without a live agreement nothing is sent between them.
CREATE TABLE consilium.agreement (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    from_organisation uuid NOT NULL REFERENCES consilium.organisation,
    to_organisation uuid NOT NULL REFERENCES consilium.organisation,
    scope text[] NOT NULL,                                   -- consult, referral, teaching, recognition
    valid_from date NOT NULL DEFAULT current_date,
    valid_until date,
    UNIQUE (from_organisation, to_organisation),
    CHECK (from_organisation <> to_organisation)
);

CREATE TABLE consilium.person (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    login text NOT NULL UNIQUE CHECK (login ~ '^[a-z0-9._-]{1,64}$'),
    name text NOT NULL,
    title text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT 'zh-CN',
    password_hash text,                                      -- Argon2id encoded form; NULL: cannot sign in
    totp_secret bytea,                                       -- NULL: no second factor
    totp_last_step bigint,                                   -- a code is taken once
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE consilium.person_role (
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    role text NOT NULL CHECK (role IN ('doctor', 'specialist', 'radiologist', 'radiographer', 'coordinator',
                                       'teacher', 'admin', 'auditor')),
    department uuid,
    FOREIGN KEY (department, organisation) REFERENCES consilium.department (id, organisation),
    UNIQUE NULLS NOT DISTINCT (person, organisation, role, department)
);
CREATE INDEX person_role_organisation ON consilium.person_role (organisation, role);

CREATE TABLE consilium.session (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    secret_hash text NOT NULL UNIQUE,                        -- SHA-256 of the cookie's value
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    address text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),              -- idle limit; written at most once a minute
    expires_at timestamptz NOT NULL,                         -- absolute limit
    ended_at timestamptz
);
CREATE INDEX session_person ON consilium.session (person) WHERE ended_at IS NULL;

CREATE TABLE consilium.token (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    secret_hash text NOT NULL UNIQUE,                        -- SHA-256 of the token
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    scope text[] NOT NULL,                                   -- dicomweb, api, fhir
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- Failed sign-ins, for throttling by account and by address.
CREATE TABLE consilium.login_failure (
    at timestamptz NOT NULL DEFAULT now(),
    login text NOT NULL,
    address text NOT NULL
);
CREATE INDEX login_failure_login ON consilium.login_failure (login, at);
CREATE INDEX login_failure_address ON consilium.login_failure (address, at);

-- A scanner or PACS that may call us, and where C-MOVE may send.
CREATE TABLE consilium.ae (
    title text PRIMARY KEY CHECK (title ~ '^[A-Za-z0-9_ .-]{1,16}$' AND title = btrim(title)),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    host text,                                               -- the only source for plain DIMSE, and the C-MOVE destination
    port integer CHECK (port BETWEEN 1 AND 65535),
    cert_cn text,                                            -- for DIMSE over TLS
    charset text,                                            -- overrides organisation.charset
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (host IS NOT NULL OR cert_cn IS NOT NULL)
);

-- Has the acting person one of these roles in the acting organisation? Wrap in (SELECT …) in policies: once per query.
CREATE OR REPLACE FUNCTION consilium.has_role(VARIADIC wanted text[]) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT EXISTS (SELECT FROM person_role r JOIN person p ON p.id = r.person
                     WHERE r.person = me() AND r.organisation = my_org() AND r.role = ANY (wanted)
                       AND p.disabled_at IS NULL) $$;

-- Roles that treat patients or handle their images and papers. Administrators and auditors see no clinical content.
CREATE OR REPLACE FUNCTION consilium.clinical() RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT consilium.has_role('doctor', 'specialist', 'radiologist', 'radiographer', 'coordinator') $$;

-- Where the acting person treats or coordinates (a radiographer's or teacher's department gives no view of its cases).
CREATE OR REPLACE FUNCTION consilium.my_departments() RETURNS SETOF uuid LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT department FROM person_role WHERE person = me() AND organisation = my_org() AND department IS NOT NULL
      AND role IN ('doctor', 'specialist', 'radiologist', 'coordinator') $$;

-- Do two organisations belong to one consortium?
CREATE OR REPLACE FUNCTION consilium.same_consortium(a uuid, b uuid) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT EXISTS (SELECT FROM consortium_member x JOIN consortium_member y USING (consortium)
                     WHERE x.organisation = a AND y.organisation = b) $$;

-- The organisations of the consortia that the acting one belongs to, itself included.
CREATE OR REPLACE FUNCTION consilium.my_consortium() RETURNS SETOF uuid LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT my_org() UNION
      SELECT y.organisation FROM consortium_member x JOIN consortium_member y USING (consortium)
      WHERE x.organisation = my_org() $$;

-- Is there a live agreement that lets one organisation send such things to the other?
CREATE OR REPLACE FUNCTION consilium.agreed(sender uuid, receiver uuid, what text) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT EXISTS (SELECT FROM agreement WHERE from_organisation = sender AND to_organisation = receiver
                     AND what = ANY (scope) AND valid_from <= current_date
                     AND (valid_until IS NULL OR valid_until >= current_date)) $$;

GRANT EXECUTE ON FUNCTION consilium.has_role, consilium.clinical, consilium.my_departments, consilium.same_consortium,
    consilium.my_consortium, consilium.agreed TO consilium_hub;

GRANT SELECT ON consilium.organisation, consilium.department, consilium.consortium, consilium.consortium_member,
    consilium.agreement TO consilium_hub, consilium_dicom;
GRANT SELECT ON consilium.person, consilium.person_role TO consilium_hub;
GRANT UPDATE (language, password_hash, totp_last_step) ON consilium.person TO consilium_hub;
GRANT SELECT, INSERT, UPDATE ON consilium.session TO consilium_hub;
GRANT SELECT, INSERT ON consilium.token TO consilium_hub; -- INSERT: `consilium token create` as the service user
GRANT SELECT, INSERT, DELETE ON consilium.login_failure TO consilium_hub;
GRANT SELECT ON consilium.ae TO consilium_hub, consilium_dicom;

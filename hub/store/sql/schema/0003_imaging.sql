-- Why: patients local to an organisation, and the image index: what the dicom program writes once at ingest and the
-- hub reads. Keys are (organisation, UID): no hospital can overwrite or probe another's; blobs are shared by hash.

CREATE TABLE consilium.patient (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    local_id text NOT NULL,                                  -- (0010,0020) or the organisation's own number
    name_alphabetic text NOT NULL DEFAULT '',                -- PN groups, components separated by ^
    name_ideographic text NOT NULL DEFAULT '',
    name_phonetic text NOT NULL DEFAULT '',
    name_search text NOT NULL DEFAULT '',                    -- folded forms (latin, ideographic, pinyin), space separated
    birth_date date,
    sex text NOT NULL DEFAULT '' CHECK (sex IN ('', 'M', 'F', 'O')),
    phone text NOT NULL DEFAULT '',
    allergies text NOT NULL DEFAULT '',
    charset_doubt boolean NOT NULL DEFAULT false,            -- the name's charset was guessed
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    UNIQUE (organisation, local_id)
);
CREATE INDEX patient_name ON consilium.patient USING gin (name_search gin_trgm_ops);

CREATE TABLE consilium.study (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study_uid text NOT NULL CHECK (study_uid ~ '^[0-9.]{1,64}$'),
    patient uuid NOT NULL REFERENCES consilium.patient,
    study_date date,
    study_time text NOT NULL DEFAULT '',                     -- DICOM TM as sent
    accession text NOT NULL DEFAULT '',
    study_id text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    referring text NOT NULL DEFAULT '',
    modalities text[] NOT NULL DEFAULT '{}',
    series_count integer NOT NULL DEFAULT 0,
    instance_count integer NOT NULL DEFAULT 0,
    attributes jsonb NOT NULL DEFAULT '{}',                  -- DICOM JSON of the study level, patient's included, as QIDO answers it
    received_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation, study_uid)
);
CREATE INDEX study_recent ON consilium.study (organisation, study_date DESC NULLS LAST, study_uid);
CREATE INDEX study_uid ON consilium.study (study_uid);
CREATE INDEX study_patient ON consilium.study (patient);
CREATE INDEX study_accession ON consilium.study (organisation, accession) WHERE accession <> '';

CREATE TABLE consilium.series (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study uuid NOT NULL REFERENCES consilium.study,
    series_uid text NOT NULL CHECK (series_uid ~ '^[0-9.]{1,64}$'),
    modality text NOT NULL DEFAULT '',
    number integer,
    description text NOT NULL DEFAULT '',
    instance_count integer NOT NULL DEFAULT 0,
    generation integer NOT NULL DEFAULT 0,                   -- grows with every change; names the metadata blob and its ETag
    attributes jsonb NOT NULL DEFAULT '{}',                  -- DICOM JSON of the series level
    UNIQUE (study, series_uid)
);
CREATE INDEX series_uid ON consilium.series (organisation, series_uid);

CREATE TABLE consilium.instance (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study uuid NOT NULL REFERENCES consilium.study,
    series uuid NOT NULL REFERENCES consilium.series,
    sop_uid text NOT NULL CHECK (sop_uid ~ '^[0-9.]{1,64}$'),
    sop_class text NOT NULL,
    number integer,
    transfer_syntax text NOT NULL,
    rows integer,
    columns integer,
    frames integer NOT NULL DEFAULT 0,                       -- 0: no pixel data
    hash bytea NOT NULL,                                     -- SHA-256: the blob's name
    size bigint NOT NULL,
    frame_table bytea,                                       -- see dicom/scan/frame_table.h; NULL: no pixel data
    metadata bytea NOT NULL,                                 -- DICOM JSON of the instance, raw deflate ended by a full flush, so that
                                                             -- a series' answer is their concatenation in one gzip member (imaging 5.2)
    metadata_crc bigint NOT NULL,                            -- CRC-32 of the inflated JSON
    metadata_size integer NOT NULL,                          -- bytes of the inflated JSON
    received_at timestamptz NOT NULL DEFAULT now(),
    received_from text NOT NULL DEFAULT '',                  -- AE title or person id
    PRIMARY KEY (organisation, sop_uid)
);
CREATE INDEX instance_series ON consilium.instance (series, number, sop_uid);
CREATE INDEX instance_hash ON consilium.instance (hash);

-- Same SOP Instance UID with other content: the first stays, this waits for a person.
CREATE TABLE consilium.instance_quarantine (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study uuid REFERENCES consilium.study,
    sop_uid text NOT NULL,
    hash bytea NOT NULL,
    size bigint NOT NULL,
    reason text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    received_from text NOT NULL DEFAULT '',
    decided_at timestamptz,
    UNIQUE (organisation, sop_uid, hash)
);

-- What lets somebody outside the owning organisation see a study (study set) or only the patient's name and
-- particulars (study NULL). Several may hold on one study; access lasts until the last live one ends.
CREATE TABLE consilium.access_grant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    patient uuid NOT NULL REFERENCES consilium.patient,
    study uuid REFERENCES consilium.study,
    from_organisation uuid NOT NULL REFERENCES consilium.organisation,
    to_organisation uuid REFERENCES consilium.organisation,
    to_person uuid REFERENCES consilium.person,              -- with to_organisation: this person acting for it
    basis text NOT NULL CHECK (basis IN ('consult', 'referral', 'teaching', 'share', 'emergency')),
    basis_id uuid NOT NULL,                                  -- the consult, referral …
    valid_from timestamptz NOT NULL DEFAULT now(),
    valid_until timestamptz,                                 -- NULL: until its case closes
    created_by uuid REFERENCES consilium.person,
    CHECK (to_organisation IS NOT NULL)
);
CREATE INDEX access_grant_study ON consilium.access_grant (study, to_organisation);
CREATE INDEX access_grant_patient ON consilium.access_grant (patient, to_organisation);
CREATE INDEX access_grant_basis ON consilium.access_grant (basis, basis_id);
CREATE INDEX access_grant_to ON consilium.access_grant (to_organisation, valid_from);

-- Row-level security. FORCE: it holds for the owner too.
ALTER TABLE consilium.patient ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.study ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.series ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.instance ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.instance_quarantine ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.access_grant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- The hub, for a person: the own organisation's rows with a clinical role, and what a live grant names.
CREATE POLICY hub_own ON consilium.patient TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.patient FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.patient = patient.id AND g.to_organisation = (SELECT consilium.my_org())
             AND (g.to_person IS NULL OR g.to_person = (SELECT consilium.me()))
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));

CREATE POLICY hub_own ON consilium.study FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.study FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.study = study.id AND g.to_organisation = (SELECT consilium.my_org())
             AND (g.to_person IS NULL OR g.to_person = (SELECT consilium.me()))
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));

CREATE POLICY hub_own ON consilium.series FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.series FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.study = series.study AND g.to_organisation = (SELECT consilium.my_org())
             AND (g.to_person IS NULL OR g.to_person = (SELECT consilium.me()))
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));

CREATE POLICY hub_own ON consilium.instance FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.instance FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.study = instance.study AND g.to_organisation = (SELECT consilium.my_org())
             AND (g.to_person IS NULL OR g.to_person = (SELECT consilium.me()))
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));

CREATE POLICY hub_own ON consilium.instance_quarantine FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.has_role('radiographer', 'radiologist')));

-- Grants are seen by both sides; they are written only by the case functions (SECURITY DEFINER) of later files.
CREATE POLICY hub_sides ON consilium.access_grant FOR SELECT TO consilium_hub
    USING (from_organisation = (SELECT consilium.my_org()) OR to_organisation = (SELECT consilium.my_org()));

-- The dicom program, for the calling AE's organisation (the setting consilium.organisation; no person).
CREATE POLICY dicom_own ON consilium.patient TO consilium_dicom
    USING (organisation = (SELECT consilium.my_org())) WITH CHECK (organisation = (SELECT consilium.my_org()));
CREATE POLICY dicom_own ON consilium.study TO consilium_dicom
    USING (organisation = (SELECT consilium.my_org())) WITH CHECK (organisation = (SELECT consilium.my_org()));
CREATE POLICY dicom_own ON consilium.series TO consilium_dicom
    USING (organisation = (SELECT consilium.my_org())) WITH CHECK (organisation = (SELECT consilium.my_org()));
CREATE POLICY dicom_own ON consilium.instance TO consilium_dicom
    USING (organisation = (SELECT consilium.my_org())) WITH CHECK (organisation = (SELECT consilium.my_org()));
CREATE POLICY dicom_own ON consilium.instance_quarantine TO consilium_dicom
    USING (organisation = (SELECT consilium.my_org())) WITH CHECK (organisation = (SELECT consilium.my_org()));
-- What others granted to the whole organisation is found by its AEs too (not what was granted to one person).
CREATE POLICY dicom_granted ON consilium.access_grant FOR SELECT TO consilium_dicom
    USING (to_organisation = (SELECT consilium.my_org()));
CREATE POLICY dicom_granted ON consilium.patient FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.patient = patient.id AND g.study IS NOT NULL AND g.to_organisation = (SELECT consilium.my_org()) AND g.to_person IS NULL
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));
CREATE POLICY dicom_granted ON consilium.study FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.study = study.id AND g.to_organisation = (SELECT consilium.my_org()) AND g.to_person IS NULL
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));
CREATE POLICY dicom_granted ON consilium.series FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.study = series.study AND g.to_organisation = (SELECT consilium.my_org()) AND g.to_person IS NULL
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));
CREATE POLICY dicom_granted ON consilium.instance FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.access_grant g
           WHERE g.study = instance.study AND g.to_organisation = (SELECT consilium.my_org()) AND g.to_person IS NULL
             AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())));

GRANT SELECT ON consilium.organisation, consilium.department, consilium.consortium, consilium.consortium_member,
    consilium.agreement TO consilium_hub, consilium_dicom;
GRANT SELECT, UPDATE ON consilium.person TO consilium_hub;
GRANT SELECT ON consilium.person_role TO consilium_hub;
GRANT SELECT, INSERT, UPDATE ON consilium.session TO consilium_hub;
GRANT SELECT, UPDATE ON consilium.token TO consilium_hub;
GRANT SELECT, INSERT, DELETE ON consilium.login_failure TO consilium_hub;
GRANT SELECT ON consilium.ae TO consilium_hub, consilium_dicom;
GRANT SELECT, INSERT, UPDATE ON consilium.patient TO consilium_hub;
GRANT SELECT ON consilium.study, consilium.series, consilium.instance, consilium.instance_quarantine,
    consilium.access_grant TO consilium_hub;
GRANT SELECT, INSERT, UPDATE ON consilium.patient, consilium.study, consilium.series, consilium.instance,
    consilium.instance_quarantine TO consilium_dicom;
GRANT SELECT ON consilium.access_grant TO consilium_dicom;

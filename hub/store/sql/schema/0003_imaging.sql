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
    UNIQUE (organisation, local_id),
    UNIQUE (id, organisation)                                -- for composite foreign keys: whose patient it is
);
CREATE INDEX patient_name ON consilium.patient USING gin (name_search gin_trgm_ops);

CREATE TABLE consilium.study (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study_uid text NOT NULL CHECK (study_uid ~ '^[0-9.]{1,64}$'),
    patient uuid NOT NULL,
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
    UNIQUE (organisation, study_uid),
    UNIQUE (id, organisation),
    FOREIGN KEY (patient, organisation) REFERENCES consilium.patient (id, organisation)
);
CREATE INDEX study_recent ON consilium.study (organisation, study_date DESC NULLS LAST, study_uid);
CREATE INDEX study_uid ON consilium.study (study_uid);
CREATE INDEX study_patient ON consilium.study (patient);
CREATE INDEX study_accession ON consilium.study (organisation, accession) WHERE accession <> '';

CREATE TABLE consilium.series (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study uuid NOT NULL,
    series_uid text NOT NULL CHECK (series_uid ~ '^[0-9.]{1,64}$'),
    modality text NOT NULL DEFAULT '',
    number integer,
    description text NOT NULL DEFAULT '',
    instance_count integer NOT NULL DEFAULT 0,
    generation integer NOT NULL DEFAULT 0,                   -- grows with every change; names the metadata blob and its ETag
    attributes jsonb NOT NULL DEFAULT '{}',                  -- DICOM JSON of the series level
    UNIQUE (study, series_uid),
    UNIQUE (id, study, organisation),
    FOREIGN KEY (study, organisation) REFERENCES consilium.study (id, organisation)
);
CREATE INDEX series_uid ON consilium.series (organisation, series_uid);

CREATE TABLE consilium.instance (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    study uuid NOT NULL,
    series uuid NOT NULL,
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
    PRIMARY KEY (organisation, sop_uid),
    FOREIGN KEY (series, study, organisation) REFERENCES consilium.series (id, study, organisation)
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
    patient uuid NOT NULL,
    study uuid,
    from_organisation uuid NOT NULL REFERENCES consilium.organisation,
    to_organisation uuid NOT NULL REFERENCES consilium.organisation,
    -- Who in to_organisation: all its clinicians, one department's clinicians and all coordinators (no department:
    -- coordinators only), or one person acting for it.
    reach text NOT NULL CHECK (reach IN ('organisation', 'department', 'person')),
    to_department uuid,
    to_person uuid REFERENCES consilium.person,
    basis text NOT NULL CHECK (basis IN ('consult', 'referral', 'teaching', 'share', 'emergency')),
    basis_id uuid NOT NULL,                                  -- the consult, referral …
    valid_from timestamptz NOT NULL DEFAULT now(),
    valid_until timestamptz,                                 -- NULL: until its case closes
    created_by uuid REFERENCES consilium.person,
    FOREIGN KEY (patient, from_organisation) REFERENCES consilium.patient (id, organisation),
    FOREIGN KEY (study, from_organisation) REFERENCES consilium.study (id, organisation),
    FOREIGN KEY (to_department, to_organisation) REFERENCES consilium.department (id, organisation),
    CHECK ((reach = 'person') = (to_person IS NOT NULL)),
    CHECK (to_department IS NULL OR reach = 'department')
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

-- The owner's functions (SECURITY DEFINER) pass; nobody signs in as the owner but migrations and the administrator.
CREATE POLICY owner_all ON consilium.patient TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.study TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.series TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.instance TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.instance_quarantine TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.access_grant TO consilium_owner USING (true) WITH CHECK (true);

-- Grants are seen by both sides; they are written only by the case functions (SECURITY DEFINER) of later files.
CREATE POLICY hub_sides ON consilium.access_grant FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical())
           AND (from_organisation = (SELECT consilium.my_org()) OR to_organisation = (SELECT consilium.my_org())));
CREATE POLICY dicom_granted ON consilium.access_grant FOR SELECT TO consilium_dicom
    USING (to_organisation = (SELECT consilium.my_org()));

-- The grants that reach the acting person now. Row-level security of the caller applies (security_invoker).
CREATE VIEW consilium.my_grant WITH (security_invoker = true) AS
    SELECT * FROM consilium.access_grant g
    WHERE g.to_organisation = (SELECT consilium.my_org())
      AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now())
      AND CASE g.reach
          WHEN 'person' THEN g.to_person = (SELECT consilium.me())
          WHEN 'organisation' THEN true
          ELSE (SELECT consilium.has_role('coordinator')) OR g.to_department IN (SELECT consilium.my_departments())
          END;

-- The grants that reach the organisation's machines: what was granted to it, not what was granted to one person.
CREATE VIEW consilium.our_grant WITH (security_invoker = true) AS
    SELECT * FROM consilium.access_grant g
    WHERE g.to_organisation = (SELECT consilium.my_org()) AND g.to_person IS NULL
      AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now());

-- The hub, for a person: the own organisation's rows with a clinical role, and what a live grant names.
CREATE POLICY hub_own ON consilium.patient TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.patient FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.my_grant g WHERE g.patient = patient.id));
CREATE POLICY hub_own ON consilium.study FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.study FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.my_grant g WHERE g.study = study.id));
CREATE POLICY hub_own ON consilium.series FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.series FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.my_grant g WHERE g.study = series.study));
CREATE POLICY hub_own ON consilium.instance FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_granted ON consilium.instance FOR SELECT TO consilium_hub
    USING ((SELECT consilium.clinical()) AND EXISTS (SELECT FROM consilium.my_grant g WHERE g.study = instance.study));
CREATE POLICY hub_own ON consilium.instance_quarantine FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.has_role('radiographer', 'radiologist')));

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
CREATE POLICY dicom_granted ON consilium.patient FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.our_grant g WHERE g.patient = patient.id AND g.study IS NOT NULL));
CREATE POLICY dicom_granted ON consilium.study FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.our_grant g WHERE g.study = study.id));
CREATE POLICY dicom_granted ON consilium.series FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.our_grant g WHERE g.study = series.study));
CREATE POLICY dicom_granted ON consilium.instance FOR SELECT TO consilium_dicom
    USING (EXISTS (SELECT FROM consilium.our_grant g WHERE g.study = instance.study));

GRANT SELECT, INSERT, UPDATE ON consilium.patient TO consilium_hub;
GRANT SELECT ON consilium.study, consilium.series, consilium.instance, consilium.instance_quarantine,
    consilium.access_grant, consilium.my_grant TO consilium_hub;
GRANT SELECT, INSERT, UPDATE ON consilium.patient, consilium.study, consilium.series, consilium.instance,
    consilium.instance_quarantine TO consilium_dicom;
GRANT SELECT ON consilium.access_grant, consilium.our_grant TO consilium_dicom;

-- Why: consultations and two-way referrals, their studies, opinions and timelines, and who may see them when.
-- States and steps are the tables hub/domain/*_fsm.def; the only writers are the functions of 0007_case_functions.sql.
--
-- Who sees a case: the clinicians of the organisation that sent it, always; on the receiving side the coordinators, the
-- clinicians of the department it was sent to, and who claimed it, from sent_at to to_until (closing plus grace).

CREATE SEQUENCE consilium.case_number;

CREATE TABLE consilium.consult (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number text NOT NULL UNIQUE DEFAULT to_char(now(), '"C"YYYY-') || lpad(nextval('consilium.case_number')::text, 6, '0'),
    version integer NOT NULL DEFAULT 1,                      -- grows by one with each change: the ETag
    settled integer NOT NULL DEFAULT 1,                      -- the version of the last event; later ones saved a draft opinion
    state text NOT NULL DEFAULT 'draft' CHECK (state IN
        ('draft', 'submitted', 'assigned', 'info', 'signed', 'acknowledged', 'closed', 'declined', 'cancelled')),
    patient uuid NOT NULL,
    from_organisation uuid NOT NULL REFERENCES consilium.organisation,
    from_person uuid NOT NULL REFERENCES consilium.person,
    to_organisation uuid NOT NULL REFERENCES consilium.organisation,
    to_department uuid NOT NULL,
    urgency text NOT NULL CHECK (urgency IN ('routine', 'urgent', 'emergency')),
    question text NOT NULL CHECK (length(question) <= 4000),
    summary text NOT NULL DEFAULT '' CHECK (length(summary) <= 8000),
    consent_at timestamptz,                                  -- the patient's agreement, as the sending side recorded it
    consent_by uuid REFERENCES consilium.person,
    claimed_by uuid REFERENCES consilium.person,
    claimed_at timestamptz,
    adopted text CHECK (adopted IN ('yes', 'partly', 'no')),
    due_at timestamptz,                                      -- of the next step; NULL in final states
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,                                     -- NULL: the receiving side does not know of it
    closed_at timestamptz,
    to_until timestamptz,                                    -- the receiving side sees it until then; NULL: while it is open
    FOREIGN KEY (patient, from_organisation) REFERENCES consilium.patient (id, organisation),
    FOREIGN KEY (to_department, to_organisation) REFERENCES consilium.department (id, organisation),
    CHECK (from_organisation <> to_organisation)
);
CREATE INDEX consult_from ON consilium.consult (from_organisation, updated_at DESC);
CREATE INDEX consult_to ON consilium.consult (to_organisation, to_department, updated_at DESC);
CREATE INDEX consult_claimed ON consilium.consult (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX consult_patient ON consilium.consult (patient);

CREATE TABLE consilium.consult_study (
    consult uuid NOT NULL REFERENCES consilium.consult,
    study uuid NOT NULL REFERENCES consilium.study,
    PRIMARY KEY (consult, study)
);

-- One row per version. A draft has no signed_at and is its author's alone; a signed one never changes, an amendment is
-- the next version.
CREATE TABLE consilium.opinion (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    consult uuid NOT NULL REFERENCES consilium.consult,
    number integer NOT NULL,                                 -- 1, 2 … of this consult
    author uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    findings text NOT NULL CHECK (length(findings) <= 20000),
    impression text NOT NULL CHECK (length(impression) <= 8000),
    advice text NOT NULL CHECK (length(advice) <= 8000),
    critical boolean NOT NULL DEFAULT false,
    saved_at timestamptz NOT NULL DEFAULT now(),
    signed_at timestamptz,
    content_hash text,                                       -- SHA-256 binding text, author, consult and time of signing
    UNIQUE (consult, number),
    CHECK ((signed_at IS NULL) = (content_hash IS NULL))
);
CREATE UNIQUE INDEX opinion_draft ON consilium.opinion (consult) WHERE signed_at IS NULL;

CREATE TABLE consilium.referral (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number text NOT NULL UNIQUE DEFAULT to_char(now(), '"R"YYYY-') || lpad(nextval('consilium.case_number')::text, 6, '0'),
    version integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN
        ('draft', 'sent', 'claimed', 'info', 'accepted', 'booked', 'arrived', 'reported', 'closed', 'rejected', 'cancelled',
         'no_show')),
    patient uuid NOT NULL,
    from_organisation uuid NOT NULL REFERENCES consilium.organisation,
    from_person uuid NOT NULL REFERENCES consilium.person,
    to_organisation uuid NOT NULL REFERENCES consilium.organisation,
    to_department uuid,                                      -- NULL: the coordinators find one
    direction text NOT NULL CHECK (direction IN ('up', 'down', 'lateral')),
    path text NOT NULL DEFAULT 'outpatient' CHECK (path IN ('outpatient', 'inpatient', 'exam')),
    urgency text NOT NULL CHECK (urgency IN ('routine', 'soon', 'urgent', 'emergency')),
    reason text NOT NULL CHECK (length(reason) <= 4000),
    diagnosis text NOT NULL CHECK (length(diagnosis) <= 2000),
    treatment text NOT NULL DEFAULT '' CHECK (length(treatment) <= 8000),
    consent_at timestamptz,
    consent_by uuid REFERENCES consilium.person,
    claimed_by uuid REFERENCES consilium.person,
    claimed_at timestamptz,
    booking_at timestamptz,
    booking_place text CHECK (length(booking_place) <= 500),
    booking_instructions text CHECK (length(booking_instructions) <= 2000),
    visit text CHECK (length(visit) <= 64),                  -- the receiving side's visit number
    report text CHECK (length(report) <= 20000),
    report_by uuid REFERENCES consilium.person,
    report_at timestamptz,
    report_hash text,
    due_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    closed_at timestamptz,
    to_until timestamptz,
    FOREIGN KEY (patient, from_organisation) REFERENCES consilium.patient (id, organisation),
    FOREIGN KEY (to_department, to_organisation) REFERENCES consilium.department (id, organisation),
    CHECK (from_organisation <> to_organisation)
);
CREATE INDEX referral_from ON consilium.referral (from_organisation, updated_at DESC);
CREATE INDEX referral_to ON consilium.referral (to_organisation, to_department, updated_at DESC);
CREATE INDEX referral_claimed ON consilium.referral (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX referral_patient ON consilium.referral (patient);

CREATE TABLE consilium.referral_study (
    referral uuid NOT NULL REFERENCES consilium.referral,
    study uuid NOT NULL REFERENCES consilium.study,
    PRIMARY KEY (referral, study)
);

-- The timeline of a consult, referral or teaching session, written in the transaction of the step. Append-only: not even
-- the owner has a policy to change it.
CREATE TABLE consilium.case_event (
    kind text NOT NULL CHECK (kind IN ('consult', 'referral', 'teaching')),
    subject uuid NOT NULL,
    version integer NOT NULL,                                -- the subject's version after it
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    person uuid REFERENCES consilium.person,
    role text NOT NULL DEFAULT '',                           -- by which the step was allowed
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    action text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text,                                             -- coded
    note text CHECK (length(note) <= 4000),
    PRIMARY KEY (kind, subject, version)
);

ALTER TABLE consilium.consult ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.consult_study ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.opinion ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.referral ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.referral_study ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.case_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON consilium.consult TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.consult_study TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.opinion TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.referral TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.referral_study TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_append ON consilium.case_event FOR INSERT TO consilium_owner WITH CHECK (true);
CREATE POLICY owner_read ON consilium.case_event FOR SELECT TO consilium_owner USING (true);

CREATE POLICY hub_sender ON consilium.consult FOR SELECT TO consilium_hub
    USING (from_organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_receiver ON consilium.consult FOR SELECT TO consilium_hub
    USING (to_organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical())
           AND sent_at IS NOT NULL AND (to_until IS NULL OR to_until > now())
           AND ((SELECT consilium.has_role('coordinator')) OR claimed_by = (SELECT consilium.me())
                OR to_department IN (SELECT consilium.my_departments())));
CREATE POLICY hub_sender ON consilium.referral FOR SELECT TO consilium_hub
    USING (from_organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical()));
CREATE POLICY hub_receiver ON consilium.referral FOR SELECT TO consilium_hub
    USING (to_organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical())
           AND sent_at IS NOT NULL AND (to_until IS NULL OR to_until > now())
           AND ((SELECT consilium.has_role('coordinator')) OR claimed_by = (SELECT consilium.me())
                OR to_department IN (SELECT consilium.my_departments())));
CREATE POLICY hub_case ON consilium.consult_study FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.consult c WHERE c.id = consult));
CREATE POLICY hub_case ON consilium.referral_study FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.referral r WHERE r.id = referral));
CREATE POLICY hub_case ON consilium.opinion FOR SELECT TO consilium_hub
    USING ((signed_at IS NOT NULL OR author = (SELECT consilium.me()))
           AND EXISTS (SELECT FROM consilium.consult c WHERE c.id = consult));
-- The name on the form: a patient is seen with a case that one sees.
CREATE POLICY hub_case ON consilium.patient FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.consult c WHERE c.patient = patient.id)
           OR EXISTS (SELECT FROM consilium.referral r WHERE r.patient = patient.id));

GRANT SELECT ON consilium.consult, consilium.consult_study, consilium.opinion, consilium.referral,
    consilium.referral_study, consilium.case_event TO consilium_hub;

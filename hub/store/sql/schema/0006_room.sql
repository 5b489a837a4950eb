-- Why: rooms (of a consult, of a teaching session, or a plain meeting), what is written in them, teaching sessions with
-- attendance, questions and recordings; and what is to be told to whom.

CREATE TABLE consilium.teaching_session (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    version integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'live', 'ended', 'cancelled')),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 4000),
    teacher uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    starts_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    consent_at timestamptz,                                  -- the speaker's, to being recorded
    due_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX teaching_recent ON consilium.teaching_session (organisation, created_at DESC);

CREATE TABLE consilium.room (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('meeting', 'consult', 'teaching')),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200), -- a consult's is its number, never a name
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    created_by uuid NOT NULL REFERENCES consilium.person,
    consult uuid UNIQUE REFERENCES consilium.consult,
    teaching uuid UNIQUE REFERENCES consilium.teaching_session,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,                                   -- nobody joins any more; what was written stays
    CHECK ((kind = 'consult') = (consult IS NOT NULL) AND (kind = 'teaching') = (teaching IS NOT NULL))
);

-- Somebody invited into a meeting or consult beyond those whom the rules admit.
CREATE TABLE consilium.room_member (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    room uuid NOT NULL REFERENCES consilium.room,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    person uuid REFERENCES consilium.person,                 -- NULL: everybody of that organisation
    invited_by uuid REFERENCES consilium.person,
    UNIQUE NULLS NOT DISTINCT (room, organisation, person)
);

CREATE TABLE consilium.message (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    room uuid NOT NULL REFERENCES consilium.room,
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX message_room ON consilium.message (room, at, id);

-- Who was in a teaching session, from when to when.
CREATE TABLE consilium.attendance (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    teaching uuid NOT NULL REFERENCES consilium.teaching_session,
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz
);
CREATE INDEX attendance_teaching ON consilium.attendance (teaching, person);

CREATE TABLE consilium.question (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    teaching uuid NOT NULL REFERENCES consilium.teaching_session,
    person uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz,
    answered_by uuid REFERENCES consilium.person
);
CREATE INDEX question_teaching ON consilium.question (teaching, at, id);

CREATE TABLE consilium.recording (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),           -- also the name of its directory below recordings/
    room uuid NOT NULL REFERENCES consilium.room,
    teaching uuid NOT NULL REFERENCES consilium.teaching_session,
    state text NOT NULL DEFAULT 'recording' CHECK (state IN ('recording', 'finalising', 'ready', 'failed')),
    started_by uuid NOT NULL REFERENCES consilium.person,
    consent_at timestamptz NOT NULL,                         -- the speaker's consent that it rests on
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX recording_teaching ON consilium.recording (teaching, started_at);
CREATE UNIQUE INDEX recording_running ON consilium.recording (room) WHERE state = 'recording';

CREATE TABLE consilium.recording_file (
    recording uuid NOT NULL REFERENCES consilium.recording,
    file text NOT NULL CHECK (file ~ '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$'),
    track text NOT NULL DEFAULT '',
    participant text NOT NULL DEFAULT '',
    kind text NOT NULL,
    mime text NOT NULL,
    started_at timestamptz,
    duration_ms bigint,
    bytes bigint,
    sha256 text,
    PRIMARY KEY (recording, file)
);

-- The outbox: what has to be told to whom, written in the transaction of the step. Ids and codes only.
CREATE TABLE consilium.notification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    department uuid REFERENCES consilium.department,         -- NULL: the whole organisation or the one person
    person uuid REFERENCES consilium.person,                 -- NULL: whoever has the role there
    kind text NOT NULL,
    subject uuid NOT NULL,
    version integer NOT NULL,
    action text NOT NULL,
    read_at timestamptz
);
CREATE INDEX notification_to ON consilium.notification (organisation, id DESC);

ALTER TABLE consilium.teaching_session ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.room ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.room_member ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.message ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.attendance ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.question ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.recording ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.recording_file ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE consilium.notification ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON consilium.teaching_session TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.room TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.room_member TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.message TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.attendance TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.question TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.recording TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.recording_file TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON consilium.notification TO consilium_owner USING (true) WITH CHECK (true);

-- A draft is its teacher's; from publishing on, the whole consortium sees the session.
CREATE POLICY hub_visible ON consilium.teaching_session FOR SELECT TO consilium_hub
    USING ((organisation = (SELECT consilium.my_org()) AND teacher = (SELECT consilium.me()))
           OR (state IN ('published', 'live', 'ended') AND organisation IN (SELECT consilium.my_consortium())));

CREATE POLICY hub_mine ON consilium.room_member FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (person IS NULL OR person = (SELECT consilium.me())));
-- A meeting: its organisation and who was invited. A consult's room: the sending side's clinicians, who claimed the
-- consult, and who was invited among those that see the form. A teaching room: who sees the session.
CREATE POLICY hub_visible ON consilium.room FOR SELECT TO consilium_hub
    USING (CASE kind
           WHEN 'meeting' THEN organisation = (SELECT consilium.my_org())
                OR EXISTS (SELECT FROM consilium.room_member m WHERE m.room = room.id)
           WHEN 'consult' THEN EXISTS (SELECT FROM consilium.consult c WHERE c.id = room.consult
                AND (c.from_organisation = (SELECT consilium.my_org()) OR c.claimed_by = (SELECT consilium.me())
                     OR EXISTS (SELECT FROM consilium.room_member m WHERE m.room = room.id)))
           ELSE EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = room.teaching) END);
CREATE POLICY hub_room ON consilium.message FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.room r WHERE r.id = room));
CREATE POLICY hub_say ON consilium.message FOR INSERT TO consilium_hub
    WITH CHECK (person = (SELECT consilium.me()) AND organisation = (SELECT consilium.my_org())
                AND EXISTS (SELECT FROM consilium.room r WHERE r.id = room AND r.closed_at IS NULL));
-- Who attended: the teacher sees all, others themselves.
CREATE POLICY hub_attended ON consilium.attendance FOR SELECT TO consilium_hub
    USING (person = (SELECT consilium.me())
           OR EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = teaching AND t.teacher = (SELECT consilium.me())));
CREATE POLICY hub_visible ON consilium.question FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = teaching));
CREATE POLICY hub_ask ON consilium.question FOR INSERT TO consilium_hub
    WITH CHECK (person = (SELECT consilium.me()) AND organisation = (SELECT consilium.my_org()) AND answered_at IS NULL
                AND EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = teaching AND t.state IN ('published', 'live')));
CREATE POLICY hub_answer ON consilium.question FOR UPDATE TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = teaching AND t.teacher = (SELECT consilium.me())));
CREATE POLICY hub_visible ON consilium.recording FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = teaching));
CREATE POLICY hub_visible ON consilium.recording_file FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.recording r WHERE r.id = recording));
CREATE POLICY hub_mine ON consilium.notification FOR SELECT TO consilium_hub
    USING (organisation = (SELECT consilium.my_org()) AND (SELECT consilium.clinical())
           AND (person IS NULL OR person = (SELECT consilium.me()))
           AND (department IS NULL OR (SELECT consilium.has_role('coordinator'))
                OR department IN (SELECT consilium.my_departments())));

CREATE POLICY hub_case ON consilium.case_event FOR SELECT TO consilium_hub
    USING (CASE kind WHEN 'consult' THEN EXISTS (SELECT FROM consilium.consult c WHERE c.id = subject)
                     WHEN 'referral' THEN EXISTS (SELECT FROM consilium.referral r WHERE r.id = subject)
                     ELSE EXISTS (SELECT FROM consilium.teaching_session t WHERE t.id = subject) END);

GRANT SELECT ON consilium.teaching_session, consilium.room, consilium.room_member, consilium.message, consilium.attendance,
    consilium.question, consilium.recording, consilium.recording_file, consilium.notification
    TO consilium_hub;
GRANT INSERT (room, person, organisation, text) ON consilium.message TO consilium_hub;
GRANT INSERT (teaching, person, organisation, text), UPDATE (answered_at, answered_by) ON consilium.question TO consilium_hub;

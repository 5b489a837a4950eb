-- Why: the only writers of cases, rooms and teaching sessions. The hub decides by its tables (hub/domain/*_fsm.def) which
-- step is allowed to whom and says what it changes (effects); these functions do it in one transaction: compare-and-set on
-- version and state, event, grants, notification rows, NOTIFY. They run as the owner, so each checks by itself that the
-- acting organisation is a side of the case. What may not be seen is refused as 404.

CREATE FUNCTION consilium.rfc3339(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- Wakes every hub: {kind, id, version, organisations, persons}. persons: only these; else all of the organisations.
CREATE FUNCTION consilium.changed(kind text, subject uuid, version integer, organisations uuid[], persons uuid[])
    RETURNS void LANGUAGE sql
AS $$ SELECT pg_notify('consilium_changed', json_build_object('kind', kind, 'id', subject, 'version', version,
             'organisations', organisations, 'persons', coalesce(persons, '{}'))::text) $$;

CREATE FUNCTION consilium.case_event_add(kind text, subject uuid, version integer, role text, action text, from_state text,
                                         to_state text, reason text, note text) RETURNS void LANGUAGE sql
AS $$ INSERT INTO consilium.case_event (kind, subject, version, person, role, organisation, action, from_state, to_state,
                                        reason, note)
      VALUES (kind, subject, version, consilium.me(), coalesce(role, ''), consilium.my_org(), action, from_state, to_state,
              reason, note) $$;

-- Ends the grants of a case at the given time, those that would end earlier excepted.
CREATE FUNCTION consilium.grants_end(what text, subject uuid, until timestamptz) RETURNS void LANGUAGE sql
AS $$ UPDATE consilium.access_grant SET valid_until = until
      WHERE basis = what AND basis_id = subject AND (valid_until IS NULL OR valid_until > until) $$;

-- The studies that a case may carry: the own organisation's, of this patient.
CREATE FUNCTION consilium.studies_check(of_patient uuid, studies uuid[]) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM consilium.expect((SELECT count(*) = count(s.id) FROM (SELECT DISTINCT unnest(studies)) AS w (id)
        LEFT JOIN consilium.study s ON s.id = w.id AND s.organisation = consilium.my_org()), '404', 'no such study');
    PERFORM consilium.expect(NOT EXISTS (SELECT FROM consilium.study s WHERE s.id = ANY (studies) AND s.patient <> of_patient),
        '422', 'a study is of another patient');
END $$;

-- --- consult ------------------------------------------------------------------------------------------------------

CREATE FUNCTION consilium.consult_write(subject uuid, fields jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE
    pat uuid := fields ->> 'patient';
    list uuid[] := ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(coalesce(fields -> 'studies', '[]')));
    agreed_now boolean := coalesce((fields ->> 'consent')::boolean, false);
BEGIN
    PERFORM expect(EXISTS (SELECT FROM patient p WHERE p.id = pat AND p.organisation = my_org()), '404', 'no such patient');
    PERFORM expect(EXISTS (SELECT FROM department d WHERE d.id = (fields ->> 'to_department')::uuid
                           AND d.organisation = (fields ->> 'to_organisation')::uuid), '404', 'no such department');
    PERFORM expect((fields ->> 'to_organisation')::uuid <> my_org(), '422', 'that is the own organisation');
    PERFORM studies_check(pat, list);
    INSERT INTO consult (id, version, patient, from_organisation, from_person, to_organisation, to_department, urgency, question,
                         summary, consent_at, consent_by)
    VALUES (subject, 0, pat, my_org(), me(), (fields ->> 'to_organisation')::uuid, (fields ->> 'to_department')::uuid,
            fields ->> 'urgency', fields ->> 'question', coalesce(fields ->> 'summary', ''),
            CASE WHEN agreed_now THEN now() END, CASE WHEN agreed_now THEN me() END)
    ON CONFLICT (id) DO UPDATE SET patient = excluded.patient, to_organisation = excluded.to_organisation,
        to_department = excluded.to_department, urgency = excluded.urgency, question = excluded.question,
        summary = excluded.summary,
        consent_at = CASE WHEN agreed_now THEN coalesce(consult.consent_at, excluded.consent_at) END,
        consent_by = CASE WHEN agreed_now THEN coalesce(consult.consent_by, excluded.consent_by) END;
    DELETE FROM consult_study WHERE consult = subject AND study <> ALL (list);
    INSERT INTO consult_study SELECT subject, unnest(list) ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION consilium.consult_opinion(c consilium.consult, content jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = consilium, pg_temp
AS $$
DECLARE
    nth integer; stamp timestamptz := clock_timestamp();
BEGIN
    DELETE FROM opinion WHERE consult = c.id AND signed_at IS NULL;
    SELECT coalesce(max(number), 0) + 1 INTO nth FROM opinion WHERE consult = c.id;
    INSERT INTO opinion (consult, number, author, organisation, findings, impression, advice, critical, saved_at, signed_at,
                         content_hash)
    SELECT c.id, nth, me(), my_org(), f.findings, f.impression, f.advice, coalesce(f.critical, false), stamp, stamp,
           encode(sha256(convert_to(json_build_array(c.id, nth, me(), rfc3339(stamp), f.findings, f.impression, f.advice,
                                                     coalesce(f.critical, false))::text, 'UTF8')), 'hex')
    FROM jsonb_to_record(content) AS f (findings text, impression text, advice text, critical boolean);
END $$;

-- fields: of a draft (create, edit), or what the step brought (opinion, adopted, studies). effects: see consult_fsm.def.
CREATE FUNCTION consilium.consult_act(subject uuid, at_version integer, action text, at_state text, next_state text, role text,
                                      effects text[], tell text[], reason text, note text, fields jsonb, due_seconds integer,
                                      grace_seconds integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE
    c consult; until timestamptz; sides uuid[];
BEGIN
    IF 'write' = ANY (effects) THEN
        PERFORM expect(at_version = 0 OR EXISTS (SELECT FROM consult k WHERE k.id = subject AND k.from_organisation = my_org()),
                       '404', 'no such consult');
        PERFORM expect(at_version = 0 OR EXISTS (SELECT FROM consult k WHERE k.id = subject AND k.version = at_version
                                                 AND k.state = at_state FOR UPDATE),
                       '412', 'it has changed since you read it');
        PERFORM consult_write(subject, fields);
    END IF;
    UPDATE consult k SET version = k.version + 1, settled = k.version + 1, state = next_state, updated_at = now(),
           due_at = now() + make_interval(secs => due_seconds)
        WHERE k.id = subject AND k.version = at_version AND k.state = at_state RETURNING k.* INTO c;
    PERFORM expect(c.id IS NOT NULL, '412', 'it has changed since you read it');
    PERFORM expect(my_org() = c.from_organisation OR (my_org() = c.to_organisation AND c.sent_at IS NOT NULL),
                   '404', 'no such consult');

    IF 'send' = ANY (effects) THEN
        PERFORM expect(agreed(c.from_organisation, c.to_organisation, 'consult'), '403',
                       'no agreement in force lets your organisation send consults there');
        UPDATE consult SET sent_at = now(), to_until = NULL, closed_at = NULL,
            consent_at = CASE WHEN (fields ->> 'consent')::boolean THEN coalesce(consent_at, now()) ELSE consent_at END,
            consent_by = CASE WHEN (fields ->> 'consent')::boolean THEN coalesce(consent_by, me()) ELSE consent_by END
            WHERE id = subject;
        INSERT INTO room (kind, title, organisation, created_by, consult)
            VALUES ('consult', c.number, c.from_organisation, me(), c.id)
            ON CONFLICT (consult) DO UPDATE SET closed_at = NULL;
    END IF;
    IF 'attach' = ANY (effects) AND fields ? 'studies' THEN
        PERFORM studies_check(c.patient, ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(fields -> 'studies')));
        INSERT INTO consult_study SELECT subject, value::uuid FROM jsonb_array_elements_text(fields -> 'studies')
            ON CONFLICT DO NOTHING;
        IF c.claimed_by IS NOT NULL THEN
            INSERT INTO access_grant (patient, study, from_organisation, to_organisation, reach, to_person, basis, basis_id,
                                      created_by)
            SELECT c.patient, s.study, c.from_organisation, c.to_organisation, 'person', c.claimed_by, 'consult', c.id, me()
            FROM consult_study s WHERE s.consult = subject
                AND NOT EXISTS (SELECT FROM access_grant g WHERE g.basis = 'consult' AND g.basis_id = subject
                                AND g.study = s.study AND g.to_person = c.claimed_by AND g.valid_until IS NULL);
        END IF;
    END IF;
    IF 'claim' = ANY (effects) THEN
        UPDATE consult SET claimed_by = me(), claimed_at = now() WHERE id = subject;
        INSERT INTO access_grant (patient, study, from_organisation, to_organisation, reach, to_person, basis, basis_id,
                                  created_by)
        SELECT c.patient, s.study, c.from_organisation, c.to_organisation, 'person', me(), 'consult', c.id, me()
        FROM consult_study s WHERE s.consult = subject;
    END IF;
    IF 'release' = ANY (effects) THEN
        UPDATE consult SET claimed_by = NULL, claimed_at = NULL WHERE id = subject;
        DELETE FROM opinion WHERE consult = subject AND signed_at IS NULL;
        PERFORM grants_end('consult', subject, now());
    END IF;
    IF 'sign' = ANY (effects) THEN
        PERFORM consult_opinion(c, fields -> 'opinion');
    END IF;
    IF 'adopt' = ANY (effects) THEN
        UPDATE consult SET adopted = fields ->> 'adopted' WHERE id = subject;
    END IF;
    IF 'close' = ANY (effects) OR 'refuse' = ANY (effects) THEN
        until := now() + make_interval(secs => CASE WHEN 'close' = ANY (effects) THEN grace_seconds
                                                    ELSE least(grace_seconds, 86400) END);
        UPDATE consult SET closed_at = now(), due_at = NULL, to_until = until WHERE id = subject;
        UPDATE room SET closed_at = now() WHERE consult = subject;
        PERFORM grants_end('consult', subject, until);
    END IF;
    IF 'withdraw' = ANY (effects) THEN
        UPDATE consult SET sent_at = NULL, to_until = NULL, closed_at = NULL, claimed_by = NULL, claimed_at = NULL
            WHERE id = subject;
        DELETE FROM opinion WHERE consult = subject AND signed_at IS NULL;
        PERFORM grants_end('consult', subject, now());
    END IF;

    PERFORM case_event_add('consult', subject, c.version, role, action, CASE WHEN at_version = 0 THEN '' ELSE at_state END, next_state, reason, note);
    sides := CASE WHEN c.sent_at IS NOT NULL OR 'send' = ANY (effects) THEN ARRAY[c.from_organisation, c.to_organisation]
                  ELSE ARRAY[c.from_organisation] END;
    INSERT INTO notification (organisation, department, person, kind, subject, version, action)
    SELECT n.organisation, n.department, n.person, 'consult', consult_act.subject, c.version, consult_act.action FROM (VALUES
        ('from', c.from_organisation, NULL::uuid, c.from_person),
        ('department', c.to_organisation, c.to_department, NULL),
        ('claimer', c.to_organisation, NULL, c.claimed_by)) AS n (who, organisation, department, person)
    WHERE n.who = ANY (tell) AND (n.who <> 'claimer' OR n.person IS NOT NULL);
    PERFORM changed('consult', subject, c.version, sides, NULL);
    RETURN c.version;
END $$;

-- The claimer's draft opinion. The version grows, so that two windows of one person notice each other; settled does not, so
-- that others, who cannot see the draft, are not disturbed (hub/domain/case.c). Gives the new version.
CREATE FUNCTION consilium.opinion_save(subject uuid, at_version integer, content jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE
    c consult; nth integer;
BEGIN
    SELECT * INTO c FROM consult k WHERE k.id = subject AND k.to_organisation = my_org() AND k.sent_at IS NOT NULL FOR UPDATE;
    PERFORM expect(c.id IS NOT NULL, '404', 'no such consult');
    PERFORM expect(c.claimed_by = me(), '403', 'only who claimed it writes the opinion');
    PERFORM expect(c.version = at_version, '412', 'it has changed since you read it');
    PERFORM expect(c.state IN ('assigned', 'info'), '409', 'the opinion is signed; amend it');
    SELECT coalesce(max(o.number), 0) + 1 INTO nth FROM opinion o WHERE o.consult = subject AND o.signed_at IS NOT NULL;
    INSERT INTO opinion (consult, number, author, organisation, findings, impression, advice, critical)
    SELECT subject, nth, me(), my_org(), f.findings, f.impression, f.advice, coalesce(f.critical, false)
    FROM jsonb_to_record(content) AS f (findings text, impression text, advice text, critical boolean)
    ON CONFLICT (consult, number) DO UPDATE SET findings = excluded.findings, impression = excluded.impression,
        advice = excluded.advice, critical = excluded.critical, saved_at = now();
    UPDATE consult SET version = version + 1 WHERE id = subject;
    RETURN at_version + 1;
END $$;

-- --- referral -----------------------------------------------------------------------------------------------------

CREATE FUNCTION consilium.referral_write(subject uuid, fields jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE
    pat uuid := fields ->> 'patient';
    list uuid[] := ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(coalesce(fields -> 'studies', '[]')));
    agreed_now boolean := coalesce((fields ->> 'consent')::boolean, false);
BEGIN
    PERFORM expect(EXISTS (SELECT FROM patient p WHERE p.id = pat AND p.organisation = my_org()), '404', 'no such patient');
    PERFORM expect(EXISTS (SELECT FROM organisation o WHERE o.id = (fields ->> 'to_organisation')::uuid), '404',
                   'no such organisation');
    PERFORM expect(fields ->> 'to_department' IS NULL OR EXISTS (SELECT FROM department d
                           WHERE d.id = (fields ->> 'to_department')::uuid
                           AND d.organisation = (fields ->> 'to_organisation')::uuid), '404', 'no such department');
    PERFORM expect((fields ->> 'to_organisation')::uuid <> my_org(), '422', 'that is the own organisation');
    PERFORM studies_check(pat, list);
    INSERT INTO referral (id, version, patient, from_organisation, from_person, to_organisation, to_department, direction, path,
                          urgency, reason, diagnosis, treatment, consent_at, consent_by)
    VALUES (subject, 0, pat, my_org(), me(), (fields ->> 'to_organisation')::uuid, (fields ->> 'to_department')::uuid,
            fields ->> 'direction', coalesce(fields ->> 'path', 'outpatient'), fields ->> 'urgency', fields ->> 'reason',
            fields ->> 'diagnosis', coalesce(fields ->> 'treatment', ''),
            CASE WHEN agreed_now THEN now() END, CASE WHEN agreed_now THEN me() END)
    ON CONFLICT (id) DO UPDATE SET patient = excluded.patient, to_organisation = excluded.to_organisation,
        to_department = excluded.to_department, direction = excluded.direction, path = excluded.path,
        urgency = excluded.urgency, reason = excluded.reason, diagnosis = excluded.diagnosis, treatment = excluded.treatment,
        consent_at = CASE WHEN agreed_now THEN coalesce(referral.consent_at, excluded.consent_at) END,
        consent_by = CASE WHEN agreed_now THEN coalesce(referral.consent_by, excluded.consent_by) END;
    DELETE FROM referral_study WHERE referral = subject AND study <> ALL (list);
    INSERT INTO referral_study SELECT subject, unnest(list) ON CONFLICT DO NOTHING;
END $$;

-- What the receiving department and its coordinators may open while the referral is alive.
CREATE FUNCTION consilium.referral_grant(r consilium.referral) RETURNS void LANGUAGE sql
    SET search_path = consilium, pg_temp
AS $$ INSERT INTO access_grant (patient, study, from_organisation, to_organisation, reach, to_department, basis, basis_id,
                                created_by)
      SELECT r.patient, s.study, r.from_organisation, r.to_organisation, 'department', r.to_department, 'referral', r.id, me()
      FROM referral_study s WHERE s.referral = r.id
          AND NOT EXISTS (SELECT FROM access_grant g WHERE g.basis = 'referral' AND g.basis_id = r.id AND g.study = s.study
                          AND g.valid_until IS NULL) $$;

CREATE FUNCTION consilium.referral_act(subject uuid, at_version integer, action text, at_state text, next_state text, role text,
                                       effects text[], tell text[], reason text, note text, fields jsonb, due_seconds integer,
                                       grace_seconds integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE
    r referral; until timestamptz; sides uuid[]; stamp timestamptz := clock_timestamp();
BEGIN
    IF 'write' = ANY (effects) THEN
        PERFORM expect(at_version = 0 OR EXISTS (SELECT FROM referral k WHERE k.id = subject AND k.from_organisation = my_org()),
                       '404', 'no such referral');
        PERFORM expect(at_version = 0 OR EXISTS (SELECT FROM referral k WHERE k.id = subject AND k.version = at_version
                                                 AND k.state = at_state FOR UPDATE),
                       '412', 'it has changed since you read it');
        PERFORM referral_write(subject, fields);
    END IF;
    UPDATE referral k SET version = k.version + 1, state = next_state, updated_at = now(),
           due_at = CASE WHEN next_state = 'booked' THEN coalesce((fields #>> '{booking,at}')::timestamptz, k.booking_at)
                                                         + interval '2 hours'
                         ELSE now() + make_interval(secs => due_seconds) END
        WHERE k.id = subject AND k.version = at_version AND k.state = at_state RETURNING k.* INTO r;
    PERFORM expect(r.id IS NOT NULL, '412', 'it has changed since you read it');
    PERFORM expect(my_org() = r.from_organisation OR (my_org() = r.to_organisation AND r.sent_at IS NOT NULL),
                   '404', 'no such referral');

    IF 'send' = ANY (effects) THEN
        PERFORM expect(agreed(r.from_organisation, r.to_organisation, 'referral'), '403',
                       'no agreement in force lets your organisation send referrals there');
        UPDATE referral SET sent_at = now(), to_until = NULL, closed_at = NULL,
            consent_at = CASE WHEN (fields ->> 'consent')::boolean THEN coalesce(consent_at, now()) ELSE consent_at END,
            consent_by = CASE WHEN (fields ->> 'consent')::boolean THEN coalesce(consent_by, me()) ELSE consent_by END
            WHERE id = subject;
        PERFORM referral_grant(r);
    END IF;
    IF 'attach' = ANY (effects) AND fields ? 'studies' THEN
        PERFORM studies_check(r.patient, ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(fields -> 'studies')));
        INSERT INTO referral_study SELECT subject, value::uuid FROM jsonb_array_elements_text(fields -> 'studies')
            ON CONFLICT DO NOTHING;
        PERFORM referral_grant(r);
    END IF;
    IF 'claim' = ANY (effects) THEN
        UPDATE referral SET claimed_by = me(), claimed_at = now() WHERE id = subject;
    END IF;
    IF 'release' = ANY (effects) THEN
        UPDATE referral SET claimed_by = NULL, claimed_at = NULL WHERE id = subject;
    END IF;
    IF 'direct' = ANY (effects) AND fields ? 'department' THEN
        PERFORM expect(EXISTS (SELECT FROM department d WHERE d.id = (fields ->> 'department')::uuid
                               AND d.organisation = r.to_organisation), '404', 'no such department');
        UPDATE referral SET to_department = (fields ->> 'department')::uuid WHERE id = subject;
        UPDATE access_grant g SET to_department = (fields ->> 'department')::uuid
            WHERE g.basis = 'referral' AND g.basis_id = subject;
    END IF;
    IF 'book' = ANY (effects) THEN
        UPDATE referral SET booking_at = (fields #>> '{booking,at}')::timestamptz, booking_place = fields #>> '{booking,place}',
               booking_instructions = coalesce(fields #>> '{booking,instructions}', '') WHERE id = subject;
    END IF;
    IF 'arrive' = ANY (effects) THEN
        UPDATE referral SET visit = fields ->> 'visit' WHERE id = subject;
    END IF;
    IF 'report' = ANY (effects) THEN
        UPDATE referral SET report = fields ->> 'report', report_by = me(), report_at = stamp,
               report_hash = encode(sha256(convert_to(json_build_array(subject, me(), rfc3339(stamp),
                                                                       fields ->> 'report')::text, 'UTF8')), 'hex')
            WHERE id = subject;
    END IF;
    IF 'close' = ANY (effects) OR 'refuse' = ANY (effects) THEN
        until := now() + make_interval(secs => CASE WHEN 'close' = ANY (effects) THEN grace_seconds
                                                    ELSE least(grace_seconds, 86400) END);
        UPDATE referral SET closed_at = now(), due_at = NULL, to_until = until WHERE id = subject;
        PERFORM grants_end('referral', subject, until);
    END IF;
    IF 'withdraw' = ANY (effects) THEN
        UPDATE referral SET sent_at = NULL, to_until = NULL, closed_at = NULL, claimed_by = NULL, claimed_at = NULL
            WHERE id = subject;
        PERFORM grants_end('referral', subject, now());
    END IF;

    PERFORM case_event_add('referral', subject, r.version, role, action, CASE WHEN at_version = 0 THEN '' ELSE at_state END, next_state, reason, note);
    sides := CASE WHEN r.sent_at IS NOT NULL OR 'send' = ANY (effects) THEN ARRAY[r.from_organisation, r.to_organisation]
                  ELSE ARRAY[r.from_organisation] END;
    INSERT INTO notification (organisation, department, person, kind, subject, version, action)
    SELECT n.organisation, n.department, n.person, 'referral', referral_act.subject, r.version, referral_act.action FROM (VALUES
        ('from', r.from_organisation, NULL::uuid, r.from_person),
        ('department', r.to_organisation, r.to_department, NULL),
        ('claimer', r.to_organisation, NULL, r.claimed_by)) AS n (who, organisation, department, person)
    WHERE n.who = ANY (tell) AND (n.who <> 'claimer' OR n.person IS NOT NULL);
    PERFORM changed('referral', subject, r.version, sides, NULL);
    RETURN r.version;
END $$;

-- --- teaching -----------------------------------------------------------------------------------------------------

CREATE FUNCTION consilium.teaching_write(subject uuid, fields jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = consilium, pg_temp
AS $$
BEGIN
    INSERT INTO teaching_session (id, version, title, description, teacher, organisation, starts_at)
    VALUES (subject, 0, fields ->> 'title', coalesce(fields ->> 'description', ''), me(), my_org(),
            (fields ->> 'starts_at')::timestamptz)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, description = excluded.description, starts_at = excluded.starts_at;
    INSERT INTO room (kind, title, organisation, created_by, teaching)
    VALUES ('teaching', fields ->> 'title', my_org(), me(), subject)
    ON CONFLICT (teaching) DO UPDATE SET title = excluded.title;
END $$;

-- recording: the id of the new recording for the effect record.
CREATE FUNCTION consilium.teaching_act(subject uuid, at_version integer, action text, at_state text, next_state text, role text,
                                       effects text[], reason text, note text, fields jsonb, recording uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE t teaching_session; audience uuid[];
BEGIN
    IF 'write' = ANY (effects) THEN
        PERFORM expect(at_version = 0 OR EXISTS (SELECT FROM teaching_session k WHERE k.id = subject
                       AND k.organisation = my_org() AND k.teacher = me()), '404', 'no such session');
        PERFORM teaching_write(subject, fields);
    END IF;
    UPDATE teaching_session k SET version = k.version + 1, state = next_state, updated_at = now()
        WHERE k.id = subject AND k.version = at_version AND k.state = at_state RETURNING k.* INTO t;
    PERFORM expect(t.id IS NOT NULL, '412', 'it has changed since you read it');
    PERFORM expect(t.organisation = my_org() AND t.teacher = me(), '403', 'only the teacher does this');

    IF 'start' = ANY (effects) THEN
        UPDATE teaching_session SET started_at = coalesce(started_at, now()) WHERE id = subject;
    END IF;
    IF 'consent' = ANY (effects) THEN
        UPDATE teaching_session SET consent_at = now() WHERE id = subject;
    END IF;
    IF 'record' = ANY (effects) THEN
        PERFORM expect(t.consent_at IS NOT NULL, '409', 'the speaker has not agreed to be recorded');
        PERFORM expect(NOT EXISTS (SELECT FROM recording o WHERE o.teaching = subject AND o.state = 'recording'), '409',
                       'it is being recorded');
        INSERT INTO recording (id, room, teaching, started_by, consent_at)
            SELECT teaching_act.recording, r.id, subject, me(), t.consent_at FROM room r WHERE r.teaching = subject;
    END IF;
    IF 'stop' = ANY (effects) THEN
        UPDATE recording o SET state = 'finalising', ended_at = now() WHERE o.teaching = subject AND o.state = 'recording';
        PERFORM expect(FOUND OR 'end' = ANY (effects), '409', 'it is not being recorded');
    END IF;
    IF 'end' = ANY (effects) THEN
        UPDATE teaching_session SET ended_at = now() WHERE id = subject;
        UPDATE room SET closed_at = now() WHERE teaching = subject;
        UPDATE attendance SET left_at = now() WHERE teaching = subject AND left_at IS NULL;
    END IF;

    PERFORM case_event_add('teaching', subject, t.version, role, action, CASE WHEN at_version = 0 THEN '' ELSE at_state END, next_state, reason, note);
    audience := CASE WHEN next_state = 'draft' OR (at_state = 'draft' AND next_state = 'cancelled') THEN ARRAY[my_org()]
                     ELSE ARRAY(SELECT my_consortium()) END;
    PERFORM changed('teaching', subject, t.version, audience, CASE WHEN next_state = 'draft' THEN ARRAY[me()] END);
    RETURN t.version;
END $$;

-- The media worker's answer: files with their facts, or a failure. No person acts here.
CREATE FUNCTION consilium.recording_done(subject uuid, next_state text, files jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE t teaching_session;
BEGIN
    INSERT INTO recording_file (recording, file, track, participant, kind, mime, started_at, duration_ms, bytes, sha256)
    SELECT subject, f.file, coalesce(f.track, ''), coalesce(f.participant, ''), f.kind, f.mime, f.started_at, f.duration_ms,
           f.bytes, f.sha256
    FROM jsonb_to_recordset(coalesce(files, '[]')) AS f (file text, track text, participant text, kind text, mime text,
                                                         started_at timestamptz, duration_ms bigint, bytes bigint, sha256 text)
    ON CONFLICT (recording, file) DO UPDATE SET duration_ms = excluded.duration_ms, bytes = excluded.bytes,
        sha256 = excluded.sha256;
    UPDATE recording o SET state = next_state, ended_at = coalesce(o.ended_at, now()) WHERE o.id = subject;
    UPDATE teaching_session k SET version = k.version + 1, updated_at = now()
        FROM recording o WHERE o.id = subject AND k.id = o.teaching RETURNING k.* INTO t;
    PERFORM expect(t.id IS NOT NULL, '404', 'no such recording');
    INSERT INTO case_event (kind, subject, version, organisation, action, from_state, to_state)
        VALUES ('teaching', t.id, t.version, t.organisation, 'recording_' || next_state, t.state, t.state);
    PERFORM changed('teaching', t.id, t.version,
                    ARRAY(SELECT DISTINCT y.organisation FROM consortium_member x JOIN consortium_member y USING (consortium)
                          WHERE x.organisation = t.organisation), NULL);
END $$;

-- Recordings that a lost media worker left behind: to be repaired.
CREATE FUNCTION consilium.recording_left() RETURNS TABLE (id uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT o.id FROM recording o WHERE o.state IN ('recording', 'finalising') ORDER BY o.started_at $$;

-- --- rooms --------------------------------------------------------------------------------------------------------

CREATE FUNCTION consilium.room_create(subject uuid, named text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
BEGIN
    PERFORM expect(me() IS NOT NULL AND my_org() IS NOT NULL, '401', 'sign in first');
    INSERT INTO room (id, kind, title, organisation, created_by) VALUES (subject, 'meeting', named, my_org(), me());
END $$;

-- As the acting person came into or left the room of a teaching session.
CREATE FUNCTION consilium.room_attend(subject uuid, present boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$
DECLARE session uuid;
BEGIN
    SELECT r.teaching INTO session FROM room r JOIN teaching_session t ON t.id = r.teaching
        WHERE r.id = subject AND t.teacher <> me();
    IF session IS NULL THEN RETURN; END IF;
    IF NOT present THEN
        UPDATE attendance a SET left_at = now() WHERE a.teaching = session AND a.person = me() AND a.left_at IS NULL;
    ELSIF NOT EXISTS (SELECT FROM attendance a WHERE a.teaching = session AND a.person = me() AND a.left_at IS NULL) THEN
        INSERT INTO attendance (teaching, person, organisation) VALUES (session, me(), my_org());
    END IF;
END $$;

CREATE FUNCTION consilium.teaching_attendance(session uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT count(DISTINCT person) FROM attendance WHERE teaching = session $$;

-- --- what the answers are made of; row-level security of the caller applies ---------------------------------------------

CREATE FUNCTION consilium.json_organisation(o uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', id, 'code', code, 'name', name) FROM consilium.organisation WHERE id = o $$;
CREATE FUNCTION consilium.json_department(d uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', id, 'code', code, 'name', name) FROM consilium.department WHERE id = d $$;
CREATE FUNCTION consilium.json_person(p uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', id, 'name', name, 'title', title) FROM consilium.person WHERE id = p $$;
CREATE FUNCTION consilium.json_party(o uuid, d uuid, p uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('organisation', consilium.json_organisation(o), 'department', consilium.json_department(d),
                               'person', consilium.json_person(p)) $$;
CREATE FUNCTION consilium.json_patient(p uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', id, 'organisation', consilium.json_organisation(organisation), 'local_id', local_id,
             'name', json_build_object('alphabetic', name_alphabetic, 'ideographic', name_ideographic, 'phonetic', name_phonetic),
             'birth_date', birth_date, 'sex', sex, 'phone', phone, 'allergies', allergies, 'charset_doubt', charset_doubt,
             'version', version)
      FROM consilium.patient WHERE id = p $$;
-- Until when the acting person's grants let him see a study: NULL without end (or own).
CREATE FUNCTION consilium.study_until(s uuid) RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT CASE WHEN bool_or(valid_until IS NULL) THEN NULL ELSE max(valid_until) END
      FROM consilium.my_grant WHERE study = s $$;
CREATE FUNCTION consilium.json_study(s uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', id, 'organisation', consilium.json_organisation(organisation), 'study_uid', study_uid,
             'patient', consilium.json_patient(patient), 'study_date', study_date, 'study_time', study_time,
             'accession', accession, 'description', description, 'modalities', modalities, 'series_count', series_count,
             'instance_count', instance_count, 'received_at', consilium.rfc3339(received_at),
             'own', organisation = consilium.my_org(),
             'access_until', CASE WHEN organisation <> consilium.my_org()
                             THEN consilium.rfc3339(consilium.study_until(id)) END)
      FROM consilium.study WHERE id = s $$;

CREATE FUNCTION consilium.json_recording(o uuid) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', r.id, 'state', r.state, 'teaching', r.teaching, 'started_at', consilium.rfc3339(r.started_at),
             'ended_at', consilium.rfc3339(r.ended_at),
             'files', coalesce((SELECT json_agg(json_build_object('file', f.file,
                     'url', '/api/v1/recordings/' || r.id || '/files/' || f.file, 'kind', f.kind, 'mime', f.mime,
                     'started_at', consilium.rfc3339(f.started_at), 'duration_ms', f.duration_ms, 'bytes', f.bytes)
                     ORDER BY f.kind DESC, f.file) FROM consilium.recording_file f WHERE f.recording = r.id), '[]'))
      FROM consilium.recording r WHERE r.id = o $$;

GRANT EXECUTE ON FUNCTION consilium.consult_act, consilium.opinion_save,
    consilium.referral_act, consilium.teaching_act, consilium.recording_done, consilium.recording_left, consilium.room_create,
    consilium.room_attend, consilium.teaching_attendance, consilium.rfc3339, consilium.changed, consilium.json_organisation,
    consilium.json_department, consilium.json_person, consilium.json_party, consilium.json_patient, consilium.study_until,
    consilium.json_study,
    consilium.json_recording TO consilium_hub;
GRANT EXECUTE ON FUNCTION consilium.rfc3339, consilium.changed TO consilium_dicom;

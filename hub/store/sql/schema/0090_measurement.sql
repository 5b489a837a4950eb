-- Why: what a person draws on images (measurements, arrows, words) and the images that were marked as important. Rows of their own,
-- saved while one draws; the DICOM objects of the study are never touched. Who may see the study sees them; only their
-- author changes them.

CREATE TABLE consilium.measurement (
    id uuid PRIMARY KEY,                                     -- made by the browser, so that a repeat makes no second one
    study uuid NOT NULL REFERENCES consilium.study,
    series_uid text NOT NULL,
    sop_uid text NOT NULL,
    frame integer NOT NULL CHECK (frame >= 1),
    kind text NOT NULL CHECK (kind IN ('length', 'bidirectional', 'angle', 'cobb', 'ellipse', 'rectangle', 'probe', 'arrow',
                                       'text', 'key')),
    points jsonb NOT NULL,                                   -- [[column, row], …] in pixels of the image, 0,0 its outer corner (PS3.3 C.18.6)
    label text NOT NULL DEFAULT '' CHECK (length(label) <= 500),
    results jsonb NOT NULL DEFAULT '[]',                     -- [{name, value, unit}] as they were shown to the author
    author uuid NOT NULL REFERENCES consilium.person,
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz                                   -- kept, so that it can be brought back and asked about
);
CREATE INDEX measurement_study ON consilium.measurement (study, created_at);

ALTER TABLE consilium.measurement ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON consilium.measurement TO consilium_owner USING (true) WITH CHECK (true);
-- The inner SELECT passes the policies of study: own or granted, and clinical.
CREATE POLICY hub_seen ON consilium.measurement FOR SELECT TO consilium_hub
    USING (EXISTS (SELECT FROM consilium.study s WHERE s.id = measurement.study));
CREATE POLICY hub_draw ON consilium.measurement FOR INSERT TO consilium_hub
    WITH CHECK (author = consilium.me() AND organisation = consilium.my_org()
                AND EXISTS (SELECT FROM consilium.study s WHERE s.id = measurement.study));
CREATE POLICY hub_author ON consilium.measurement FOR UPDATE TO consilium_hub
    USING (author = consilium.me() AND organisation = consilium.my_org()
           AND EXISTS (SELECT FROM consilium.study s WHERE s.id = measurement.study))
    WITH CHECK (author = consilium.me() AND organisation = consilium.my_org());
GRANT SELECT, INSERT ON consilium.measurement TO consilium_hub;
GRANT UPDATE (frame, points, label, results, version, updated_at, deleted_at) ON consilium.measurement TO consilium_hub;

CREATE FUNCTION consilium.json_measurement(m consilium.measurement) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('id', m.id, 'study', m.study, 'series', m.series_uid, 'instance', m.sop_uid, 'frame', m.frame,
             'kind', m.kind, 'points', m.points, 'label', m.label, 'results', m.results,
             'author', consilium.json_person(m.author), 'organisation', consilium.json_organisation(m.organisation),
             'mine', m.author = consilium.me() AND m.organisation = consilium.my_org(), 'version', m.version,
             'created_at', consilium.rfc3339(m.created_at), 'updated_at', consilium.rfc3339(m.updated_at)) $$;

-- Tells everybody who may have the study on the screen. As the owner: the grants of others are not seen by the one who draws.
CREATE FUNCTION consilium.measurement_tell(of_study uuid, version integer) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT changed('measurement', of_study, version, array_agg(o), NULL)
      FROM (SELECT organisation FROM study WHERE id = of_study
            UNION SELECT to_organisation FROM access_grant
                  WHERE study = of_study AND is_open(valid_from, valid_until)) AS sides (o) $$;

-- Saves one, as the acting person (the policies above hold). expected: the version that is replaced, -1 whichever, 0 for a new one;
-- the same new one once more, after a lost answer, is no error. Whoever changes a deleted one brings it back.
CREATE FUNCTION consilium.measurement_put(subject uuid, of_study uuid, expected integer, fields jsonb) RETURNS consilium.measurement
    LANGUAGE plpgsql
AS $$
DECLARE
    old consilium.measurement;
    new consilium.measurement;
BEGIN
    SELECT * INTO old FROM consilium.measurement m WHERE m.id = subject;
    IF old.id IS NULL THEN
        PERFORM consilium.expect(expected = 0, '412', 'no such measurement');
        PERFORM consilium.expect(EXISTS (
            SELECT FROM consilium.instance i JOIN consilium.series s ON s.id = i.series
            WHERE i.study = of_study AND i.sop_uid = fields ->> 'instance' AND s.series_uid = fields ->> 'series'
              AND (fields ->> 'frame')::integer <= greatest(i.frames, 1)), '404', 'no such image');
        PERFORM consilium.expect((SELECT count(*) < 5000 FROM consilium.measurement m WHERE m.study = of_study),
                                 '422', 'a study holds 5000 measurements at most');
        INSERT INTO consilium.measurement (id, study, series_uid, sop_uid, frame, kind, points, label, results, author, organisation)
        VALUES (subject, of_study, fields ->> 'series', fields ->> 'instance', (fields ->> 'frame')::integer, fields ->> 'kind',
                fields -> 'points', fields ->> 'label', fields -> 'results', consilium.me(), consilium.my_org())
        RETURNING * INTO new;
        RETURN new;
    END IF;
    PERFORM consilium.expect(old.study = of_study, '404', 'no such measurement');
    PERFORM consilium.expect(old.author = consilium.me() AND old.organisation = consilium.my_org(), '403',
                             'only its author changes a measurement');
    PERFORM consilium.expect(old.kind = fields ->> 'kind' AND old.sop_uid = fields ->> 'instance'
                             AND old.series_uid = fields ->> 'series' AND old.frame = (fields ->> 'frame')::integer, '422',
                             'a measurement stays what it is, on its image');
    IF expected = 0 AND old.version = 1 AND old.deleted_at IS NULL AND old.points = fields -> 'points'
       AND old.label = fields ->> 'label' THEN
        RETURN old;
    END IF;
    UPDATE consilium.measurement m SET points = fields -> 'points', label = fields ->> 'label', results = fields -> 'results',
           version = m.version + 1, updated_at = now(), deleted_at = NULL
    WHERE m.id = subject AND (expected = -1 OR m.version = expected) RETURNING * INTO new;
    PERFORM consilium.expect(new.id IS NOT NULL, '412', 'somebody was faster');
    RETURN new;
END $$;

CREATE FUNCTION consilium.measurement_delete(subject uuid, of_study uuid, expected integer) RETURNS integer LANGUAGE plpgsql
AS $$
DECLARE
    old consilium.measurement;
    gone integer;
BEGIN
    SELECT * INTO old FROM consilium.measurement m WHERE m.id = subject AND m.study = of_study;
    PERFORM consilium.expect(old.id IS NOT NULL, '404', 'no such measurement');
    PERFORM consilium.expect(old.author = consilium.me() AND old.organisation = consilium.my_org(), '403',
                             'only its author deletes a measurement');
    IF old.deleted_at IS NOT NULL THEN RETURN old.version; END IF;
    UPDATE consilium.measurement m SET deleted_at = now(), updated_at = now(), version = m.version + 1
    WHERE m.id = subject AND (expected = -1 OR m.version = expected) RETURNING m.version INTO gone;
    PERFORM consilium.expect(gone IS NOT NULL, '412', 'somebody was faster');
    RETURN gone;
END $$;

REVOKE ALL ON FUNCTION consilium.measurement_tell FROM PUBLIC;
GRANT EXECUTE ON FUNCTION consilium.json_measurement, consilium.measurement_tell, consilium.measurement_put,
    consilium.measurement_delete TO consilium_hub;

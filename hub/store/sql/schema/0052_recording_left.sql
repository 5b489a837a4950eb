-- Why: a recording that was running when the media worker died goes on when the worker is back; one that was being finished is
-- repaired. So the hub has to know which is which, and in which room.
DROP FUNCTION IF EXISTS consilium.recording_left();
CREATE FUNCTION consilium.recording_left() RETURNS TABLE (id uuid, room uuid, running boolean)
    LANGUAGE sql SECURITY DEFINER SET search_path = consilium, pg_temp
AS $$ SELECT o.id, o.room, o.state = 'recording' FROM recording o WHERE o.state IN ('recording', 'finalising')
      ORDER BY o.started_at $$;
GRANT EXECUTE ON FUNCTION consilium.recording_left TO consilium_hub;

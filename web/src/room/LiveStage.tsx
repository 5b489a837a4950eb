// Live teaching: the teacher sends camera or screen, everybody else watches over the same relay, a fraction of a second behind.
import { DesktopOutlined, AudioMutedOutlined, AudioOutlined, SoundOutlined, VideoCameraOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "../ui/session-context";
import { DarkSurface } from "../ui/Surface";
import { canShareScreen, capture, problemOf } from "./devices";
import { Sound, Video } from "./Media";
import { LinkNote, RecordingLamp } from "./RoomNotes";
import type { RoomSession, RoomState } from "./session";
import { Face } from "./Tile";
import { useRoomSession } from "./use-room";
import "./room.css";

interface LiveStageProps {
  /** Id of the teaching session's room. */
  room: string;
  role: "teacher" | "viewer";
}

function Picture({ main, inset, label }: { main: MediaStream | null; inset: MediaStream | null; label: string }) {
  if (main === null) return null;
  return (
    <>
      <Video key={main.id} stream={main} label={label} fit="contain" />
      {inset !== null && <div className="live-inset"><Video stream={inset} label={label} /></div>}
    </>
  );
}

function AudienceView({ state }: { state: RoomState }) {
  const { t } = useTranslation();
  const play = useRef<(() => void)[]>([]);
  const [blocked, setBlocked] = useState(false);
  const onBlocked = useCallback((start: () => void) => {
    play.current.push(start);
    setBlocked(true);
  }, []);
  const video = state.remote.filter((one) => one.kind === "video");
  const screen = video.find((one) => one.source === "screen") ?? video.find((one) => one.source === "device");
  const camera = video.find((one) => one.source === "camera" && !isMuted(state, one.participant, one.track));
  const main = screen ?? camera;
  return (
    <>
      <Picture main={main?.stream ?? null} inset={screen !== undefined ? (camera?.stream ?? null) : null} label={t("room.liveVideo")} />
      {main === undefined && <p className="live-wait muted">{t("room.liveWaiting")}</p>}
      {state.remote.filter((one) => one.kind === "audio").map((one) => <Sound key={one.track} stream={one.stream} onBlocked={onBlocked} />)}
      {blocked && (
        <Button
          className="live-sound"
          type="primary"
          icon={<SoundOutlined aria-hidden />}
          onClick={() => {
            for (const start of play.current.splice(0)) start();
            setBlocked(false);
          }}
        >
          {t("room.soundOn")}
        </Button>
      )}
    </>
  );
}

function isMuted(state: RoomState, participant: string, track: string): boolean {
  const person = state.participants.find((one) => one.participant === participant);
  return person?.tracks.find((one) => one.track === track)?.muted === true;
}

function useStream(track: MediaStreamTrack | null): MediaStream | null {
  return useMemo(() => (track === null ? null : new MediaStream([track])), [track]);
}

function TeacherView({ session, state }: { session: RoomSession; state: RoomState }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const me = useSession().person;
  const camera = useStream(state.camera);
  const screen = useStream(state.screen);
  const guarded = (work: () => Promise<unknown>) => () => {
    work().catch((error: unknown) => void message.error(t(`room.device.${problemOf(error)}`)));
  };
  return (
    <>
      <Picture main={screen ?? camera} inset={screen !== null ? camera : null} label={t("room.preview")} />
      {camera === null && screen === null && <div className="live-idle"><Face name={me.name} stream={null} muted={!state.microphoneOn} self /></div>}
      <div className="live-controls" role="toolbar" aria-label={t("room.controls")}>
        <Button icon={state.microphoneOn ? <AudioOutlined aria-hidden /> : <AudioMutedOutlined aria-hidden />} aria-pressed={state.microphoneOn} onClick={guarded(() => session.setMicrophone(!state.microphoneOn))}>
          {t(state.microphoneOn ? "room.mute" : "room.unmute")}
        </Button>
        <Button icon={<VideoCameraOutlined aria-hidden />} aria-pressed={state.camera !== null} onClick={guarded(() => session.setCamera(state.camera === null))}>
          {t(state.camera === null ? "room.startCamera" : "room.stopCamera")}
        </Button>
        {canShareScreen() && (
          <Button icon={<DesktopOutlined aria-hidden />} aria-pressed={state.screen !== null} onClick={guarded(() => (state.screen === null ? session.startScreen() : session.stopScreen()))}>
            {t(state.screen === null ? "room.share" : "room.stopShare")}
          </Button>
        )}
      </div>
    </>
  );
}

function Stage({ room, role }: LiveStageProps) {
  const { t } = useTranslation();
  const teacher = role === "teacher";
  const { session, state } = useRoomSession(room, { teaching: true, receive: !teacher });
  const [starting, setStarting] = useState(false);
  const { phase } = state;

  // The audience is in at once; the teacher decides when the camera goes on.
  useEffect(() => {
    if (!teacher && phase === "idle") void session.join(null);
  }, [teacher, phase, session]);

  const start = () => {
    setStarting(true);
    void capture({}, true).then((captured) => session.join(captured)).finally(() => setStarting(false));
  };

  return (
    <div className="live">
      <div className="live-notes">
        {phase === "in" && <span className="live-badge">{t("room.live")}</span>}
        <RecordingLamp on={state.recording} />
        {phase === "in" && <span className="num live-count">{t("room.people", { count: state.participants.length + 1 })}</span>}
      </div>
      <LinkNote state={state} />
      {phase === "in" && (teacher ? <TeacherView session={session} state={state} /> : <AudienceView state={state} />)}
      {teacher && (phase === "idle" || phase === "left") && (
        <div className="live-idle"><Button type="primary" size="large" loading={starting} icon={<VideoCameraOutlined aria-hidden />} onClick={start}>{t("room.goLive")}</Button></div>
      )}
      {phase === "joining" && <p className="live-wait muted" role="status">{t("room.link.connecting")}</p>}
      {(phase === "refused" || (!teacher && phase === "left")) && (
        <div className="live-idle" role="alert">
          <p>{t(phase === "refused" ? "room.refused" : "room.wasLeft")}</p>
          <Button onClick={() => void session.join(null)}>{t("room.again")}</Button>
        </div>
      )}
    </div>
  );
}

/** The live picture of a teaching session, for the session's page. Leaves the room when it goes from the screen. */
export function LiveStage(props: LiveStageProps) {
  return (
    <DarkSurface className="live-surface">
      <App component={false}>
        <Stage key={`${props.room}/${props.role}`} {...props} />
      </App>
    </DarkSurface>
  );
}

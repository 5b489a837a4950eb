// How the people are laid out: all faces alike, or a strip of faces beside what everybody looks at (a screen, the images).
import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "../ui/session-context";
import { Sound, Video } from "./Media";
import type { RoomState } from "./session";
import { PersonTile, SelfTile } from "./Tile";

function OwnScreen({ track }: { track: MediaStreamTrack }) {
  const { t } = useTranslation();
  const stream = useMemo(() => new MediaStream([track]), [track]);
  return (
    <div className="room-screen">
      <Video stream={stream} label={t("room.yourScreen")} fit="contain" />
      <p className="room-screen-note">{t("room.sharing")}</p>
    </div>
  );
}

export function Faces({ state }: { state: RoomState }) {
  const me = useSession().person;
  return (
    <>
      {state.participants.map((person) => (
        <PersonTile key={person.participant} person={person} remote={state.remote} speaking={state.speaker === person.participant} />
      ))}
      <SelfTile name={me.name} camera={state.camera} muted={!state.microphoneOn} />
    </>
  );
}

export function Sounds({ state }: { state: RoomState }) {
  return (
    <>
      {state.remote.filter((one) => one.kind === "audio").map((one) => (
        <Sound key={one.track} stream={one.stream} />
      ))}
    </>
  );
}

export function Stage({ state, images }: { state: RoomState; images: ReactNode }) {
  const { t } = useTranslation();
  const pictures = state.remote.filter((one) => one.kind === "video");
  const screen = pictures.find((one) => one.source === "screen") ?? pictures.find((one) => one.source === "device");
  const presenter = state.participants.find((one) => one.participant === screen?.participant);
  const shared =
    images ??
    (screen !== undefined ? (
      <div className="room-screen"><Video stream={screen.stream} label={t(screen.source === "screen" ? "room.screenOf" : "room.videoOf", { name: presenter?.name ?? "" })} fit="contain" /></div>
    ) : state.screen !== null ? (
      <OwnScreen track={state.screen} />
    ) : null);
  const count = state.participants.length + 1;
  return (
    <div className={shared === null ? "stage" : "stage with-shared"}>
      {shared !== null && <div className="stage-shared">{shared}</div>}
      <div className="stage-faces" data-count={Math.min(count, 9)}>
        <Faces state={state} />
        {shared === null && state.participants.length === 0 && <p className="stage-alone muted">{t("room.alone")}</p>}
      </div>
      <Sounds state={state} />
    </div>
  );
}

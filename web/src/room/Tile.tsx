// One person in the room: face or initial, name, hospital, and whether the microphone is on.
import { AudioMutedOutlined } from "@ant-design/icons";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { ParticipantInfo } from "../signaling";
import { Data } from "../ui/Data";
import { Video } from "./Media";
import type { RemoteTrack } from "./subscriber";

interface FaceProps {
  name: string;
  detail?: string | undefined;
  stream: MediaStream | null;
  muted: boolean;
  speaking?: boolean;
  self?: boolean;
}

function initial(name: string): string {
  return Array.from(name.trim())[0] ?? "?";
}

export function Face({ name, detail, stream, muted, speaking = false, self = false }: FaceProps) {
  const { t } = useTranslation();
  return (
    <figure className={speaking ? "tile speaking" : "tile"} data-self={self}>
      {stream === null ? (
        <span className="tile-initial" aria-hidden translate="no">{initial(name)}</span>
      ) : (
        <Video stream={stream} label={self ? t("room.preview") : t("room.videoOf", { name })} mirrored={self} />
      )}
      <figcaption>
        {muted && <AudioMutedOutlined className="tile-muted" aria-label={t("room.muted")} />}
        <span className="tile-name">{self ? t("room.you") : <Data>{name}</Data>}</span>
        {detail !== undefined && <span className="tile-detail"><Data>{detail}</Data></span>}
      </figcaption>
    </figure>
  );
}

export function PersonTile({ person, remote, speaking }: { person: ParticipantInfo; remote: readonly RemoteTrack[]; speaking: boolean }) {
  const camera = remote.find((one) => one.participant === person.participant && one.kind === "video" && one.source !== "screen");
  const told = (source: string) => person.tracks.find((track) => track.source === source);
  const cameraOff = told(camera?.source ?? "camera")?.muted === true;
  const microphone = told("microphone") ?? person.tracks.find((track) => track.kind === "audio");
  return (
    <Face
      name={person.name}
      detail={person.organisation?.name}
      stream={camera === undefined || cameraOff ? null : camera.stream}
      muted={microphone === undefined || microphone.muted}
      speaking={speaking}
    />
  );
}

export function SelfTile({ name, camera, muted }: { name: string; camera: MediaStreamTrack | null; muted: boolean }) {
  const stream = useMemo(() => (camera === null ? null : new MediaStream([camera])), [camera]);
  return <Face name={name} stream={stream} muted={muted} self />;
}

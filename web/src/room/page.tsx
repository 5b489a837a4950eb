// The consultation room: device check, then faces, images, text. Dark, outside the shell.
import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { api, ApiError, take, type Schemas } from "../api/client";
import { useConsult } from "../api/queries";
import { actionOf, isTyping, ROOM_KEYS } from "../ui/keymap";
import { LinkButton } from "../ui/LinkButton";
import { DarkSurface } from "../ui/Surface";
import { Data } from "../ui/Data";
import { Failure } from "../ui/states";
import { usePhone } from "../ui/use-phone";
import { PatientBand } from "../viewer/PatientBand";
import { useWarmViewer } from "../viewer/preload";
import { Chat } from "./Chat";
import { Controls, useRoomVerbs } from "./Controls";
import { Images } from "./Images";
import { PreJoin } from "./PreJoin";
import { LinkNote, RecordingLamp } from "./RoomNotes";
import type { RoomSession, RoomState } from "./session";
import { Stage } from "./Stage";
import { useRoomSession } from "./use-room";
import "./room.css";

type Room = Schemas["Room"];

/** Where leaving leads: back to the case of the room. */
function homeOf(room: Room): string {
  if (room.consult != null) return `/consults/${room.consult}`;
  return room.teaching != null ? `/teaching/${room.teaching}` : "/";
}

interface InRoomProps {
  room: Room;
  session: RoomSession;
  state: RoomState;
  onLeave: () => void;
}

/** How many messages came since the panel was last open. */
function useUnread(count: number, open: boolean): number {
  const seen = useRef(count);
  if (open) seen.current = count;
  return Math.max(0, count - seen.current);
}

function InRoom({ room, session, state, onLeave, consult }: InRoomProps & { consult?: Schemas["Consult"] | undefined }) {
  const { t } = useTranslation();
  const wide = window.matchMedia("(min-width: 1100px)").matches;
  const phone = usePhone();
  const [chatOpen, setChat] = useState(wide);
  const [images, setImages] = useState(false);
  const chat = chatOpen && !(phone && images); // a phone has room for the images or the text, not for both
  const verbs = useRoomVerbs(session, state);
  const unread = useUnread(state.messages.length, chat);
  const studies = consult?.studies ?? [];

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event.target)) return;
      const action = actionOf(ROOM_KEYS, event);
      if (action === null) return;
      event.preventDefault();
      if (action === "chat") setChat((open) => !open);
      else verbs[action]();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });

  return (
    <div className="room">
      <header className="room-head">
        {consult !== undefined ? <PatientBand patient={consult.patient} /> : <h1><Data>{state.title || room.title}</Data></h1>}
        <span className="tool-gap" />
        <RecordingLamp on={state.recording} />
        <span className="muted num room-count">{t("room.people", { count: state.participants.length + 1 })}</span>
      </header>
      <LinkNote state={state} />
      <div className={chat ? "room-body with-side" : "room-body"}>
        <Stage state={state} images={images && studies.length > 0 ? <Images studies={studies} /> : null} />
        <aside className="room-side" hidden={!chat}><Chat session={session} state={state} /></aside>
      </div>
      <Controls
        room={room.id}
        verbs={verbs}
        state={state}
        chat={chat}
        unread={unread}
        images={studies.length > 0 ? images : null}
        onChat={() => {
          setChat(!chat);
          if (phone) setImages(false);
        }}
        onImages={() => setImages(!images)}
        onLeave={onLeave}
      />
    </div>
  );
}

function WithConsult(props: InRoomProps & { id: string }) {
  const consult = useConsult(props.id);
  useWarmViewer((consult.data?.studies.length ?? 0) > 0);
  return <InRoom {...props} consult={consult.data} />;
}

function Gone({ state, room, onAgain }: { state: RoomState; room: Room; onAgain: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const text = state.phase === "refused" ? t(state.reason === "not-found" ? "error.not-found" : "room.refused") : t(state.reason === "left" ? "room.left" : "room.wasLeft");
  return (
    <section className="prejoin">
      <h1>{text}</h1>
      <div className="prejoin-actions">
        <Button size="large" icon={<ArrowLeftOutlined aria-hidden />} onClick={() => void navigate(homeOf(room))}>{t("room.toCase")}</Button>
        <Button size="large" type="primary" onClick={onAgain}>{t("room.again")}</Button>
      </div>
    </section>
  );
}

function RoomScreen({ room }: { room: Room }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { session, state } = useRoomSession(room.id, { teaching: room.kind === "teaching" });
  const [again, setAgain] = useState(false);
  if (state.phase === "in") {
    const leave = () => {
      setAgain(false);
      void session.leave();
    };
    const props = { room, session, state, onLeave: leave };
    return room.consult != null ? <WithConsult {...props} id={room.consult} /> : <InRoom {...props} />;
  }
  if ((state.phase === "left" || state.phase === "refused") && !again) return <Gone state={state} room={room} onAgain={() => setAgain(true)} />;
  return (
    <PreJoin
      title={room.consult != null ? `${t("room.title")} ${room.title}` : room.title}
      busy={state.phase === "joining"}
      onBack={() => void navigate(homeOf(room))}
      onJoin={(captured, choice) => void session.join(captured, choice).then(() => setAgain(false))}
    />
  );
}

export function Component() {
  const { id = "" } = useParams();
  const { t } = useTranslation();
  const room = useQuery({
    queryKey: ["room", id],
    queryFn: () => take(api.GET("/rooms/{id}", { params: { path: { id } } })),
    retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status === 404),
  });
  return (
    <DarkSurface className="room-page">
      <App component={false}>
        {room.data !== undefined ? (
          <RoomScreen key={id} room={room.data} />
        ) : room.error !== null ? (
          <div className="viewer-fault">
            <Failure error={room.error} onRetry={() => void room.refetch()} />
            <LinkButton to="/">{t("app.home")}</LinkButton>
          </div>
        ) : (
          <p className="room-wait" role="status">{t("common.loading")}</p>
        )}
      </App>
    </DarkSurface>
  );
}

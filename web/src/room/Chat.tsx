// The room's text: stored with the case, so what was said before is here too.
import { SendOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { formatMoment } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Data } from "../ui/Data";
import { Failure } from "../ui/states";
import { useSession } from "../ui/session-context";
import type { RoomSession, RoomState } from "./session";

const LONGEST = 4000;

/** Reads what was said before into the session; live messages come by themselves. */
function useHistory(session: RoomSession, phase: RoomState["phase"]) {
  const { room } = session;
  const query = useQuery({
    queryKey: ["messages", room],
    queryFn: async () => (await take(api.GET("/rooms/{id}/messages", { params: { path: { id: room }, query: { limit: 200 } } }))).items,
    enabled: phase === "in",
  });
  useEffect(() => {
    if (query.data !== undefined) {
      session.addMessages(query.data.map(({ id, person, text, at }) => ({ id, person: person.id, name: person.name, text, at })));
    }
  }, [session, query.data]);
  return query;
}

export function Chat({ session, state }: { session: RoomSession; state: RoomState }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const me = useSession().person.id;
  const history = useHistory(session, state.phase);
  const [text, setText] = useState("");
  const [sending, setSending] = useState(false);
  const [failed, setFailed] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const count = state.messages.length;

  useEffect(() => {
    void end.current?.scrollIntoView({ block: "end" }); // a promise in newer browsers, which an effect must not give back
  }, [count]);

  const send = async () => {
    const words = text.trim();
    if (words === "" || sending) return;
    setSending(true);
    setFailed(false);
    try {
      await session.say(words);
      setText("");
    } catch {
      setFailed(true);
    } finally {
      setSending(false);
    }
  };

  return (
    <section className="chat" aria-label={t("room.chat")}>
      <div className="chat-list" role="log" aria-live="polite">
        {history.isError && <Failure error={history.error} onRetry={() => void history.refetch()} />}
        {count === 0 && !history.isError && <p className="muted chat-empty">{t("room.noMessages")}</p>}
        {state.messages.map((one) => (
          <div key={one.id} className={one.person === me ? "chat-line mine" : "chat-line"}>
            <div className="muted chat-head">
              {one.person === me ? t("room.you") : <Data>{one.name}</Data>} <span className="num">{formatMoment(one.at, language)}</span>
            </div>
            <p><Data>{one.text}</Data></p>
          </div>
        ))}
        <div ref={end} />
      </div>
      {failed && <p className="chat-failed" role="alert">{t("room.notSent")}</p>}
      <div className="chat-write">
        <Input.TextArea
          value={text}
          maxLength={LONGEST}
          autoSize={{ minRows: 1, maxRows: 4 }}
          placeholder={t("room.write")}
          aria-label={t("room.write")}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return; // not while choosing a Chinese word
            event.preventDefault();
            void send();
          }}
        />
        <Button type="primary" icon={<SendOutlined aria-hidden />} aria-label={t("room.send")} loading={sending} disabled={text.trim() === ""} onClick={() => void send()} />
      </div>
    </section>
  );
}

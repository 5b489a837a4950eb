import { useQueryClient } from "@tanstack/react-query";
import { Button, Modal } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { sessionEvents } from "../api/client";
import { type Session, sessionKey } from "../api/session";
import { SignInForm } from "./SignInForm";

/** Comes up over the page when the session has ended. The page below stays mounted, so nothing typed is lost. */
export function SessionLost({ login, person }: { login: string; person: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [lost, setLost] = useState(false);

  useEffect(() => {
    const onLost = () => setLost(true);
    sessionEvents.addEventListener("lost", onLost);
    return () => sessionEvents.removeEventListener("lost", onLost);
  }, []);

  function onDone(session: Session) {
    if (session.person.id !== person) return location.assign("/");
    queries.setQueryData(sessionKey, session);
    setLost(false);
    sessionEvents.dispatchEvent(new Event("regained"));
    void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
  }

  return (
    <Modal open={lost} title={t("signin.again")} footer={null} closable={false} keyboard={false} mask={{ closable: false }} destroyOnHidden width={400}>
      <p className="muted lost-text">{t("signin.againText")}</p>
      <SignInForm login={login} onDone={onDone} />
      <Button type="link" className="code-link" onClick={() => location.assign("/sign-in")}>{t("signin.other")}</Button>
    </Modal>
  );
}

import "./signin.css";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { homeOf, type Session, sessionKey } from "../../api/session";
import { api, take } from "../../api/client";
import { setLanguage } from "../../i18n";
import type { Language } from "../../i18n/languages";
import { LanguageSelect } from "../../ui/LanguageSelect";
import { Mark } from "../../ui/Mark";
import { SignInForm } from "../../ui/SignInForm";

/** Only paths of this site: "//elsewhere" and "https:" would send a person away with a link. */
export function safeNext(next: string | null): string | null {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : null;
}

export function Component() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [params] = useSearchParams();
  const chosen = useRef<Language | null>(null);

  useEffect(() => {
    document.title = `${t("signin.title")} · Consilium`;
  }, [t]);

  function choose(language: Language) {
    chosen.current = language;
    void setLanguage(language);
  }

  // The language of the person's account wins, unless another one was chosen here just now: then that becomes the account's.
  async function onDone(signedIn: Session) {
    let session = signedIn;
    if (chosen.current !== null && chosen.current !== session.person.language) {
      session = await take(api.PATCH("/session", { body: { language: chosen.current } })).catch(() => signedIn);
    }
    queries.clear();
    queries.setQueryData(sessionKey, session);
    await navigate(safeNext(params.get("next")) ?? homeOf(session), { replace: true });
  }

  return (
    <main className="signin">
      <section className="signin-side" aria-hidden>
        <Mark size={72} />
        <p className="signin-name" translate="no">Consilium</p>
        <p className="signin-motto">{t("app.motto")}</p>
      </section>
      <section className="signin-main">
        <div className="signin-top"><LanguageSelect value={i18n.language} onChange={choose} /></div>
        <div className="signin-box">
          <h1>{t("signin.title")}</h1>
          <SignInForm onDone={(session) => void onDone(session)} />
          <p className="muted signin-hint">{t("signin.privacy")}</p>
        </div>
      </section>
    </main>
  );
}

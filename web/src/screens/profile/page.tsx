import { useQueryClient } from "@tanstack/react-query";
import { App, Descriptions, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { api, take } from "../../api/client";
import { sessionKey } from "../../api/session";
import { setLanguage } from "../../i18n";
import { formatInstant } from "../../i18n/format";
import { type Language } from "../../i18n/languages";
import { useLanguage } from "../../i18n/use-language";
import { Data } from "../../ui/Data";
import { LanguageSelect } from "../../ui/LanguageSelect";
import { Page } from "../../ui/Page";
import { useErrorText } from "../../ui/states";
import { useSession } from "../../ui/session-context";

export function Component() {
  const { t, i18n } = useTranslation();
  const session = useSession();
  const language = useLanguage();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const { message } = App.useApp();

  async function change(code: Language) {
    await setLanguage(code);
    try {
      queries.setQueryData(sessionKey, await take(api.PATCH("/session", { body: { language: code } })));
    } catch (error) {
      void message.error(errorText(error));
    }
  }

  return (
    <Page title={t("nav.profile")}>
      <section className="panel">
        <Descriptions
          column={1}
          colon={false}
          styles={{ label: { width: 120, flex: "none" } }}
          items={[
            { key: "name", label: t("profile.name"), children: <Data>{[session.person.name, session.person.title].filter(Boolean).join(" · ")}</Data> },
            { key: "login", label: t("signin.login"), children: <Data>{session.person.login}</Data> },
            { key: "org", label: t("profile.organisation"), children: <Data>{session.organisation.name}</Data> },
            { key: "department", label: t("profile.departments"), children: <Data>{session.departments.map((d) => d.name).join(", ") || "–"}</Data> },
            { key: "roles", label: t("profile.roles"), children: <span className="tags">{session.roles.map((role) => <Tag key={role}>{t(`role.${role}`)}</Tag>)}</span> },
            { key: "until", label: t("profile.until"), children: <Data>{formatInstant(session.expires_at, language)}</Data> },
            { key: "language", label: t("profile.language"), children: <LanguageSelect framed value={i18n.language} onChange={(code) => void change(code)} /> },
          ]}
        />
      </section>
    </Page>
  );
}

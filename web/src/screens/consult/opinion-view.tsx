import { AlertFilled, SafetyCertificateOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../../api/client";
import { formatInstant } from "../../i18n/format";
import { useLanguage } from "../../i18n/use-language";
import { Data } from "../../ui/Data";

/** A signed opinion, as its reader sees it. */
export function OpinionView({ opinion }: { opinion: Schemas["Opinion"] }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <section className="panel opinion" aria-labelledby="opinion-title">
      <div className="panel-head">
        <h2 id="opinion-title">{t("opinion.title")}</h2>
        {opinion.critical && <span className="chip chip-stat"><AlertFilled aria-hidden /> {t("opinion.critical")}</span>}
      </div>
      {(["findings", "impression", "advice"] as const).map((part) => opinion[part] && (
        <div key={part} className="opinion-part"><h3 className="label">{t(`opinion.${part}`)}</h3><p className="prose"><Data>{opinion[part]}</Data></p></div>
      ))}
      {opinion.signed_at && (
        <p className="signature">
          <SafetyCertificateOutlined aria-hidden /> {t("opinion.signed")} <Data>{opinion.author?.name}</Data> · <Data>{formatInstant(opinion.signed_at, language)}</Data>
          {opinion.content_hash && <span className="muted num hash"> {t("opinion.hash")} <Data>{opinion.content_hash.slice(0, 16)}</Data></span>}
        </p>
      )}
    </section>
  );
}

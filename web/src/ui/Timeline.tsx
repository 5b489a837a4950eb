import { useTranslation } from "react-i18next";
import type { CaseEvent } from "../api/queries";
import { formatInstant } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { useEventText, useReasonText } from "./case-words";
import { CaseChip } from "./chips";
import { Data } from "./Data";

/** Every step of a case: who, when, for which hospital, from where to where. */
export function Timeline({ kind, events }: { kind: "consult" | "referral"; events: readonly CaseEvent[] }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const eventText = useEventText();
  const reasonText = useReasonText();
  return (
    <ol className="timeline" aria-label={t("case.timeline")}>
      {events.map((event) => (
        <li key={event.id}>
          <p className="muted"><time className="num" dateTime={event.at}>{formatInstant(event.at, language)}</time> · <Data>{event.organisation.name}</Data></p>
          <p><strong>{eventText(event.action)}</strong>{event.person && <> · <Data>{event.person.name}</Data></>}</p>
          {event.from_state !== event.to_state && <CaseChip kind={kind} state={event.to_state} />}
          {event.reason && <p>{t("case.reason")} {reasonText(event.reason)}</p>}
          {event.note && <p className="timeline-note"><Data>{event.note}</Data></p>}
        </li>
      ))}
    </ol>
  );
}

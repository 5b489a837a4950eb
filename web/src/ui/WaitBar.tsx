import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { splitWait } from "../i18n/format";

/** Now, once a minute: waits are shown in minutes. */
export function useNow(everyMs = 60_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function useWaitText(): (milliseconds: number) => string {
  const { t } = useTranslation();
  return (milliseconds) => {
    const { days, hours, minutes } = splitWait(milliseconds);
    if (days > 0) return t("wait.days", { days, hours });
    if (hours > 0) return t("wait.hours", { hours, minutes });
    return t("wait.minutes", { minutes });
  };
}

/** How much of the allowed time is gone: 0 … 1, more than 1 when it is over. */
export function waitShare(since: string, due: string, now: number): number {
  const from = Date.parse(since);
  const to = Date.parse(due);
  return to <= from ? 1 : Math.max(0, (now - from) / (to - from));
}

/** Waiting time against its target: a thin bar that fills, and turns red when the time is over. */
export function WaitBar({ since, due }: { since: string; due?: string | null }) {
  const { t } = useTranslation();
  const now = useNow();
  const waitText = useWaitText();
  const waited = now - Date.parse(since);
  if (!due) return <span className="wait num muted">{waitText(waited)}</span>;
  const share = waitShare(since, due, now);
  const left = Date.parse(due) - now;
  const tone = share >= 1 ? "over" : share >= 0.75 ? "near" : "fine";
  const text = left >= 0 ? t("wait.left", { time: waitText(left) }) : t("wait.over", { time: waitText(-left) });
  return (
    <span className={`wait wait-${tone} num`}>
      <span>{text}</span>
      <svg className="wait-bar" aria-hidden="true" focusable="false" preserveAspectRatio="none" viewBox="0 0 100 3">
        <rect className="wait-rest" width="100" height="3" />
        <rect className="wait-gone" width={Math.min(100, share * 100)} height="3" />
      </svg>
    </span>
  );
}

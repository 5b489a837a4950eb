import { Tooltip } from "antd";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { signal } from "../signaling";

export function useSignalOpen(): boolean {
  return useSyncExternalStore(
    (listener) => signal.on("state", listener),
    () => signal.state === "open",
  );
}

/** Whether changes arrive by themselves just now. */
export function LiveDot() {
  const { t } = useTranslation();
  const open = useSignalOpen();
  const text = open ? t("app.live") : t("app.notLive");
  return (
    <Tooltip title={open ? t("app.liveHint") : t("app.notLiveHint")}>
      <span className={open ? "live-dot" : "live-dot off"} role="status"><span>{text}</span></span>
    </Tooltip>
  );
}

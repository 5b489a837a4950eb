// Small signs that the room and the live stage share.
import { Spin } from "antd";
import { useTranslation } from "react-i18next";
import type { RoomState } from "./session";

export function LinkNote({ state }: { state: RoomState }) {
  const { t } = useTranslation();
  if (state.phase !== "in" || state.link === "ok") return null;
  return <p className={`link-note ${state.link}`} role="status"><Spin size="small" /> {t(`room.link.${state.link}`)}</p>;
}

export function RecordingLamp({ on }: { on: boolean }) {
  const { t } = useTranslation();
  if (!on) return null;
  return <span className="lamp" role="status"><span className="lamp-dot" aria-hidden /> {t("room.recording")}</span>;
}

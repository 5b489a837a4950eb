// The bar at the bottom: what is on is lit, leaving is red and stands apart.
import {
  AudioMutedOutlined, AudioOutlined, DesktopOutlined, FileImageOutlined, LogoutOutlined, MessageOutlined, VideoCameraAddOutlined,
  VideoCameraOutlined,
} from "@ant-design/icons";
import { App, Badge } from "antd";
import { useTranslation } from "react-i18next";
import { Control } from "./Control";
import { Devices } from "./Devices";
import { canShareScreen, problemOf } from "./devices";
import type { RoomSession, RoomState } from "./session";

/** The verbs of the bar and of the keys, with problems told in words. */
export function useRoomVerbs(session: RoomSession, state: RoomState) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const guarded = (work: () => Promise<unknown>) => () => {
    work().catch((error: unknown) => void message.error(t(`room.device.${problemOf(error)}`)));
  };
  return {
    microphone: guarded(() => session.setMicrophone(!state.microphoneOn)),
    camera: guarded(() => session.setCamera(state.camera === null)),
    screen: guarded(() => (state.screen === null ? session.startScreen() : session.stopScreen())),
  };
}

interface ControlsProps {
  room: string;
  verbs: ReturnType<typeof useRoomVerbs>;
  state: RoomState;
  chat: boolean;
  unread: number;
  images: boolean | null;
  onChat: () => void;
  onImages: () => void;
  onLeave: () => void;
}

export function Controls({ room, verbs, state, chat, unread, images, onChat, onImages, onLeave }: ControlsProps) {
  const { t } = useTranslation();
  return (
    <div className="controls" role="toolbar" aria-label={t("room.controls")}>
      <Control icon={state.microphoneOn ? <AudioOutlined /> : <AudioMutedOutlined />} text={t(state.microphoneOn ? "room.mute" : "room.unmute")} on={state.microphoneOn} keys="Alt+M" onClick={verbs.microphone} />
      <Control icon={state.camera === null ? <VideoCameraAddOutlined /> : <VideoCameraOutlined />} text={t(state.camera === null ? "room.startCamera" : "room.stopCamera")} on={state.camera !== null} keys="Alt+V" onClick={verbs.camera} />
      {canShareScreen() && <Control icon={<DesktopOutlined />} text={t(state.screen === null ? "room.share" : "room.stopShare")} on={state.screen !== null} keys="Alt+S" onClick={verbs.screen} />}
      <Devices room={room} state={state} />
      {images !== null && <Control icon={<FileImageOutlined />} text={t("room.images")} on={images} onClick={onImages} />}
      <Control icon={<Badge count={unread} size="small" offset={[4, 0]}><MessageOutlined /></Badge>} text={t("room.chat")} on={chat} keys="Alt+C" onClick={onChat} />
      <Control icon={<LogoutOutlined />} text={t("room.leave")} danger onClick={onLeave} />
    </div>
  );
}

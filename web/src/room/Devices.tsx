// The machines of one's own hospital (ultrasound, endoscope, theatre camera) that can be brought into the room.
import { MedicineBoxOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Dropdown } from "antd";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { Data } from "../ui/Data";
import { useSession } from "../ui/session-context";
import { Control } from "./Control";
import type { RoomState } from "./session";

export function Devices({ room, state }: { room: string; state: RoomState }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const own = useSession().organisation.id;
  const devices = useQuery({ queryKey: ["devices"], queryFn: () => take(api.GET("/devices")), staleTime: 60_000 });
  const items = devices.data?.items ?? [];
  if (items.length === 0) return null;

  const inRoom = (name: string) =>
    state.participants.find((one) => one.name === name && one.organisation?.id === own && one.tracks.some((track) => track.source === "device"));
  const toggle = async (id: string) => {
    const device = items.find((one) => one.id === id);
    if (device === undefined) return;
    const there = inRoom(device.name);
    const done = there === undefined ? message.loading(t("room.machine.asking", { name: device.name }), 0) : () => undefined;
    try {
      if (there === undefined) await take(api.POST("/rooms/{id}/devices", { params: { path: { id: room } }, body: { device: id } }));
      else await take(api.DELETE("/rooms/{id}/devices/{participant}", { params: { path: { id: room, participant: there.participant } } }));
    } catch {
      void message.error(t("room.machine.failed", { name: device.name }));
    } finally {
      done();
    }
  };
  const menu = items.map(({ id, name }) => ({
    key: id,
    label: inRoom(name) === undefined ? <Data>{name}</Data> : t("room.machine.remove", { name }),
  }));
  return (
    <Dropdown trigger={["click"]} placement="top" menu={{ items: menu, onClick: ({ key }) => void toggle(key) }}>
      <span>
        <Control icon={<MedicineBoxOutlined />} text={t("room.machine.title")} on={items.some(({ name }) => inRoom(name) !== undefined)} />
      </span>
    </Dropdown>
  );
}

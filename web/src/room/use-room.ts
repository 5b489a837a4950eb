import { useEffect, useState, useSyncExternalStore } from "react";
import { RoomSession, type RoomOptions, type RoomState } from "./session";

/** A session that lives as long as the screen; leaving the screen leaves the room. */
export function useRoomSession(room: string, options: RoomOptions = {}): { session: RoomSession; state: RoomState } {
  const [session] = useState(() => new RoomSession(room, options));
  const state = useSyncExternalStore(session.subscribe, session.getState);
  useEffect(() => () => void session.leave(), [session]);
  return { session, state };
}

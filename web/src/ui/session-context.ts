import { createContext, useContext } from "react";
import type { Session } from "../api/session";

export const SessionContext = createContext<Session | null>(null);

/** The signed-in person; only inside RequireSession. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("no session here");
  return session;
}

import { useQuery } from "@tanstack/react-query";
import { api, ApiError, type Schemas, take, watchSession } from "./client";

export type Session = Schemas["Session"];
export type Role = NonNullable<Session["roles"]>[number];

export const sessionKey = ["session"] as const;

export async function readSession(): Promise<Session | null> {
  try {
    const session = await take(api.GET("/session"));
    watchSession(true);
    return session;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

export function useSessionQuery() {
  return useQuery({ queryKey: sessionKey, queryFn: readSession, staleTime: 5 * 60_000 });
}

const clinicalRoles: Role[] = ["doctor", "specialist", "radiologist", "radiographer", "coordinator"];

export function hasRole(session: Session, ...roles: Role[]): boolean {
  return roles.some((role) => session.roles.includes(role));
}
/** Treats patients or handles their images and papers: sees the work list and the studies. */
export function isClinical(session: Session): boolean {
  return hasRole(session, ...clinicalRoles);
}
/** Where a person starts. */
export function homeOf(session: Session): string {
  if (isClinical(session)) return "/work";
  return hasRole(session, "auditor") ? "/audit" : "/teaching";
}

// Every read of the screens, with its key: the first word says the kind, the second the object (see live.ts).
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, type Schemas, take } from "./client";
import type { operations } from "./schema";

export type Consult = Schemas["Consult"];
export type Referral = Schemas["Referral"];
export type Study = Schemas["Study"];
export type Patient = Schemas["Patient"];
export type WorkItem = Schemas["WorkItem"];
export type Teaching = Schemas["Teaching"];
export type Organisation = Schemas["Organisation"];
export type CaseEvent = Schemas["Event"];
export type PossibleAction = Schemas["PossibleAction"];
export type ActionInput = Schemas["ActionInput"];
export type CaseKind = "consult" | "referral";
export type WorkView = NonNullable<NonNullable<operations["getWorklist"]["parameters"]["query"]>["view"]>;
export type StudyFilter = Omit<NonNullable<operations["listStudies"]["parameters"]["query"]>, "limit" | "cursor">;

/** Reads again by itself this often when the live connection is not there to tell. */
export const fallbackInterval = 60_000;

/** The cursor inside a `next` link, for the next page's request. */
export function cursorOf(next: string | null | undefined): string | undefined {
  if (!next) return undefined;
  return new URL(next, location.origin).searchParams.get("cursor") ?? undefined;
}

const firstPage = undefined as string | undefined;

export function useWorklist(view: WorkView, live: boolean) {
  return useInfiniteQuery({
    queryKey: ["worklist", view],
    queryFn: ({ pageParam }) => take(api.GET("/worklist", { params: { query: { view, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (page) => cursorOf(page.next),
    placeholderData: keepPreviousData,
    refetchInterval: live ? false : fallbackInterval,
  });
}

export function useStudies(filter: StudyFilter, enabled = true) {
  return useInfiniteQuery({
    enabled,
    queryKey: ["studies", filter],
    queryFn: ({ pageParam }) => take(api.GET("/studies", { params: { query: { ...filter, limit: 50, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (page) => cursorOf(page.next),
    placeholderData: keepPreviousData,
  });
}

export function useStudy(id: string | undefined) {
  return useQuery({
    queryKey: ["study", id],
    queryFn: () => take(api.GET("/studies/{id}", { params: { path: { id: id! } } })),
    enabled: Boolean(id),
  });
}

export function useOrganisations() {
  return useQuery({
    queryKey: ["organisations"],
    queryFn: async () => (await take(api.GET("/organisations"))).items,
    staleTime: 10 * 60_000,
  });
}

export function usePatients(query: string) {
  return useQuery({
    queryKey: ["patients", query],
    queryFn: async () => (await take(api.GET("/patients", { params: { query: { query: query || undefined, limit: 20 } } }))).items,
    placeholderData: keepPreviousData,
  });
}

export function usePatient(id: string | undefined) {
  return useQuery({
    queryKey: ["patient", id],
    queryFn: () => take(api.GET("/patients/{id}", { params: { path: { id: id! } } })),
    enabled: Boolean(id),
  });
}

export function useConsult(id: string) {
  return useQuery({
    queryKey: ["consult", id],
    queryFn: () => take(api.GET("/consults/{id}", { params: { path: { id } } })),
    refetchInterval: fallbackInterval,
  });
}

export function useReferral(id: string) {
  return useQuery({
    queryKey: ["referral", id],
    queryFn: () => take(api.GET("/referrals/{id}", { params: { path: { id } } })),
    refetchInterval: fallbackInterval,
  });
}

/** What this person may do now, asked with the case's version so that it is asked again after each step. */
export function useActions(kind: CaseKind, id: string, version: number | undefined) {
  return useQuery({
    queryKey: [kind, id, "actions", version],
    queryFn: async () => {
      const params = { params: { path: { id } } };
      const call = kind === "consult" ? api.GET("/consults/{id}/actions", params) : api.GET("/referrals/{id}/actions", params);
      return (await take(call)).items;
    },
    enabled: version !== undefined,
    placeholderData: keepPreviousData,
  });
}

export function useEvents(kind: CaseKind, id: string, version: number | undefined) {
  return useQuery({
    queryKey: [kind, id, "events", version],
    queryFn: async () => {
      const params = { params: { path: { id } } };
      const call = kind === "consult" ? api.GET("/consults/{id}/events", params) : api.GET("/referrals/{id}/events", params);
      return (await take(call)).items;
    },
    enabled: version !== undefined,
    placeholderData: keepPreviousData,
  });
}

/** Does one step of a case; the hub refuses it when the case has changed since `version`. */
export function actOn(kind: CaseKind, id: string, version: number, action: string, body: ActionInput) {
  const options = { params: { path: { id, action }, header: { "If-Match": `"${version}"` } }, body };
  return kind === "consult"
    ? take<Consult | Referral>(api.POST("/consults/{id}/actions/{action}", options))
    : take<Consult | Referral>(api.POST("/referrals/{id}/actions/{action}", options));
}

export function useTeachingList() {
  return useInfiniteQuery({
    queryKey: ["teaching"],
    queryFn: ({ pageParam }) => take(api.GET("/teaching", { params: { query: { cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (page) => cursorOf(page.next),
    refetchInterval: fallbackInterval,
  });
}

export function useTeaching(id: string) {
  return useQuery({
    queryKey: ["teaching", id],
    queryFn: () => take(api.GET("/teaching/{id}", { params: { path: { id } } })),
    refetchInterval: fallbackInterval,
  });
}

export function useQuestions(id: string) {
  return useQuery({
    queryKey: ["questions", id],
    queryFn: async () => (await take(api.GET("/teaching/{id}/questions", { params: { path: { id } } }))).items,
    refetchInterval: fallbackInterval,
  });
}

export type AuditRow = Schemas["AuditRow"];
export interface AuditFilter {
  action?: string;
  object?: string;
  person?: string;
}

export function useAudit(filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam }) => take(api.GET("/audit", { params: { query: { ...filter, limit: 100, cursor: pageParam } } })),
    initialPageParam: firstPage,
    getNextPageParam: (page) => cursorOf(page.next),
    placeholderData: keepPreviousData,
  });
}

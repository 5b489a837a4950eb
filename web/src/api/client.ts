// The REST client: typed by hub/api/openapi.yaml, with the hub's rules in one place: the header that marks our own
// requests, errors as ApiError, and the event that the session has ended.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** Names of hub/base/err.def, and "offline" when no answer came at all. */
export type ErrorCode =
  | "invalid" | "unauthenticated" | "denied" | "not-found" | "method" | "not-acceptable" | "timeout" | "conflict" | "stale"
  | "too-large" | "unsupported" | "unprocessable" | "precondition" | "limit" | "headers" | "internal" | "unavailable"
  | "storage" | "offline";

const codeByStatus: Record<number, ErrorCode> = {
  400: "invalid", 401: "unauthenticated", 403: "denied", 404: "not-found", 405: "method", 406: "not-acceptable",
  408: "timeout", 409: "conflict", 412: "stale", 413: "too-large", 415: "unsupported", 422: "unprocessable",
  428: "precondition", 429: "limit", 431: "headers", 500: "internal", 502: "unavailable", 503: "unavailable",
  504: "timeout", 507: "storage",
};

export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly status: number,
    readonly problem?: Partial<Problem>,
    /** Seconds to wait, from Retry-After. */
    readonly retryAfter?: number,
  ) {
    super(problem?.title ?? code);
    this.name = "ApiError";
  }
}

export function errorFrom(response: Response, problem: unknown): ApiError {
  const body = typeof problem === "object" && problem !== null ? (problem as Partial<Problem>) : undefined;
  const code = codeByStatus[response.status] ?? (response.status >= 500 ? "internal" : "invalid");
  const retryAfter = Number(response.headers.get("Retry-After"));
  return new ApiError(code, response.status, body, retryAfter > 0 ? retryAfter : undefined);
}

/** Fired when a request was refused because the session ended; the page stays and asks for the password again. */
export const sessionEvents = new EventTarget();
let expectSession = false;
let epoch = 0;
/** Set once somebody has signed in: from then on a 401 means that the session was lost, except for a request of before. */
export function watchSession(on: boolean): void {
  if (on && !expectSession) epoch++;
  expectSession = on;
}

/** fetch with our header and with errors in our words; for requests outside the typed client (DICOMweb). */
export async function hubFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  if (request.method !== "GET" && request.method !== "HEAD") request.headers.set("X-Consilium", "1");
  let response: Response;
  const sent = epoch;
  try {
    response = await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("offline", 0);
  }
  if (response.status === 401 && expectSession && sent === epoch) sessionEvents.dispatchEvent(new Event("lost"));
  return response;
}

export const api = createClient<paths>({ baseUrl: `${location.origin}/api/v1`, fetch: hubFetch });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a call of `api`, or an ApiError. */
export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorFrom(response, error);
  return data as T;
}

/** The ETag of a version number, for If-Match. */
export function etagOf(object: { version: number }): string {
  return `"${object.version}"`;
}

/** A key under which the hub remembers a POST for a day, so that a repeated click or retry makes one object only. */
export function idempotencyKey(): string {
  return crypto.randomUUID();
}

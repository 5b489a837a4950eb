// Keeps lists and pages in step with the hub: each `changed` of the signaling connection marks what was read before as
// out of date, and whatever of it is on the screen is read again. Without a connection the pages read once a minute.
import type { QueryClient } from "@tanstack/react-query";
import { signal } from "../signaling";
import { sessionEvents } from "./client";

/** First words of the query keys in which an object of this kind shows. */
const keysOf: Record<string, readonly string[]> = {
  consult: ["worklist", "consult"],
  referral: ["worklist", "referral"],
  study: ["studies", "study", "consult", "referral"],
  message: ["messages"],
  measurement: ["measurements"],
  teaching: ["teaching", "questions"],
  recording: ["teaching"],
  room: ["room"],
};

interface Changed {
  kind: string;
  id: string;
}

/** Should a query be read again after this change? Lists always; one object's queries only for that object. */
export function concerns(key: readonly unknown[], changed: Changed): boolean {
  const words = keysOf[changed.kind];
  if (words === undefined || !words.includes(String(key[0]))) return false;
  const one = key[0] === changed.kind || key[0] === "questions" || key[0] === "messages" || key[0] === "measurements";
  return !one || key.length < 2 || key[1] === changed.id || typeof key[1] !== "string" || changed.kind === "recording";
}

/** Starts listening; returns how to stop. */
export function followChanges(queries: QueryClient): () => void {
  const offs = [
    signal.on("changed", (changed) => {
      void queries.invalidateQueries({ predicate: (query) => concerns(query.queryKey, changed) });
    }),
    // What changed while there was no connection was not told.
    signal.on("open", ({ resumed }) => {
      if (!resumed) void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    }),
    signal.on("signed-out", () => sessionEvents.dispatchEvent(new Event("lost"))),
  ];
  const onRegained = () => {
    signal.stop(); // an attempt that still carries the old session would be refused, and end the new one's connection
    signal.start();
  };
  sessionEvents.addEventListener("regained", onRegained);
  signal.start();
  return () => {
    sessionEvents.removeEventListener("regained", onRegained);
    for (const off of offs) off();
  };
}

export function signOutEverywhere(): void {
  signal.stop();
}

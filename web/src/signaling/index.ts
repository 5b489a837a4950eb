/** The tab's one signaling client. start() it after sign-in, stop() it at sign-out; see client.ts. */
import { SignalClient } from "./client";

export { SignalClient, SignalError, type ClientEvents, type SignalState } from "./client";
export type * from "./messages";

export const signal = new SignalClient({
  url: () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/signal`,
});

if (typeof window !== "undefined") {
  window.addEventListener("online", () => signal.hurry());
}

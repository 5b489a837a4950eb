import { describe, expect, test, vi } from "vitest";
import { ApiError, errorFrom, hubFetch, sessionEvents, watchSession } from "../src/api/client";
import { concerns } from "../src/api/live";
import { cursorOf, type Teaching, type WorkItem } from "../src/api/queries";
import { homeOf, type Session } from "../src/api/session";
import { Autosaver, type SaveState } from "../src/screens/consult/autosave";
import { directionBetween } from "../src/screens/referral/create";
import { placeOnLine } from "../src/screens/referral/state-line";
import { safeNext } from "../src/screens/signin/page";
import { filterOf } from "../src/screens/studies/page";
import { stepsNow } from "../src/screens/teaching/actions";
import { inTeachingOrder } from "../src/screens/teaching/list";
import { matchesFilter } from "../src/screens/worklist/filter";
import { toInput } from "../src/ui/ActionBar";
import { waitShare } from "../src/ui/WaitBar";

test("an answer that is an error says which, and how long to wait", () => {
  const response = new Response(null, { status: 429, headers: { "Retry-After": "30" } });
  expect(errorFrom(response, { title: "slow down" })).toMatchObject({ code: "limit", status: 429, retryAfter: 30 });
  expect(errorFrom(new Response(null, { status: 503 }), "text")).toMatchObject({ code: "unavailable", problem: undefined });
  expect(errorFrom(new Response(null, { status: 599 }), null)).toBeInstanceOf(ApiError);
});

test("a refusal says that the session was lost, unless the request is from before the sign-in", async () => {
  const lost = vi.fn();
  sessionEvents.addEventListener("lost", lost);
  let answer: (response: Response) => void = () => {};
  vi.stubGlobal("fetch", () => new Promise<Response>((done) => (answer = done)));
  const refused = async (between: () => void) => {
    const call = hubFetch("https://hub.example/api/v1/worklist");
    between();
    answer(new Response(null, { status: 401 }));
    await call;
    return lost.mock.calls.length;
  };
  watchSession(true);
  expect(await refused(() => {})).toBe(1);
  expect(await refused(() => { watchSession(false); watchSession(true); })).toBe(1);
  expect(await refused(() => {})).toBe(2);
  watchSession(false);
  expect(await refused(() => {})).toBe(2);
  vi.unstubAllGlobals();
  sessionEvents.removeEventListener("lost", lost);
});

test.each([
  [["worklist", "todo"], { kind: "consult", id: "a" }, true],
  [["consult", "a", "events", 3], { kind: "consult", id: "a" }, true],
  [["consult", "b"], { kind: "consult", id: "a" }, false],
  [["consult", "b"], { kind: "study", id: "s" }, true],
  [["studies", {}], { kind: "study", id: "s" }, true],
  [["study", "t"], { kind: "study", id: "s" }, false],
  [["teaching"], { kind: "teaching", id: "a" }, true],
  [["teaching", "a"], { kind: "recording", id: "r" }, true],
  [["questions", "b"], { kind: "teaching", id: "a" }, false],
  [["session"], { kind: "consult", id: "a" }, false],
  [["worklist", "todo"], { kind: "unknown", id: "a" }, false],
])("%j is read again after %j: %s", (key, changed, wanted) => {
  expect(concerns(key, changed)).toBe(wanted);
});

test("cursors come from next links", () => {
  expect(cursorOf("/api/v1/studies?limit=50&cursor=a%2Bb")).toBe("a+b");
  expect(cursorOf(null)).toBeUndefined();
});

test("each role starts where its work is", () => {
  const session = (...roles: Session["roles"]) => ({ roles }) as Session;
  expect(homeOf(session("doctor", "auditor"))).toBe("/work");
  expect(homeOf(session("auditor"))).toBe("/audit");
  expect(homeOf(session("teacher"))).toBe("/teaching");
});

test("after signing in one stays on this site", () => {
  expect(safeNext("/consults/1?x=2")).toBe("/consults/1?x=2");
  for (const bad of [null, "", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"]) expect(safeNext(bad)).toBeNull();
});

test("the study filter comes from the address", () => {
  expect(filterOf(new URLSearchParams("query=王&scope=granted&modality=CT&from=2026-01-01&foo=1"))).toEqual({ query: "王", scope: "granted", modality: "CT", from: "2026-01-01" });
  expect(filterOf(new URLSearchParams("scope=everything"))).toEqual({});
});

describe("work list filter", () => {
  const party = (name: string) => ({ organisation: { id: "o", code: "COUNTY1", name } });
  const item = { kind: "consult", urgency: "emergency", number: "C2026-000017", summary: "stroke", patient: { local_id: "DS1", name: { alphabetic: "Wang^XiaoMing", ideographic: "王^小明", phonetic: "" } }, from: party("东山县人民医院"), to: party("省立中心医院") } as WorkItem;
  test.each(["王", "xiaoming", "wang xiaoming", "ＤＳ１", "000017", "东山", "stroke 王"])("%s fits", (text) => {
    expect(matchesFilter(item, { text, kind: "all" })).toBe(true);
  });
  test("kinds", () => {
    expect(matchesFilter(item, { text: "", kind: "referral" })).toBe(false);
    expect(matchesFilter(item, { text: "", kind: "stat" })).toBe(true);
    expect(matchesFilter(item, { text: "李", kind: "all" })).toBe(false);
  });
});

test("directions and the line of a referral", () => {
  expect(directionBetween("county", "lead")).toBe("up");
  expect(directionBetween("lead", "township")).toBe("down");
  expect(directionBetween("county", "county")).toBe("lateral");
  expect(placeOnLine("info")).toBe(placeOnLine("claimed"));
  expect(placeOnLine("no_show")).toBe(placeOnLine("booked"));
  expect(placeOnLine("rejected")).toBe(-1);
});

test("teaching sessions: live, then soonest, then newest past", () => {
  const session = (id: string, state: Teaching["state"], at: string) => ({ id, state, starts_at: at, started_at: state === "ended" ? at : null }) as Teaching;
  const list = [session("past", "ended", "2026-01-01T00:00Z"), session("later", "published", "2026-12-01T00:00Z"), session("soon", "published", "2026-11-25T00:00Z"), session("yesterday", "ended", "2026-11-23T00:00Z"), session("now", "live", "2026-11-24T00:00Z")];
  expect(inTeachingOrder(list).map((s) => s.id)).toEqual(["now", "soon", "later", "yesterday", "past"]);
});

test("a teacher is offered consent once, and recording only with it", () => {
  const actions = ["consent", "record", "stop", "end", "edit"].map((action) => ({ action, to: "live", fields: [] }));
  const recording = { id: "r", state: "recording" as const, started_at: "", files: [] };
  expect(stepsNow({ actions, consent_at: null, recordings: [] })).toEqual(["consent", "end"]);
  expect(stepsNow({ actions, consent_at: "2026-11-24T00:00Z", recordings: [] })).toEqual(["record", "end"]);
  expect(stepsNow({ actions, consent_at: "2026-11-24T00:00Z", recordings: [recording] })).toEqual(["stop", "end"]);
});

test("what a dialog sends", () => {
  expect(toInput({ reason: "other", note: "", visit: undefined })).toEqual({ reason: "other" });
  expect(toInput({ findings: "f", impression: "i" })).toEqual({ opinion: { findings: "f", impression: "i", advice: "", critical: false } });
});

test("the wait bar", () => {
  const at = (minutes: number) => new Date(minutes * 60_000).toISOString();
  expect(waitShare(at(0), at(100), 25 * 60_000)).toBe(0.25);
  expect(waitShare(at(0), at(100), 200 * 60_000)).toBe(2);
  expect(waitShare(at(100), at(100), 0)).toBe(1);
});

describe("autosave", () => {
  const settled = (check: () => void) => vi.waitFor(check);
  test("saves the newest text once, and again what was typed meanwhile", async () => {
    const sent: string[] = [];
    let answer: ((saved: string) => void) | undefined;
    const states: SaveState[] = [];
    const saver = new Autosaver<string, string>((text) => { sent.push(text); return new Promise((resolve) => (answer = resolve)); }, (state) => states.push(state), 5, 5);
    saver.save("a");
    saver.save("ab");
    await settled(() => expect(sent).toEqual(["ab"]));
    saver.save("abc");
    answer!("1");
    await settled(() => expect(sent).toEqual(["ab", "abc"]));
    answer!("2");
    await settled(() => expect(states.at(-1)).toBe("saved"));
  });
  test("tries again what failed, with the newest text", async () => {
    const sent: string[] = [];
    const states: SaveState[] = [];
    const saver = new Autosaver<string, string>(async (text) => { sent.push(text); if (sent.length === 1) throw new ApiError("offline", 0); return "ok"; }, (state) => states.push(state), 1, 60_000);
    saver.save("a");
    await settled(() => expect(states.at(-1)).toBe("failed"));
    saver.hurry();
    await settled(() => expect(states.at(-1)).toBe("saved"));
    expect(sent).toEqual(["a", "a"]);
  });
  test("settle waits for the request under way and drops what waits", async () => {
    const sent: string[] = [];
    let answer: (() => void) | undefined;
    const saver = new Autosaver<string, void>((text) => { sent.push(text); return new Promise((resolve) => (answer = resolve)); }, () => undefined, 1, 1);
    saver.save("a");
    await settled(() => expect(sent).toEqual(["a"]));
    saver.save("b");
    const done = saver.settle();
    answer!();
    await done;
    expect(sent).toEqual(["a"]);
  });
});

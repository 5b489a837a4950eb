/** Promises of measuring: lengths, angles and values against figures made elsewhere, calibration, the hand that draws, the store that saves. */
import { describe, expect, it, vi } from "vitest";
import { ApiError, type Schemas } from "../../api/client";
import { DEFAULT_VIEW } from "../camera";
import type { Dataset } from "../dicom";
import { calibrationOf, regionAt, regionsOf, spanOf } from "./calibration";
import { angle, areaOf, cobb, distance, PIXELS, shortAxis, statisticsOf, type Point, type Scale } from "./geometry";
import { completed, resultsOf } from "./kinds";
import { Pencil, type Paper, type Shape } from "./pencil";
import { projectionOf } from "./projection";
import { MeasurementStore, type Fields, type Hub } from "./store";

const MM: Scale = { x: 0.5, y: 2, unit: "mm" };

describe("geometry", () => {
  it("measures in millimetres with pixels that are not square", () => {
    expect(distance([0, 0], [6, 2], MM)).toBe(5);
    expect(distance([0, 0], [3, 4], PIXELS)).toBe(5);
    expect(areaOf("rectangle", [10, 10], [0, 0], MM)).toBe(100);
    expect(areaOf("ellipse", [0, 0], [10, 10], MM)).toBeCloseTo(25 * Math.PI);
  });

  it("knows angles at a point, and between lines whichever way they were drawn", () => {
    expect(angle([10, 0], [0, 0], [0, 10], PIXELS)).toBeCloseTo(90);
    expect(angle([10, 0], [0, 0], [-10, 0], PIXELS)).toBeCloseTo(180);
    expect(angle([4, 0], [0, 0], [4, 1], MM)).toBeCloseTo(45);
    expect(cobb([0, 0], [10, 0], [0, 5], [10, 15], PIXELS)).toBeCloseTo(45);
    expect(cobb([0, 0], [10, 0], [10, 15], [0, 5], PIXELS)).toBeCloseTo(45);
  });

  it("starts the short axis square to the long one, half as long, also with pixels that are not square", () => {
    const [a, b]: [Point, Point] = [[0, 0], [40, 10]];
    const [c, d] = shortAxis(a, b, MM);
    expect(distance(c, d, MM)).toBeCloseTo(distance(a, b, MM) / 2);
    expect(angle([a[0] + 20, a[1] + 5], [20, 5], c, MM) || angle(b, [20, 5], c, MM)).toBeCloseTo(90);
  });
});

describe("values in a region, against numpy", () => {
  const [columns, rows] = [64, 48];
  const image = { columns, rows, at: (index: number) => (((index % columns) * 7 + Math.floor(index / columns) * 13) % 101) * 10 - 500 };
  // numpy: v = ((x*7+y*13)%101)*10-500 over the pixels whose middle is inside
  const cases = [
    ["rectangle", [10.2, 5.7], [40.7, 25.8], 620, 5.306451612903226, 291.4713557945262],
    ["ellipse", [40.7, 5.7], [10.2, 25.8], 481, -5.405405405405405, 291.378350127398],
    ["ellipse", [-20, 30], [30, 70], 433, -2.0092378752886835, 291.566415265038],
  ] as const;
  it.each(cases)("%s from %j to %j", (kind, a, b, count, mean, sd) => {
    const found = statisticsOf(kind, a, b, image)!;
    expect(found.count).toBe(count);
    expect(found.mean).toBeCloseTo(mean, 9);
    expect(found.sd).toBeCloseTo(sd, 9);
    expect([found.min, found.max]).toEqual([-500, 500]);
  });

  it("is nothing outside of the image, and nothing for colour", () => {
    expect(statisticsOf("ellipse", [-30, -30], [-10, -10], image)).toBeNull();
    expect(resultsOf("ellipse", [[0, 0], [9, 9]], PIXELS, { columns, rows, at: null, unit: "" }).map((one) => one.name)).toEqual(["area"]);
    expect(resultsOf("probe", [[63.9, 47.9]], PIXELS, { ...image, unit: "HU" })).toEqual([{ name: "value", value: -80, unit: "HU" }]);
    expect(resultsOf("probe", [[64, 1]], PIXELS, { ...image, unit: "HU" })).toEqual([]);
  });
});

describe("calibration", () => {
  const values = (tags: Record<string, unknown[]>): Dataset =>
    Object.fromEntries(Object.entries(tags).map(([tag, Value]) => [tag, { vr: "UN", Value }]));
  const region = (box: number[], unit: number, delta: number[]) =>
    values({
      "00186018": [box[0]], "0018601A": [box[1]], "0018601C": [box[2]], "0018601E": [box[3]], "00186024": [unit], "00186026": [unit === 4 ? 7 : unit],
      "0018602C": [delta[0]], "0018602E": [delta[1]],
    });
  const us = values({ "00080060": ["US"], "00186011": [region([0, 0, 600, 400], 3, [0.02, 0.02]), region([0, 300, 600, 400], 4, [0.005, -1.5])] });

  it("takes an ultrasound's centimetres where they hold, and pixels elsewhere", () => {
    expect(calibrationOf(us, null, [[10, 10], [20, 20]])).toEqual({ scale: { x: 0.2, y: 0.2, unit: "mm" }, certainty: "region" });
    expect(calibrationOf(us, [0.2, 0.2], [[10, 10], [700, 20]]).certainty).toBe("none");
    expect(calibrationOf(us, [0.2, 0.2], [[10, 350], [20, 360]])).toEqual({ scale: PIXELS, certainty: "none" });
  });

  it("reads time and velocity in a Doppler region", () => {
    const doppler = regionAt(regionsOf(us), [[0, 310], [100, 350]])!;
    expect(spanOf(doppler, [0, 310], [100, 350])).toEqual([{ value: 0.5, unit: "s" }, { value: 60, unit: "cm/s" }]);
  });

  it("says when a projection is measured at the detector, and when its magnification is estimated", () => {
    const dx = { "00080060": ["DX"], "00181164": [0.2, 0.2] };
    expect(calibrationOf(values(dx), [0.2, 0.2], []).certainty).toBe("detector");
    const magnified = calibrationOf(values({ ...dx, "00181114": [1.25] }), [0.2, 0.2], []);
    expect(magnified).toEqual({ scale: { x: 0.16, y: 0.16, unit: "mm" }, certainty: "magnified" });
    expect(calibrationOf(values({ "00080060": ["CT"] }), [0.7, 0.6], [])).toEqual({ scale: { x: 0.6, y: 0.7, unit: "mm" }, certainty: "measured" });
    expect(calibrationOf(values({ "00080060": ["OT"] }), null, []).certainty).toBe("none");
  });
});

describe("projection", () => {
  const geometry = { origin: [0, 0, 0], row: [1, 0, 0], column: [0, 1, 0], spacing: [2, 0.5], rows: 100, columns: 400 } as const;

  it("fits the whole image, its middle in the middle", () => {
    const fit = projectionOf(geometry, DEFAULT_VIEW, 400, 400)!;
    expect(fit.toPane([200, 50])).toEqual([200, 200]);
    expect(fit.toPane([0, 0])).toEqual([0, 0]);
    expect(projectionOf(geometry, DEFAULT_VIEW, 0, 0)).toBeNull();
  });

  it("turns clockwise after mirroring", () => {
    const view = { ...DEFAULT_VIEW, rotation: 90, flipH: true } as const;
    // The first pixel, mirrored to the upper right, is at the lower right after a quarter turn.
    const [x, y] = projectionOf(geometry, view, 400, 400)!.toPane([0, 0]);
    expect([Math.round(x), Math.round(y)]).toEqual([400, 400]);
  });

  it("finds back to the image from anywhere", () => {
    for (const rotation of [0, 90, 180, 270] as const) {
      for (const flipH of [false, true]) {
        const view = { zoom: 2.5, pan: [0.3, 0.6], rotation, flipH, flipV: !flipH } as const;
        const projection = projectionOf(geometry, view, 640, 480)!;
        const [x, y] = projection.toImage(projection.toPane([123, 45]));
        expect(x).toBeCloseTo(123);
        expect(y).toBeCloseTo(45);
      }
    }
  });
});

describe("pencil", () => {
  const projection = projectionOf({ origin: [0, 0, 0], row: [1, 0, 0], column: [0, 1, 0], spacing: [1, 1], rows: 100, columns: 100 }, DEFAULT_VIEW, 200, 200)!;
  const make = (shapes: Shape[] = []) => {
    const paper = { projection: () => projection, shapes: () => shapes, finish: vi.fn(), moved: vi.fn() } satisfies Paper;
    return { pencil: new Pencil(paper), paper };
  };
  const drag = (pencil: Pencil, from: Point, to: Point) => {
    const taken = pencil.down(from);
    pencil.move(to);
    pencil.up(to);
    return taken;
  };

  it("leaves the mouse alone without a tool", () => {
    const { pencil, paper } = make();
    expect(drag(pencil, [10, 10], [90, 10])).toBe(false);
    expect(paper.finish).not.toHaveBeenCalled();
  });

  it("draws a length by dragging, or by two clicks", () => {
    const { pencil, paper } = make();
    pencil.choose("length");
    drag(pencil, [20, 20], [120, 20]);
    expect(paper.finish).toHaveBeenLastCalledWith("length", [[10, 10], [60, 10]]);
    pencil.down([20, 20]);
    pencil.up([20, 20]);
    pencil.move([40, 60]);
    expect(pencil.draft?.points).toEqual([[10, 10], [20, 30]]);
    pencil.down([40, 60]);
    pencil.up([40, 60]);
    expect(paper.finish).toHaveBeenLastCalledWith("length", [[10, 10], [20, 30]]);
  });

  it("draws an angle by a drag and a click, and Cobb's two lines by two drags", () => {
    const { pencil, paper } = make();
    pencil.choose("angle");
    drag(pencil, [0, 0], [40, 0]);
    pencil.move([40, 40]);
    pencil.down([40, 40]);
    pencil.up([40, 40]);
    expect(paper.finish).toHaveBeenLastCalledWith("angle", [[0, 0], [20, 0], [20, 20]]);
    pencil.choose("cobb");
    drag(pencil, [0, 0], [40, 0]);
    drag(pencil, [0, 80], [40, 120]);
    expect(paper.finish).toHaveBeenLastCalledWith("cobb", [[0, 0], [20, 0], [0, 40], [20, 60]]);
    expect(completed("bidirectional", [[0, 0], [10, 0]], PIXELS)).toHaveLength(4);
  });

  it("moves a handle, moves the whole, and never what somebody else drew", () => {
    const line: Shape = { id: "a", kind: "length", points: [[10, 10], [60, 10]], mine: true };
    const { pencil, paper } = make([line]);
    expect(drag(pencil, [120, 20], [120, 60])).toBe(true);
    expect(paper.moved).toHaveBeenLastCalledWith("a", [[10, 10], [60, 30]]);
    expect(pencil.selected).toBe("a");
    drag(pencil, [70, 20], [80, 30]);
    expect(paper.moved).toHaveBeenLastCalledWith("a", [[15, 15], [65, 15]]);
    const others = make([{ ...line, mine: false }]);
    drag(others.pencil, [70, 20], [80, 30]);
    expect(others.paper.moved).not.toHaveBeenCalled();
    expect(others.pencil.selected).toBe("a");
  });

  it("leaves step by step", () => {
    const { pencil } = make();
    pencil.choose("angle");
    drag(pencil, [0, 0], [40, 0]);
    expect([pencil.leave(), pencil.draft, pencil.tool]).toEqual([true, null, "angle"]);
    expect([pencil.leave(), pencil.tool, pencil.leave()]).toEqual([true, null, false]);
  });
});

describe("store", () => {
  const fields: Fields = { series: "1", instance: "1.1", frame: 1, kind: "length", points: [[0, 0], [1, 1]], label: "", results: [] };
  const person = { id: "p", name: "Li" };
  const organisation = { id: "o", code: "C", name: "County" };

  /** A hub in memory with versions, which can be cut off. */
  function fakeHub() {
    const rows = new Map<string, Schemas["Measurement"] & { gone: boolean }>();
    const hub = {
      rows,
      cut: false as boolean,
      list: vi.fn(async () => [...rows.values()].filter((one) => !one.gone)),
      put: vi.fn(async (study: string, id: string, version: number, wanted: Fields) => {
        if (hub.cut) throw new ApiError("offline", 0);
        const old = rows.get(id);
        if ((old?.version ?? 0) !== version) throw new ApiError("stale", 412);
        const saved = {
          ...wanted, points: wanted.points.map((one) => [...one]), results: [...wanted.results], id, study, version: version + 1, author: person,
          organisation, mine: true, created_at: "", updated_at: "", gone: false,
        };
        rows.set(id, saved);
        return saved;
      }),
      remove: vi.fn(async (_study: string, id: string, version: number) => {
        const old = rows.get(id)!;
        if (old.version !== version) throw new ApiError("stale", 412);
        Object.assign(old, { gone: true, version: version + 1 });
        return version + 1;
      }),
    } satisfies Hub & { rows: unknown; cut: boolean };
    return hub;
  }
  const storage = () => {
    const map = new Map<string, string>();
    return { getItem: (key: string) => map.get(key) ?? null, setItem: (key: string, value: string) => void map.set(key, value), removeItem: (key: string) => void map.delete(key) };
  };

  it("shows at once, saves at once, undoes and redoes by versions", async () => {
    const hub = fakeHub();
    const store = new MeasurementStore("s", hub, storage());
    store.set("a", fields);
    expect(store.getShown().map((one) => one.state)).toEqual(["waiting"]);
    await vi.waitFor(() => expect(store.getShown()[0]).toMatchObject({ state: "saved", author: "Li" }));
    store.undo();
    expect(store.getShown()).toEqual([]);
    await vi.waitFor(() => expect(hub.rows.get("a")).toMatchObject({ gone: true, version: 2 }));
    store.redo();
    await vi.waitFor(() => expect(hub.rows.get("a")).toMatchObject({ gone: false, version: 3 }));
    expect(store.unsaved).toBe(false);
    store.dispose();
  });

  it("keeps over a reload what could not be sent, and sends it when the link is back", async () => {
    const hub = fakeHub();
    const kept = storage();
    hub.cut = true;
    const before = new MeasurementStore("s", hub, kept);
    before.set("a", fields);
    await vi.waitFor(() => expect(hub.put).toHaveBeenCalledTimes(1));
    before.dispose();
    hub.cut = false;
    const after = new MeasurementStore("s", hub, kept);
    expect(after.getShown()).toHaveLength(1);
    await vi.waitFor(() => expect(after.getShown()[0]!.state).toBe("saved"));
    expect(hub.rows.size).toBe(1);
    after.dispose();
  });

  it("sends only the newest wish of many, and takes over what others drew and deleted", async () => {
    const hub = fakeHub();
    const store = new MeasurementStore("s", hub, storage());
    for (let step = 0; step < 20; step++) store.set("a", { ...fields, points: [[0, 0], [step, 1]] });
    await vi.waitFor(() => expect(store.unsaved).toBe(false));
    expect(hub.put.mock.calls.length).toBeLessThan(4);
    expect(hub.rows.get("a")!.points[1]).toEqual([19, 1]);
    hub.rows.set("b", { ...hub.rows.get("a")!, id: "b", mine: false, version: 1 });
    await store.read();
    expect(store.getShown().map((one) => [one.id, one.mine])).toEqual([["a", true], ["b", false]]);
    store.set("b", null);
    expect(store.getShown()).toHaveLength(2);
    hub.rows.get("b")!.gone = true;
    await store.read();
    expect(store.getShown().map((one) => one.id)).toEqual(["a"]);
    store.dispose();
  });

  it("says what the hub will never take, and asks no more", async () => {
    const hub = fakeHub();
    hub.put.mockRejectedValue(new ApiError("denied", 403));
    const store = new MeasurementStore("s", hub, storage());
    store.set("a", fields);
    await vi.waitFor(() => expect(store.getShown()[0]!.state).toBe("refused"));
    expect(hub.put).toHaveBeenCalledTimes(1);
    store.dispose();
  });
});

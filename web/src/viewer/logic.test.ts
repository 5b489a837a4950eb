/** Promises of the viewer's plain logic: windows, the cine clock, load order, multipart, orientation, DICOM JSON, camera arithmetic. */
import { describe, expect, it, vi } from "vitest";
import { fitScale, fractionOf, geometryOf, worldOf } from "./camera";
import { CineClock, cineTiming, evenTiming, frameAt } from "./cine";
import { ageAt, frameFacts, patientFacts, type Dataset } from "./dicom";
import { Steps, modeOfButtons } from "./gestures-math";
import { parseFrameBody } from "./multipart";
import { edgeLetters, letters, turned } from "./orientation";
import { imagesInBudget, memoryBudget, outwardOrder, Prefetcher } from "./prefetch";
import { CT_PRESETS, dragWindow, presetName, presetWindow, rangeWindow, windowRange } from "./presets";
import { firstIndex, frameUrl, stacksOfStudy, type Manifest } from "./stack";
import { readViewState } from "./state";

describe("windows", () => {
  const own = { center: 40, width: 350 };

  it("has one preset for each key 1-9, as on every workstation", () => {
    expect(CT_PRESETS.map((one) => one.key).join("")).toBe("123456789");
    expect(presetWindow("2", "CT", own)).toEqual({ center: -600, width: 1500 });
    expect(presetName({ center: -600, width: 1500 }, "CT")).toBe("lung");
  });

  it("gives the image's own window for 0, and no HU window to an ultrasound", () => {
    expect(presetWindow("0", "US", own)).toBe(own);
    expect(presetWindow("2", "US", own)).toBeNull();
    expect(presetName({ center: 40, width: 400 }, "MR")).toBeNull();
  });

  it("is DICOM's linear function: 40/400 is -160 to 239", () => {
    expect(windowRange({ center: 40, width: 400 })).toEqual({ lower: -160, upper: 239 });
    expect(rangeWindow({ lower: -160, upper: 239 })).toEqual({ center: 40, width: 400 });
  });

  it("is dragged in steps that follow its width and never closes", () => {
    const wide = dragWindow({ center: 0, width: 3000 }, 10, 0).width - 3000;
    const narrow = dragWindow({ center: 0, width: 300 }, 10, 0).width - 300;
    expect(wide).toBeCloseTo(10 * narrow);
    expect(dragWindow({ center: 0, width: 20 }, -5000, 0).width).toBe(1);
    expect(dragWindow({ center: 0, width: 300 }, 0, 30).center).toBe(30);
  });
});

describe("cine clock", () => {
  it("reads the rate from the image, in the order of the standard", () => {
    expect(cineTiming(48, { frameTime: 40 }).fps).toBe(25);
    expect(cineTiming(48, { frameTime: 40, recommendedRate: 30 }).fps).toBe(30);
    expect(cineTiming(48, { cineRate: 15 }).fps).toBe(15);
    expect(cineTiming(48, {}).fps).toBe(25);
    expect(cineTiming(48, { frameTime: 0, recommendedRate: 0 }).fps).toBe(25);
    expect(cineTiming(48, { frameTime: 0.001 }).fps).toBe(25);
  });

  it("keeps uneven frames uneven", () => {
    const timing = cineTiming(3, { frameTimeVector: [0, 100, 300], frameTime: 40 });
    expect(timing.starts).toEqual([0, 100, 400]);
    expect([0, 99, 100, 399, 400, 599].map((at) => frameAt(timing, at))).toEqual([0, 0, 1, 1, 2, 2]);
    expect(frameAt(timing, 600)).toBe(0);
    expect(cineTiming(3, { frameTimeVector: [0, 100] }).fps).toBe(25);
  });

  it("drops frames instead of slowing: after one second of 30 fps frame 30 is due, however seldom one asks", () => {
    const clock = new CineClock(evenTiming(60, 30));
    clock.start(0, 1000);
    expect(clock.due(1000)).toBe(0);
    expect(clock.due(2001)).toBe(30);
    expect(clock.due(3001)).toBe(0);
  });

  it("starts where it was stopped and changes its rate without a jump", () => {
    const clock = new CineClock(evenTiming(60, 10));
    expect(clock.due(0)).toBeNull();
    clock.start(20, 5000);
    expect(clock.due(5050)).toBe(20);
    clock.setRate(20, 5050);
    expect(clock.due(5051)).toBe(20);
    expect(clock.due(5101)).toBe(21);
    clock.setRate(9999, 5101);
    expect(clock.timing.fps).toBe(120);
    clock.stop();
    expect(clock.due(9000)).toBeNull();
  });
});

describe("load order", () => {
  it("goes outward from the image on the screen, further ahead than behind", () => {
    expect(outwardOrder(10, 4, 1)).toEqual([4, 5, 6, 3, 7, 8, 2, 9, 1, 0]);
    expect(outwardOrder(10, 4, -1)).toEqual([4, 3, 2, 5, 1, 0, 6, 7, 8, 9]);
    expect(outwardOrder(3, 99)).toEqual([2, 1, 0]);
    expect(outwardOrder(0, 0)).toEqual([]);
    expect(new Set(outwardOrder(300, 150)).size).toBe(300);
  });

  it("keeps within the memory of the machine", () => {
    expect(imagesInBudget(100 * 2 ** 20, 512 * 512 * 2)).toBe(200);
    expect(imagesInBudget(1, 10 ** 9)).toBe(3);
    expect(memoryBudget(8, false)).toBe(1024 * 2 ** 20);
    expect(memoryBudget(undefined, false)).toBe(512 * 2 ** 20);
    expect(memoryBudget(8, true)).toBeLessThan(memoryBudget(2, false));
  });

  it("loads so many at once, in order, gives up what is far off, and stops at the limit", async () => {
    const started: number[] = [];
    const open = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
    const prefetcher = new Prefetcher(20, 6, {
      parallel: 2,
      load: (index, signal) =>
        new Promise((resolve, reject) => {
          started.push(index);
          open.set(index, { resolve, reject });
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
      changed: vi.fn(),
    });
    prefetcher.move(10, 1);
    expect(started).toEqual([10, 11]);
    open.get(10)!.resolve();
    await vi.waitFor(() => expect(started).toEqual([10, 11, 12]));
    prefetcher.move(0, 1);
    await vi.waitFor(() => expect(started.slice(3)).toEqual([0, 1]));
    expect(prefetcher.states[11]).toBe("none");
    open.get(0)!.reject(new Error("gone"));
    await vi.waitFor(() => expect(prefetcher.states[0]).toBe("failed"));
    for (let turn = 0; turn < 20; turn++) {
      for (const one of open.values()) one.resolve();
      await Promise.resolve();
      await new Promise((resolve) => setTimeout(resolve));
    }
    expect(prefetcher.loaded).toBe(6);
    prefetcher.stop();
  });
});

describe("frame bodies", () => {
  const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

  it("takes the first part, also when pixels look like a boundary", () => {
    const data = "\r\n--b\u0000x--b pixels\r\n";
    const body = bytes(`--b\r\nContent-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50\r\n\r\n${data}\r\n--b--\r\n`);
    const parsed = parseFrameBody('multipart/related; type="application/octet-stream"; boundary="b"', body);
    expect(parsed.transferSyntax).toBe("1.2.840.10008.1.2.4.50");
    expect([...parsed.bytes]).toEqual([...bytes(data)]);
  });

  it("believes Content-Length, and takes single-part answers as they are", () => {
    const body = bytes("--b\r\nContent-Length: 3\r\n\r\nabcdef\r\n--b--");
    expect([...parseFrameBody("multipart/related; boundary=b", body).bytes]).toEqual([...bytes("abc")]);
    const single = parseFrameBody("application/octet-stream; transfer-syntax=1.2", bytes("raw"));
    expect([...single.bytes]).toEqual([...bytes("raw")]);
    expect(single.transferSyntax).toBe("1.2");
  });

  it("refuses what is cut off", () => {
    expect(() => parseFrameBody("multipart/related; boundary=b", bytes("--b\r\nContent-Type: x\r\n\r\nabc"))).toThrow();
    expect(() => parseFrameBody("multipart/related; boundary=b", bytes("nothing"))).toThrow();
    expect(() => parseFrameBody("multipart/related", bytes("--b"))).toThrow();
  });
});

describe("orientation", () => {
  const axial = edgeLetters([1, 0, 0], [0, 1, 0]);

  it("shows an axial image as radiologists do: patient's right at the left edge, front on top", () => {
    expect(axial).toEqual({ left: "R", right: "L", top: "A", bottom: "P" });
  });

  it("has two letters when oblique", () => {
    expect(letters([0.8, 0.6, 0])).toBe("LP");
    expect(letters([0.99, 0.1, 0])).toBe("L");
  });

  it("follows a turn and a mirror", () => {
    const after = turned([1, 0, 0], [0, 1, 0], 90, false, false);
    expect(edgeLetters(after.row, after.column)).toEqual({ right: "A", left: "P", bottom: "L", top: "R" });
    const mirrored = turned([1, 0, 0], [0, 1, 0], 0, true, false);
    expect(edgeLetters(mirrored.row, mirrored.column)).toMatchObject({ left: "L", right: "R", top: "A" });
    const full = turned([1, 0, 0], [0, 1, 0], 360, false, false);
    expect(edgeLetters(full.row, full.column)).toEqual(axial);
  });
});

describe("DICOM JSON", () => {
  const value = (vr: string, ...values: unknown[]) => ({ vr, Value: values });

  it("reads a classic CT", () => {
    const facts = frameFacts(
      {
        "00080060": value("CS", "CT"),
        "00280010": value("US", 512),
        "00280011": value("US", 256),
        "00280100": value("US", 16),
        "00280101": value("US", 12),
        "00280103": value("US", 1),
        "00281050": value("DS", 40, 400),
        "00281051": value("DS", 350, 1500),
        "00281052": value("DS", -1024),
        "00281053": value("DS", 1),
        "00280030": value("DS", 0.7, 0.5),
        "00200032": value("DS", -10, -20, 30),
        "00200037": value("DS", 1, 0, 0, 0, 1, 0),
      },
      0,
    );
    expect(facts).toMatchObject({ rows: 512, columns: 256, bitsStored: 12, signed: true, slope: 1, intercept: -1024, spacing: [0.7, 0.5] });
    expect(facts.window).toEqual({ center: 40, width: 350 });
    expect(facts.position).toEqual([-10, -20, 30]);
    expect(facts.column).toEqual([0, 1, 0]);
  });

  it("takes an enhanced image's facts from its frame, then from the shared group", () => {
    const group = (tag: string, inner: Dataset) => ({ [tag]: value("SQ", inner) });
    const dataset: Dataset = {
      "52009229": value("SQ", group("00289110", { "00280030": value("DS", 0.4, 0.4) })),
      "52009230": value(
        "SQ",
        group("00209113", { "00200032": value("DS", 0, 0, 1) }),
        group("00209113", { "00200032": value("DS", 0, 0, 2) }),
      ),
    };
    expect(frameFacts(dataset, 1).position).toEqual([0, 0, 2]);
    expect(frameFacts(dataset, 1).spacing).toEqual([0.4, 0.4]);
  });

  it("survives a dataset with nothing in it", () => {
    expect(frameFacts({}, 7)).toMatchObject({ rows: 0, samples: 1, window: null, spacing: null, position: null, palette: null });
    expect(patientFacts({}).name).toBe("");
  });

  it("writes a name in the script of its owner, and ages at the day of the examination", () => {
    const name = (parts: object) => patientFacts({ "00100010": value("PN", parts) }).name;
    expect(name({ Alphabetic: "Wang^XiaoDong", Ideographic: "王^小东" })).toBe("王 小东");
    expect(name({ Alphabetic: "Siti^Nurhaliza^^" })).toBe("Siti Nurhaliza");
    expect(ageAt("19620517", "20250314")).toBe(62);
    expect(ageAt("19620517", "2025-05-17")).toBe(63);
    expect(ageAt("", "2025-05-17")).toBeNull();
  });
});

describe("stacks", () => {
  const manifest: Manifest = {
    study: "s",
    study_uid: "1.2",
    dicomweb: "/dicom-web/orgs/COUNTY1/studies/1.2",
    series: [
      { series_uid: "1.2.9", modality: "SR", instances: [{ sop_uid: "9", frames: 0 }] },
      { series_uid: "1.2.2", modality: "US", number: 2, instances: [{ sop_uid: "b", frames: 48 }, { sop_uid: "c", frames: 1 }] },
      { series_uid: "1.2.1", modality: "CT", number: 1, instances: [3, 1, 2].map((n) => ({ sop_uid: `i${n}`, number: n, frames: 1 })) },
    ],
  };
  const stacks = stacksOfStudy(manifest);

  it("orders series and images by number, gives each loop a stack of its own, and leaves documents out", () => {
    expect(stacks.map((stack) => [stack.series.modality, stack.frames.length, stack.cine])).toEqual([
      ["CT", 3, false],
      ["US", 1, false],
      ["US", 48, true],
    ]);
    expect(stacks[0]!.frames.map((ref) => ref.instance.sop_uid)).toEqual(["i1", "i2", "i3"]);
  });

  it("starts a volume in its middle and a loop at its first frame", () => {
    expect(firstIndex(stacks[0]!)).toBe(1);
    expect(firstIndex(stacks[2]!)).toBe(0);
    expect(frameUrl(manifest, stacks[2]!.series, stacks[2]!.frames[47]!)).toBe(
      "/dicom-web/orgs/COUNTY1/studies/1.2/series/1.2.2/instances/b/frames/48",
    );
  });
});

describe("camera arithmetic", () => {
  const geometry = geometryOf({ ...frameFacts({}, 0), rows: 100, columns: 200, spacing: [2, 0.5], position: [10, 20, 30], row: [0, 1, 0], column: [0, 0, -1] });

  it("goes from a place in the image to the patient and back", () => {
    expect(worldOf(geometry, [0.5, 0.5])).toEqual([10, 20 + 99.5 * 0.5, 30 - 49.5 * 2]);
    const [u, v] = fractionOf(geometry, worldOf(geometry, [0.3, 0.8]));
    expect(u).toBeCloseTo(0.3);
    expect(v).toBeCloseTo(0.8);
  });

  it("fits the whole image, also when turned by a quarter", () => {
    expect(fitScale(geometry, 0, 400, 400)).toBe(100); // 100 mm across, 200 mm down
    expect(fitScale(geometry, 90, 400, 200)).toBe(50);
    expect(fitScale(geometry, 0, 100, 400)).toBe(200);
  });
});

describe("gestures", () => {
  it("knows what each button does", () => {
    expect([1, 2, 3, 4, 0].map(modeOfButtons)).toEqual(["window", "zoom", "scroll", "pan", null]);
  });

  it("makes whole steps of small movements and forgets them when the direction turns", () => {
    const steps = new Steps(10);
    expect([4, 4, 4, 25].map((amount) => steps.add(amount))).toEqual([0, 0, 1, 2]);
    expect(steps.add(-4)).toBe(0);
    expect(steps.add(-6)).toBe(-1);
  });
});

describe("view state", () => {
  const state = {
    study: "s", series: "1", instance: "2", frame: 3, window: null, zoom: 1, pan: [0.5, 0.5], rotation: 90, flipH: false, flipV: true, invert: false,
  };
  it("survives the way over the wire, and nothing else is taken for one", () => {
    expect(readViewState(JSON.parse(JSON.stringify(state)))).toEqual(state);
    expect(readViewState({ ...state, frame: 0 })).toBeNull();
    expect(readViewState({ ...state, rotation: 45 })).toBeNull();
    expect(readViewState("x")).toBeNull();
  });
});

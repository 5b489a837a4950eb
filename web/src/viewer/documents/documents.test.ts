// Reports, waveforms and videos out of their files' attributes.
import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicom";
import { stacksOfStudy, type Manifest } from "../stack";
import { className, documentKind, documentsOfStudy } from "./kinds";
import { imagesIn, momentText, readReport, unitText, type ReportItem } from "./sr";
import { videoPlace, videoType } from "./video";
import { heightOf, isTwelveLead, measured, readWaveforms, sheetOf, type Paper } from "./waveform";

const STORAGE = "1.2.840.10008.5.1.4.1.1.";

describe("what is a document", () => {
  const instance = (sop_class: string, more: object = {}) => ({ sop_uid: "1", sop_class: STORAGE + sop_class, frames: 0, rows: null, ...more });
  it.each([
    ["DOC", instance("104.1"), "pdf"],
    ["DOC", instance("104.2"), "other"],
    ["SR", instance("88.11"), "report"],
    ["SR", instance("88.34"), "report"],
    ["KO", instance("88.59"), "keys"],
    ["ECG", instance("9.1.1"), "waveform"],
    ["ES", instance("77.1.1.1", { rows: 480, frames: 90, transfer_syntax: "1.2.840.10008.1.2.4.102" }), "video"],
    ["US", instance("3.1", { rows: 480, frames: 90, transfer_syntax: "1.2.840.10008.1.2.4.50" }), null],
    ["SEG", instance("66.4", { rows: 512, frames: 3 }), "other"],
    ["CT", instance("2", { rows: 512, frames: 1 }), null],
  ])("%s %o", (modality, one, kind) => expect(documentKind({ modality }, one)).toBe(kind));

  it("a study's pictures and documents are apart, and none is in both or in neither", () => {
    const manifest: Manifest = {
      study: "s", study_uid: "1.2", dicomweb: "/dicom-web/orgs/A/studies/1.2",
      series: [
        { series_uid: "1", modality: "CT", number: 2, instances: [instance("2", { sop_uid: "a", rows: 512, frames: 1 }), instance("88.11", { sop_uid: "b" })] },
        { series_uid: "2", modality: "DOC", number: 1, instances: [instance("104.1", { sop_uid: "c" })] },
      ],
    };
    const uids = (stacks: ReturnType<typeof stacksOfStudy>) => stacks.flatMap(({ frames }) => frames.map((ref) => ref.instance.sop_uid));
    expect(uids(stacksOfStudy(manifest))).toEqual(["a"]);
    expect(uids(documentsOfStudy(manifest))).toEqual(["c", "b"]);
  });
  it("names what it does not show", () => {
    expect(className(`${STORAGE}104.2`)).toBe("cda");
    expect(className(`${STORAGE}481.3`)).toBe("radiotherapy");
    expect(className("1.3.46.670589.11.0.0.12.1")).toBeNull();
  });
});

const code = (value: string, scheme: string, meaning: string): Dataset => ({
  "00080100": { vr: "SH", Value: [value] }, "00080102": { vr: "SH", Value: [scheme] }, "00080104": { vr: "LO", Value: [meaning] },
});
const item = (relation: string, type: string, concept: Dataset | null, more: Dataset = {}, children: Dataset[] = []): Dataset => ({
  "0040A010": { vr: "CS", Value: [relation] }, "0040A040": { vr: "CS", Value: [type] },
  ...(concept && { "0040A043": { vr: "SQ", Value: [concept] } }), ...more,
  ...(children.length > 0 && { "0040A730": { vr: "SQ", Value: children } }),
});

describe("structured reports", () => {
  const length = item("CONTAINS", "NUM", code("410668003", "SCT", "Length"), {
    "0040A300": { vr: "SQ", Value: [{ "0040A30A": { vr: "DS", Value: [12.4] }, "004008EA": { vr: "SQ", Value: [code("mm", "UCUM", "millimeter")] } }] },
  }, [item("INFERRED FROM", "SCOORD", null, { "00700023": { vr: "CS", Value: ["POLYLINE"] } }, [
    item("SELECTED FROM", "IMAGE", null, { "00081199": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.2.9"] }, "00081160": { vr: "IS", Value: [3] } }] } }),
  ])]);
  const group = item("CONTAINS", "CONTAINER", code("125007", "DCM", "Measurement Group"), {}, [
    item("HAS OBS CONTEXT", "TEXT", code("112039", "DCM", "Tracking Identifier"), { "0040A160": { vr: "UT", Value: ["Lesion 1"] } }),
    item("CONTAINS", "CODE", code("121071", "DCM", "Finding"), { "0040A168": { vr: "SQ", Value: [code("27925004", "SCT", "Nodule")] } }),
    length,
  ]);
  const tid1500: Dataset = {
    ...item("", "CONTAINER", code("126000", "DCM", "Imaging Measurement Report"), {}, [
      item("HAS OBS CONTEXT", "PNAME", code("121008", "DCM", "Person Observer Name"), { "0040A123": { vr: "PN", Value: [{ Alphabetic: "Chen^Yi", Ideographic: "陈^毅" }] } }),
      item("CONTAINS", "CONTAINER", code("126010", "DCM", "Imaging Measurements"), {}, [group]),
    ]),
    "0040A493": { vr: "CS", Value: ["VERIFIED"] }, "00080023": { vr: "DA", Value: ["20250314"] }, "00080033": { vr: "TM", Value: ["101530"] },
    "0040A073": { vr: "SQ", Value: [{ "0040A075": { vr: "PN", Value: [{ Alphabetic: "Lee^Siew Mei" }] }, "0040A030": { vr: "DT", Value: ["20250314111500"] } }] },
  };

  it("TID 1500: measurements with their units, names and images", () => {
    const report = readReport(tid1500);
    expect(report).toMatchObject({ verified: true, complete: true, date: "2025-03-14 10:15:30", cut: false });
    expect(report.people).toEqual([{ name: "Lee Siew Mei", organisation: "", at: "2025-03-14 11:15:00" }]);
    const [observer, measurements] = report.title.items as [ReportItem, ReportItem];
    expect(observer.text).toBe("陈 毅");
    const [tracking, finding, measure] = measurements.items[0]!.items as [ReportItem, ReportItem, ReportItem];
    expect([tracking.text, finding.text, finding.textCode]).toEqual(["Lesion 1", "Nodule", "SCT:27925004"]);
    expect([measure.code, measure.text]).toEqual(["SCT:410668003", "12.4 mm"]);
    expect(imagesIn(report.title)).toEqual([{ instance: "1.2.9", frames: [3] }]);
  });
  it("a report without end is cut, not walked until the browser gives up", () => {
    let deep = item("CONTAINS", "TEXT", null, { "0040A160": { vr: "UT", Value: ["x"] } });
    for (let level = 0; level < 200; level++) deep = item("CONTAINS", "CONTAINER", null, {}, [deep]);
    expect(readReport(deep).cut).toBe(true);
    const wide = item("", "CONTAINER", null, {}, new Array<Dataset>(20_000).fill(length));
    const read = readReport(wide);
    expect([read.cut, read.title.items.length < 6000]).toEqual([true, true]);
  });
  it("nonsense is an empty report", () => expect(readReport({ "0040A730": { vr: "SQ", Value: [null, 3, "x"] } }).title.items).toEqual([]));
  it("units as people write them", () => {
    expect(unitText("UCUM:mm2", "square millimeter")).toBe("mm²");
    expect(unitText("UCUM:[hnsf'U]", "Hounsfield unit")).toBe("HU");
    expect(unitText("UCUM:1", "no units")).toBe("");
    expect(unitText("UCUM:{ratio}", "ratio")).toBe("");
    expect(momentText("20250314101531.12+0800")).toBe("2025-03-14 10:15:31");
    expect(momentText("nonsense")).toBe("nonsense");
  });
});

describe("ECG", () => {
  const LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
  const RATE = 500;
  const channel = (label: string, unit = "uV"): Dataset => ({
    "003A0208": { vr: "SQ", Value: [code("2:1", "MDC", `Lead ${label}`)] }, "003A0210": { vr: "DS", Value: [2.5] }, "003A0212": { vr: "DS", Value: [1] },
    "003A0211": { vr: "SQ", Value: [code(unit, "UCUM", unit)] }, "003A0213": { vr: "DS", Value: [0] },
  });
  const recording = (samples: number, leads = LEADS): Dataset => ({
    "54000100": {
      vr: "SQ",
      Value: [{
        "54001004": { vr: "US", Value: [16] }, "54001006": { vr: "CS", Value: ["SS"] }, "003A0010": { vr: "UL", Value: [samples] },
        "003A001A": { vr: "DS", Value: [RATE] }, "003A0020": { vr: "SH", Value: ["RHYTHM"] }, "003A0200": { vr: "SQ", Value: leads.map((lead) => channel(lead)) },
        "54001010": { vr: "OW", InlineBinary: "" },
      }],
    },
  });
  /** Lead k holds k + 1 steps of 2.5 µV everywhere, except 400 steps (1 mV) at sample 100. */
  const bytes = (samples: number, leads = LEADS.length) => async () => {
    const values = new Int16Array(samples * leads);
    for (let sample = 0; sample < samples; sample++) for (let lead = 0; lead < leads; lead++) values[sample * leads + lead] = sample === 100 ? 400 : lead + 1;
    return new Uint8Array(values.buffer);
  };
  const paper: Paper = { speed: 25, gain: 10, format: "standard" };

  it("samples are millivolts, each in its lead", async () => {
    const [group] = await readWaveforms(recording(5000), bytes(5000));
    expect([group!.rate, group!.channels.length, isTwelveLead(group!)]).toEqual([500, 12, true]);
    expect(group!.channels.map(({ label }) => label)).toEqual(LEADS);
    expect(group!.channels[6]!.values[0]).toBeCloseTo(0.0175, 6);
    expect(group!.channels[6]!.values[100]).toBeCloseTo(1, 6);
  });
  it("one millivolt is ten millimetres, one second twenty-five", async () => {
    const [group] = await readWaveforms(recording(5000), bytes(5000));
    const sheet = sheetOf(group!, paper);
    expect(sheet.strips.map(({ channel: { label } }) => label).slice(0, 4)).toEqual(["I", "aVR", "V1", "V4"]);
    expect(heightOf(sheet.strips[0]!, paper, 100)).toBeCloseTo(-10, 4);
    const [first, second] = sheet.strips as [(typeof sheet.strips)[0], (typeof sheet.strips)[0]];
    expect(second.x - first.x).toBeCloseTo(2.5 * 25, 6);
    expect(second.from).toBe(1250);
    expect(sheetOf(group!, { ...paper, speed: 50 }).strips[1]!.x - first.x).toBeCloseTo(2.5 * 50, 6);
    expect(heightOf(first, { ...paper, gain: 5 }, 100)).toBeCloseTo(-5, 4);
    const rhythm = sheet.strips.at(-1)!;
    expect([rhythm.channel.label, rhythm.to]).toEqual(["II", 5000]);
    expect(sheetOf(group!, { ...paper, format: "rows" }).strips).toHaveLength(12);
  });
  it("calipers read in milliseconds, millivolts and beats", () => {
    expect(measured(paper, 25, -15)).toEqual({ milliseconds: 1000, millivolts: 1.5, perMinute: 60 });
    expect(measured({ ...paper, speed: 50 }, -20, 0)).toEqual({ milliseconds: 400, millivolts: 0, perMinute: 150 });
    expect(measured(paper, 1, 0).perMinute).toBeNull();
  });
  it("a recording that is shorter than it says, or absurd, is bounded", async () => {
    const [short] = await readWaveforms(recording(5000), bytes(200));
    expect(short!.channels[0]!.values.length).toBe(200);
    expect(await readWaveforms(recording(4_000_000_000), bytes(1))).toEqual([]);
    expect(await readWaveforms(recording(10, new Array<string>(500).fill("x")), bytes(10, 500))).toEqual([]);
    expect(await readWaveforms({}, bytes(1))).toEqual([]);
  });
});

describe("video", () => {
  /** A part 10 file with encapsulated pixel data: an empty offset table and one fragment. */
  const file = (fragment: number, more: number[] = []): Uint8Array => {
    const text = (value: string) => Array.from(value, (character) => character.charCodeAt(0));
    const uid = "1.2.840.10008.1.2.4.102\0";
    const meta = [2, 0, 0x10, 0, ...text("UI"), uid.length, 0, ...text(uid)];
    return Uint8Array.from([
      ...new Array<number>(128).fill(0), ...text("DICM"), 2, 0, 0, 0, ...text("UL"), 4, 0, meta.length, 0, 0, 0, ...meta,
      0x28, 0, 0x10, 0, ...text("US"), 2, 0, 0xe0, 1, 0xe0, 0x7f, 0x10, 0, ...text("OB"), 0, 0, 255, 255, 255, 255,
      0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0, ...[0, 8, 16, 24].map((shift) => (fragment >> shift) & 255), ...more,
    ]);
  };
  it("is found although only the head of the file was read", () => {
    const head = file(5_000_000, new Array<number>(400).fill(7));
    expect(videoPlace(head)).toEqual({ offset: head.length - 400, length: 5_000_000 });
  });
  it("what is none is none", () => {
    expect(videoPlace(new Uint8Array(200))).toBeNull();
    expect(videoPlace(file(0))).toBeNull();
    expect(videoPlace(file(9).subarray(0, 170))).toBeNull();
  });
  it("only what browsers may know is tried", () => {
    expect(videoType("1.2.840.10008.1.2.4.102")).toContain("avc1");
    expect(videoType("1.2.840.10008.1.2.4.100")).toBeNull();
  });
});

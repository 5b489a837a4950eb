import { strToU8, zipSync } from "fflate";
import { afterEach, describe, expect, test, vi } from "vitest";
import { filesOfZip, TooMuch } from "../src/screens/upload/collect";
import { FileSet, groupFiles, headerDate, headerName, mixedStudies, type UploadFile } from "../src/screens/upload/group";
import { decodeText, type Header, readHeader } from "../src/screens/upload/header";
import { Meter } from "../src/screens/upload/meter";
import { batchesOf, maxBatchBytes, maxBatchFiles, multipart, resultsOf } from "../src/screens/upload/stow";

/** One element in Explicit VR Little Endian with a short length. */
function element(group: number, number: number, vr: string, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? strToU8(value) : value;
  const even = bytes.length % 2 === 0 ? bytes : Uint8Array.from([...bytes, vr === "UI" ? 0 : 0x20]);
  const head = [group & 255, group >> 8, number & 255, number >> 8, vr.charCodeAt(0), vr.charCodeAt(1), even.length & 255, even.length >> 8];
  return Uint8Array.from([...head, ...even]);
}
function dicom(elements: Uint8Array[], tail = new Uint8Array(0), sopClass = "1.2.840.10008.5.1.4.1.1.2"): Blob {
  const meta = [element(2, 0x0002, "UI", sopClass), element(2, 0x0010, "UI", "1.2.840.10008.1.2.1")];
  const length = meta.reduce((sum, m) => sum + m.length, 0);
  const group = element(2, 0, "UL", Uint8Array.from([length & 255, (length >> 8) & 255, 0, 0]));
  return new Blob([new Uint8Array(128), "DICM", group, ...meta, ...elements, tail] as BlobPart[]);
}
const gb = Uint8Array.from([0xcd, 0xf5, 0x5e, 0xd0, 0xa1, 0xc3, 0xf7]); // 王^小明 in GB 18030
function elementsOf(name: Uint8Array | string = gb, charset = "GB18030"): Uint8Array[] {
  return [
    element(8, 0x0005, "CS", charset), element(8, 0x0018, "UI", "1.2.3.1"), element(8, 0x0020, "DA", "20261124"),
    element(8, 0x0060, "CS", "CT"), element(0x10, 0x0010, "PN", name), element(0x10, 0x0020, "LO", "DS1"),
    element(0x20, 0x000d, "UI", "1.2.3"), element(0x20, 0x000e, "UI", "1.2.3.0"), element(0x20, 0x0011, "IS", "2"),
  ];
}
const pixels = Uint8Array.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57, 0, 0, 0x00, 0x00, 0x10, 0x00, 1, 2, 3]); // OW, 1 MiB announced

describe("headers", () => {
  test("of a whole file and of the first bytes of one are the same", async () => {
    for (const tail of [new Uint8Array(0), pixels]) {
      const result = await readHeader(dicom(elementsOf(), tail));
      expect(result.ok && result.header).toMatchObject({ patientName: "王^小明", patientId: "DS1", studyUid: "1.2.3", seriesUid: "1.2.3.0", sopUid: "1.2.3.1", modality: "CT", seriesNumber: "2" });
    }
  });
  test("longer than the first read are read again", async () => {
    const long = element(8, 0x2111, "ST", "x".repeat(60_000));
    const all = elementsOf();
    const result = await readHeader(dicom([...all.slice(0, 4), long, long, long, ...all.slice(4)], pixels));
    expect(result.ok).toBe(true);
  });
  test("what is no DICOM file, a directory, or cut off says so", async () => {
    expect(await readHeader(new Blob(["a letter"]))).toEqual({ ok: false, why: "not-dicom" });
    expect(await readHeader(dicom([], undefined, "1.2.840.10008.1.3.10"))).toEqual({ ok: false, why: "directory" });
    expect(await readHeader(dicom(elementsOf().slice(0, 5)))).toEqual({ ok: false, why: "incomplete" });
  });
  test("names in the character sets of the region", () => {
    expect(decodeText(gb, "GB18030")).toBe("王^小明");
    expect(decodeText(strToU8("王^小明"), "ISO_IR 192")).toBe("王^小明");
    const escaped = Uint8Array.from([...strToU8("Wang=\x1b$)A"), 0xcd, 0xf5, ...strToU8("^\x1b$)A"), 0xd0, 0xa1]);
    expect(decodeText(escaped, "\\ISO 2022 IR 58")).toBe("Wang=王^小");
    expect(decodeText(strToU8("AHMAD BIN ALI"), "")).toBe("AHMAD BIN ALI");
  });
  test("names and dates as people read them", () => {
    expect(headerName("Wang^XiaoMing=王^小明")).toBe("王小明");
    expect(headerName("SITI^NURHALIZA")).toBe("SITI NURHALIZA");
    expect(headerDate("20260131")).toBe("2026-01-31");
    expect(headerDate("2026")).toBe("2026");
  });
});

function file(n: number, changes: Partial<Header> = {}, size = 10): UploadFile {
  const header: Header = { patientId: "1", patientName: "A", birthDate: "", sex: "M", studyUid: "1.1", studyDate: "", studyDescription: "", seriesUid: "1.1.1", seriesNumber: "1", seriesDescription: "", modality: "CT", sopUid: `1.1.1.${n}`, ...changes };
  return { path: `f${n}`, blob: new Blob([new Uint8Array(size)]), header, state: "ready" };
}

describe("grouping", () => {
  test("patients, studies and series, series by number", () => {
    const patients = groupFiles([file(1, { seriesUid: "s10", seriesNumber: "10" }), file(2, { seriesUid: "s2", seriesNumber: "2" }), file(3, { patientId: "2", studyUid: "9" })]);
    expect(patients.map((p) => p.id)).toEqual(["1", "2"]);
    expect(patients[0]!.studies[0]!.series.map((s) => s.uid)).toEqual(["s2", "s10"]);
    expect(mixedStudies(patients)).toEqual([]);
  });
  test("one study under two names is found", () => {
    expect(mixedStudies(groupFiles([file(1), file(2, { patientName: "B" })]))).toEqual(["1.1"]);
  });
  test("the same image twice is sent once", () => {
    const set = new FileSet();
    const one = file(1);
    set.add({ path: "a", blob: one.blob, result: { ok: true, header: one.header } });
    set.add({ path: "b", blob: one.blob, result: { ok: true, header: one.header } });
    set.add({ path: "c", blob: one.blob, result: { ok: false, why: "not-dicom" } });
    expect(set.files).toHaveLength(1);
    expect(set.skipped).toEqual([{ path: "b", why: "duplicate" }, { path: "c", why: "not-dicom" }]);
  });
});

describe("batches", () => {
  test("hold one study, a bounded number of files and of bytes", () => {
    const files = [...Array.from({ length: maxBatchFiles + 1 }, (_, i) => file(i)), file(900, { studyUid: "2" })];
    expect(batchesOf(files).map((b) => b.length)).toEqual([maxBatchFiles, 1, 1]);
    const big = [file(1, {}, maxBatchBytes), file(2, {}, maxBatchBytes + 1), file(3)];
    expect(batchesOf(big).map((b) => b.length)).toEqual([1, 1, 1]);
    expect(batchesOf([])).toEqual([]);
  });
  test("are well-formed multipart bodies", async () => {
    const text = await multipart([file(1, {}, 1), file(2, {}, 1)], "B").text();
    expect(text).toBe("--B\r\nContent-Type: application/dicom\r\n\r\n\0\r\n--B\r\nContent-Type: application/dicom\r\n\r\n\0\r\n--B--\r\n");
  });
  test("answers tell each instance's fate", () => {
    const uid = (value: string) => ({ vr: "UI", Value: [value] });
    const results = resultsOf({ "00081199": { vr: "SQ", Value: [{ "00081155": uid("1") }] }, "00081198": { vr: "SQ", Value: [{ "00081155": uid("2"), "00081197": { vr: "US", Value: [0xa900] } }] } });
    expect([...results]).toEqual([["1", "stored"], ["2", "A900"]]);
    expect(resultsOf(undefined).size).toBe(0);
    expect(resultsOf({ title: "no" }).size).toBe(0);
  });
});

describe("archives", () => {
  test("open to their files, without the extras of other systems", async () => {
    const zip = zipSync({ "CT/1.dcm": strToU8("one"), "CT/2.dcm": strToU8("two"), "__MACOSX/._1": strToU8("x"), "CT/.DS_Store": strToU8("x") });
    const found = await filesOfZip({ path: "a.zip", blob: new Blob([zip as BlobPart]) });
    expect(found.map((f) => f.path)).toEqual(["a.zip/CT/1.dcm", "a.zip/CT/2.dcm"]);
    expect(await found[1]!.blob.text()).toBe("two");
  });
  test("that are broken fail", async () => {
    const zip = zipSync({ "1.dcm": new Uint8Array(5000).map((_, i) => (i * 7919) % 251) });
    zip.fill(0xff, 40, 900);
    await expect(filesOfZip({ path: "a.zip", blob: new Blob([zip as BlobPart]) })).rejects.toThrow();
    expect(new TooMuch()).toBeInstanceOf(Error);
  });
});

test("the speed is that of the last seconds", () => {
  const meter = new Meter(10_000);
  expect(meter.perSecond()).toBe(0);
  for (let s = 0; s <= 20; s++) meter.add(s * 1000, s <= 10 ? s * 1_000_000 : 10_000_000 + (s - 10) * 500_000);
  expect(meter.perSecond()).toBeCloseTo(500_000, -5);
});

describe("sending", () => {
  afterEach(() => vi.unstubAllGlobals());

  class Request {
    static all: Request[] = [];
    upload: { onprogress?: (event: { loaded: number }) => void } = {};
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    status = 200;
    responseText = "";
    sent?: Blob;
    open = vi.fn();
    setRequestHeader = vi.fn();
    getResponseHeader = () => null as string | null;
    send(body: Blob) {
      this.sent = body;
      Request.all.push(this);
    }
    abort() {
      this.onabort?.();
    }
    answer(status: number, body: unknown) {
      this.status = status;
      this.responseText = JSON.stringify(body);
      this.onload?.();
    }
  }
  const stored = (...uids: string[]) => ({ "00081199": { vr: "SQ", Value: uids.map((uid) => ({ "00081155": { vr: "UI", Value: [uid] } })) } });
  const until = async (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true));

  async function uploaderWith(known: string[], files: UploadFile[]) {
    Request.all = [];
    vi.stubGlobal("XMLHttpRequest", Request);
    vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify({ known }), { headers: { "Content-Type": "application/json" } })));
    let worker: { onmessage?: (event: { data: unknown }) => void } = {};
    vi.stubGlobal("Worker", class { terminate() {} postMessage() {} constructor() { worker = this as typeof worker; } });
    const { Uploader } = await import("../src/screens/upload/uploader");
    const uploader = new Uploader();
    uploader.add(files.map(({ path, blob }) => ({ path, blob })));
    worker.onmessage!({ data: { type: "read", total: files.length, files: files.map((f) => ({ path: f.path, blob: f.blob, result: { ok: true, header: f.header } })) } });
    worker.onmessage!({ data: { type: "done" } });
    return uploader;
  }

  test("what the hub has already is not sent; the rest is, and each file's fate is shown", async () => {
    const uploader = await uploaderWith(["1.1.1.1"], [file(1), file(2), file(3)]);
    await uploader.start();
    expect(Request.all).toHaveLength(1);
    Request.all[0]!.answer(202, { ...stored("1.1.1.2"), "00081198": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.1.1.3"] }, "00081197": { vr: "US", Value: [0xc000] } }] } });
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files.map((f) => [f.state, f.why])).toEqual([["known", undefined], ["stored", undefined], ["failed", "C000"]]);
  });

  test("a lost connection pauses and goes on by itself with the same files", async () => {
    const uploader = await uploaderWith([], [file(1)]);
    await uploader.start();
    Request.all[0]!.onerror!();
    await until(() => uploader.get().phase === "paused");
    expect(uploader.get().trouble?.code).toBe("offline");
    window.dispatchEvent(new Event("online"));
    await until(() => Request.all.length === 2);
    Request.all[1]!.answer(200, stored("1.1.1.1"));
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files[0]!.state).toBe("stored");
  });

  test("a pause of the person stays until the person goes on", async () => {
    const uploader = await uploaderWith([], [file(1)]);
    await uploader.start();
    uploader.pause();
    await until(() => uploader.get().files[0]!.state === "ready");
    window.dispatchEvent(new Event("online"));
    expect(uploader.get().phase).toBe("paused");
    uploader.resume();
    await until(() => Request.all.length === 2);
  });

  test("a refusal that no repeat can mend fails the files", async () => {
    const uploader = await uploaderWith([], [file(1)]);
    await uploader.start();
    Request.all[0]!.answer(403, { title: "no", status: 403, type: "about:blank" });
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files[0]).toMatchObject({ state: "failed", why: "denied" });
  });
});

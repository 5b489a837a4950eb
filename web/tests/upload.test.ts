import { crc32 } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Encrypted, openArchive } from "../src/screens/upload/archive";
import { csvOf, resultRows } from "../src/screens/upload/csv";
import { FileSet, groupFiles, headerDate, headerName, mixedStudies, type UploadFile } from "../src/screens/upload/group";
import { decodeText, type Header, readHeader } from "../src/screens/upload/header";
import { Meter } from "../src/screens/upload/meter";
import { Pace } from "../src/screens/upload/pace";
import { fileSource, sameContent } from "../src/screens/upload/source";
import { answerPatience, maxBatchFiles, multipart, resultsOf, takeBatch } from "../src/screens/upload/stow";

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
const headerOf = (blob: Blob) => readHeader(fileSource({ path: "f", blob }));
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
      const result = await headerOf(dicom(elementsOf(), tail));
      expect(result.ok && result.header).toMatchObject({ patientName: "王^小明", patientId: "DS1", studyUid: "1.2.3", seriesUid: "1.2.3.0", sopUid: "1.2.3.1", modality: "CT", seriesNumber: "2" });
    }
  });
  test("longer than the first read are read again", async () => {
    const long = element(8, 0x2111, "ST", "x".repeat(60_000));
    const all = elementsOf();
    const result = await headerOf(dicom([...all.slice(0, 4), long, long, long, ...all.slice(4)], pixels));
    expect(result.ok).toBe(true);
  });
  test("what is no DICOM file, a directory, or cut off says so", async () => {
    expect(await headerOf(new Blob(["a letter"]))).toEqual({ ok: false, why: "not-dicom" });
    expect(await headerOf(new Blob([]))).toEqual({ ok: false, why: "empty" });
    for (const start of ["\x89PNG", "%PDF-1.4"]) expect(await headerOf(new Blob([Uint8Array.from(start, (c) => c.charCodeAt(0))]))).toEqual({ ok: false, why: "document" });
    expect(await headerOf(new Blob(["\0\0\0\x18ftypheic"]))).toEqual({ ok: false, why: "heic" });
    expect(await headerOf(dicom([], undefined, "1.2.840.10008.1.3.10"))).toEqual({ ok: false, why: "directory" });
    expect(await headerOf(dicom(elementsOf().slice(0, 5)))).toEqual({ ok: false, why: "incomplete" });
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
  return { id: n, path: `f${n}`, size, header, sentUid: header.sopUid, state: "ready", sent: 0 };
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
  test("files that cannot be sent are told with the reason", () => {
    const set = new FileSet();
    set.add({ id: 0, path: "a", size: 1, result: { ok: true, header: file(1).header } });
    set.add({ id: -1, path: "b", size: 1, result: { ok: false, why: "duplicate" } });
    expect(set.files).toHaveLength(1);
    expect(set.skipped).toEqual([{ path: "b", why: "duplicate" }]);
  });
  test("equal files are told from those that only look so", async () => {
    const of = (text: string) => fileSource({ path: "", blob: new Blob([text]) });
    expect(await sameContent(of("abc"), of("abc"))).toBe(true);
    expect(await sameContent(of("abc"), of("abd"))).toBe(false);
    expect(await sameContent(of("abc"), of("ab"))).toBe(false);
  });
  test("the table of results is one for spreadsheets, and runs no formula", () => {
    const failed: UploadFile = { ...file(1), path: '=cmd|"a",b', state: "failed", why: "A700" };
    const text = csvOf(resultRows([failed, { ...file(2), state: "stored" }], [{ path: "x", why: "not-dicom" }], (code) => `why ${code}`));
    expect(text).toBe('\uFEFFfile,sop_instance_uid,state,reason\r\n"\'=cmd|""a"",b",1.1.1.1,failed,why A700\r\nf2,1.1.1.2,stored,\r\nx,,skipped,why not-dicom\r\n');
  });
});

describe("batches", () => {
  const batches = (files: UploadFile[], bytes: number) => {
    const all: number[] = [];
    while (files.length > 0) all.push(takeBatch(files, bytes).length);
    return all;
  };
  test("hold one study, a bounded number of files and of bytes, and always one file", () => {
    expect(batches([...Array.from({ length: maxBatchFiles + 1 }, (_, i) => file(i)), file(900, { studyUid: "2" })], 1e6)).toEqual([maxBatchFiles, 1, 1]);
    expect(batches([file(1, {}, 1000), file(2, {}, 1001), file(3), file(4)], 1000)).toEqual([1, 1, 2]);
  });
  test("are small on a thin line, large on a fast one, and shrink when it breaks", () => {
    const thin = new Pace();
    for (let i = 0; i < 10; i++) thin.arrived(64_000, 2500); // 256 kbit/s with losses
    expect(thin.batchBytes).toBeLessThan(200_000);
    expect(thin.parallel).toBe(1);
    const fast = new Pace();
    for (let i = 0; i < 20; i++) fast.arrived(fast.batchBytes, fast.batchBytes / 10_000);
    expect(fast.batchBytes).toBe(16 * 1024 * 1024);
    expect(fast.parallel).toBe(4);
    fast.broke();
    expect(fast.batchBytes).toBe(4 * 1024 * 1024);
    expect(fast.parallel).toBe(3);
  });
  test("have time for the answer by what the line can do", () => {
    expect(answerPatience(100_000, 1_000_000)).toBeLessThan(61_000);
    expect(answerPatience(500e6, 16_000)).toBeGreaterThan(4 * 60_000); // what the system holds of it must go out first
  });
  test("are well-formed multipart bodies", async () => {
    const text = await multipart([new Blob(["a"]), new Blob(["b"])], "B").text();
    expect(text).toBe("--B\r\nContent-Type: application/dicom\r\n\r\na\r\n--B\r\nContent-Type: application/dicom\r\n\r\nb\r\n--B--\r\n");
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
  const blobOf = (bytes: Uint8Array) => new Blob([bytes as BlobPart]);
  const noise = new Uint8Array(200_000).map((_, i) => (i * 7919) % 251);

  test("open to their files, without the extras of other systems, each unpacked on its own", async () => {
    const zip = zipSync({ "CT/1.dcm": strToU8("one"), "CT/2.dcm": noise, "__MACOSX/._1": strToU8("x"), "CT/.DS_Store": strToU8("x") });
    const found = await openArchive("a.zip", blobOf(zip));
    expect(found.map((f) => [f.path, f.size])).toEqual([["a.zip/CT/1.dcm", 3], ["a.zip/CT/2.dcm", noise.length]]);
    expect(await found[1]!.head(5)).toEqual(noise.slice(0, 5));
    expect(new Uint8Array(await (await found[1]!.whole()).arrayBuffer())).toEqual(noise);
    expect(await (await found[0]!.whole()).text()).toBe("one");
  });
  test("in ZIP64 and with names in GBK open as well", async () => {
    // an entry's sizes and place, and the directory's, stand in the ZIP64 fields only
    const zip = zip64("\xcd\xf5.dcm", strToU8("in ZIP64"));
    const found = await openArchive("a.zip", blobOf(zip));
    expect(found.map((f) => f.path)).toEqual(["a.zip/王.dcm"]);
    expect(await (await found[0]!.whole()).text()).toBe("in ZIP64");
  });
  test("that are broken, locked or lie about sizes fail, at the latest when they are unpacked", async () => {
    const zip = zipSync({ "1.dcm": noise });
    const broken = zip.slice();
    broken.fill(0xff, 100, 900);
    const damaged = (await openArchive("a.zip", blobOf(broken)))[0]!;
    await expect(damaged.whole()).rejects.toThrow();
    await expect(openArchive("a.zip", blobOf(zip.slice(0, 900)))).rejects.toThrow();
    const locked = zip.slice();
    const directory = locked.length - 22 - 46 - 5;
    locked[6] = locked[directory + 8] = 1;
    await expect(openArchive("a.zip", blobOf(locked))).rejects.toThrow(Encrypted);
    const small = zip.slice();
    new DataView(small.buffer).setUint32(directory + 24, 10, true);
    await expect((await openArchive("a.zip", blobOf(small)))[0]!.whole()).rejects.toThrow();
  });
});

/** A stored entry whose sizes are in the ZIP64 extra field, with the ZIP64 end of the directory (APPNOTE 4.3.14, 4.5.3). */
function zip64(name: string, content: Uint8Array): Uint8Array {
  const names = Uint8Array.from(name, (c) => c.charCodeAt(0));
  const crc = crc32(content);
  const extra = le([2, 1], [2, 16], [8, content.length], [8, content.length]);
  const local = le([4, 0x04034b50], [2, 45], [2, 0], [2, 0], [4, 0], [4, crc], [4, 0xffffffff], [4, 0xffffffff], [2, names.length], [2, extra.length]);
  const directoryExtra = le([2, 1], [2, 24], [8, content.length], [8, content.length], [8, 0]);
  const directory = le([4, 0x02014b50], [2, 45], [2, 45], [2, 0], [2, 0], [4, 0], [4, crc], [4, 0xffffffff], [4, 0xffffffff], [2, names.length], [2, directoryExtra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, 0xffffffff]);
  const at = local.length + names.length + extra.length + content.length;
  const size = directory.length + names.length + directoryExtra.length;
  const end64 = le([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, 1], [8, 1], [8, size], [8, at]);
  const locator = le([4, 0x07064b50], [4, 0], [8, at + size], [4, 1]);
  const end = le([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, 0xffffffff], [4, 0xffffffff], [2, 0]);
  return Uint8Array.from([local, names, extra, content, directory, names, directoryExtra, end64, locator, end].flatMap((part) => [...part]));
}
function le(...fields: [bytes: number, value: number][]): Uint8Array {
  return Uint8Array.from(fields.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n))));
}

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
    upload: { onprogress?: (event: { loaded: number }) => void; onload?: () => void } = {};
    onloadend?: () => void;
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
    const asked = { known };
    vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify({ known: asked.known }), { headers: { "Content-Type": "application/json" } })));
    vi.stubGlobal("Worker", class {
      onmessage?: (event: { data: unknown }) => void;
      terminate() {}
      postMessage(word: { type: string; request: number; ids: number[] }) {
        if (word.type === "content") return queueMicrotask(() => this.onmessage!({ data: { type: "content", request: word.request, blobs: word.ids.map((id) => new Blob([new Uint8Array(files.find((f) => f.id === id)!.size)])) } }));
        this.onmessage!({ data: { type: "read", total: files.length, files: files.map((f) => ({ id: f.id, path: f.path, size: f.size, result: { ok: true, header: f.header } })) } });
        this.onmessage!({ data: { type: "done" } });
      }
    });
    const { Uploader } = await import("../src/screens/upload/uploader");
    const uploader = new Uploader();
    await uploader.add({ found: files.map(({ path }) => ({ path, blob: new Blob() })), handles: [] });
    return Object.assign(uploader, { asked });
  }
  const sent = async (count: number) => until(() => Request.all.length === count);

  test("what the hub has already is not sent; the rest is, and each file's fate is shown", async () => {
    const uploader = await uploaderWith(["1.1.1.1"], [file(1), file(2), file(3)]);
    await uploader.start();
    await sent(1);
    Request.all[0]!.answer(202, { ...stored("1.1.1.2"), "00081198": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.1.1.3"] }, "00081197": { vr: "US", Value: [0xc000] } }] } });
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files.map((f) => [f.state, f.why])).toEqual([["known", undefined], ["stored", undefined], ["failed", "C000"]]);
  });

  test("a lost connection pauses and goes on by itself with the same files", async () => {
    const uploader = await uploaderWith([], [file(1)]);
    await uploader.start();
    await sent(1);
    Request.all[0]!.onerror!();
    await until(() => uploader.get().phase === "waiting");
    expect(uploader.get().trouble?.code).toBe("offline");
    window.dispatchEvent(new Event("online"));
    await sent(2);
    Request.all[1]!.answer(200, stored("1.1.1.1"));
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files[0]!.state).toBe("stored");
  });

  test("a pause of the person stays until the person goes on", async () => {
    const uploader = await uploaderWith([], [file(1)]);
    await uploader.start();
    await sent(1);
    uploader.pause();
    await until(() => uploader.get().files[0]!.state === "ready");
    window.dispatchEvent(new Event("online"));
    expect(uploader.get().phase).toBe("paused");
    await uploader.resume();
    await sent(2);
  });

  test("an answer that was lost is asked for: what has arrived counts as stored and is not sent again", async () => {
    const uploader = await uploaderWith([], [file(1), file(2)]);
    await uploader.start();
    await sent(1);
    uploader.asked.known = ["1.1.1.1"];
    Request.all[0]!.onerror!();
    await until(() => uploader.get().phase === "waiting");
    window.dispatchEvent(new Event("online"));
    await sent(2);
    expect(uploader.get().files.map((f) => f.state)).toEqual(["stored", "sending"]);
  });

  test("what is known by its number is sent for comparison when the person wants it", async () => {
    const uploader = await uploaderWith(["1.1.1.1", "1.1.1.2"], [file(1), file(2)]);
    await uploader.start();
    await until(() => uploader.get().phase === "done");
    expect(Request.all).toHaveLength(0);
    await uploader.start(true);
    await sent(1);
    Request.all[0]!.answer(202, { ...stored("1.1.1.1"), "00081198": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.1.1.2"] }, "00081197": { vr: "US", Value: [0x0111] } }] } });
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files.map((f) => [f.state, f.why])).toEqual([["same", undefined], ["failed", "0111"]]);
  });

  test("files that a folder gives in any order go out study by study", async () => {
    const uploader = await uploaderWith([], [file(1), file(2, { studyUid: "2" }), file(3), file(4, { studyUid: "2" })]);
    await uploader.start();
    await sent(2);
    Request.all[0]!.answer(200, stored("1.1.1.1", "1.1.1.3"));
    Request.all[1]!.answer(200, stored("1.1.1.2", "1.1.1.4"));
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files.map((f) => f.state)).toEqual(["stored", "stored", "stored", "stored"]);
  });

  test("series that are not wanted are not sent", async () => {
    const uploader = await uploaderWith([], [file(1), file(2, { seriesUid: "other" })]);
    uploader.choose([uploader.get().patients[0]!.studies[0]!.series.find((s) => s.uid === "other")!.key], false);
    expect(uploader.get().chosen).toBe(1);
    await uploader.start();
    await sent(1);
    Request.all[0]!.answer(200, stored("1.1.1.1"));
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files.map((f) => f.state)).toEqual(["stored", "ready"]);
  });

  test("a request in which nothing moves is given up and repeated; one that moves is not", async () => {
    const uploader = await uploaderWith([], [file(1, {}, 1000)]);
    await uploader.start();
    await sent(1);
    vi.useFakeTimers();
    try {
      Request.all[0]!.upload.onprogress!({ loaded: 10 });
      vi.advanceTimersByTime(29_000);
      Request.all[0]!.upload.onprogress!({ loaded: 20 });
      vi.advanceTimersByTime(29_000);
      expect(uploader.get().phase).toBe("sending");
      await vi.advanceTimersByTimeAsync(1100);
      expect(uploader.get().phase).toBe("waiting");
    } finally {
      vi.useRealTimers();
    }
  });

  test("a refusal that no repeat can mend fails the files", async () => {
    const uploader = await uploaderWith([], [file(1)]);
    await uploader.start();
    await sent(1);
    Request.all[0]!.answer(403, { title: "no", status: 403, type: "about:blank" });
    await until(() => uploader.get().phase === "done");
    expect(uploader.get().files[0]).toMatchObject({ state: "failed", why: "denied" });
  });
});

// @vitest-environment node
// DICOM files that the upload page makes or changes, looked at by other people's programs: dcmdump (DCMTK), dciodvfy (dicom3tools).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Patient, Study } from "../src/api/queries";
import { newStudy, pdfObject, pictureObject } from "../src/screens/upload/document/document";
import { readJpeg } from "../src/screens/upload/document/jpeg";
import { newRules, Pseudonyms, shiftDate } from "../src/screens/upload/pseudonym/pseudonyms";
import { pseudonymise } from "../src/screens/upload/pseudonym/rewrite";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "upload-objects-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
async function written(blob: Blob): Promise<string> {
  const path = join(folder, `made-${files++}.dcm`);
  writeFileSync(path, new Uint8Array(await blob.arrayBuffer()));
  return path;
}
const run = (program: string, ...words: string[]) => execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const dump = (path: string) => run("dcmdump", "+L", "+R", "1000", "-q", path);
const errorsOf = (path: string) => {
  const { stdout, stderr } = spawnSync("dciodvfy", [path], { encoding: "utf8" });
  return `${stdout}${stderr}`.split("\n").filter((line) => line.startsWith("Error")).sort();
};
const python = (script: string, ...words: string[]) => run("/usr/bin/python3", "-c", script, ...words);
const read = (path: string) => new Blob([new Uint8Array(readFileSync(path))]);

describe("photos and documents", () => {
  const patient: Patient = {
    id: "x", organisation: { id: "o", code: "C", name: "C" }, local_id: "D42", name: { alphabetic: "Wang^Xiao", ideographic: "王^小", phonetic: "" },
    birth_date: "1980-02-03", sex: "F", phone: "", allergies: "", charset_doubt: false, version: 1,
  } as Patient;

  test("a photo from the camera stays bit for bit, without the camera's notes; its object is valid", async () => {
    const path = join(folder, "photo.jpg");
    python(`import sys
from PIL import Image
image = Image.effect_noise((64, 48), 50).convert("RGB")
exif = Image.Exif(); exif[0x010f] = "SecretCamera"; exif[0x0112] = 6
image.save(sys.argv[1], exif=exif, quality=80, comment=b"SecretNote")`, path);
    const jpeg = readJpeg(new Uint8Array(readFileSync(path)))!;
    expect(jpeg).toMatchObject({ baseline: true, width: 64, height: 48, components: 3, orientation: 6, rgb: false });
    const data = new Blob(jpeg.clean);
    const file = await written(pictureObject({ width: 64, height: 48, components: 3, kind: "jpeg", rgb: false, data, ratio: 10.2 }, newStudy(patient, null, "伤口 wound"), 1));
    expect(errorsOf(file)).toEqual([]);
    expect(readFileSync(file).includes(Buffer.from(await data.arrayBuffer()))).toBe(true);
    expect(readFileSync(file, "latin1")).not.toMatch(/Secret/);
    expect(dump(file)).toMatch(/PN \[Wang\^Xiao=王\^小\]/);
    const decoded = join(folder, "decoded.dcm");
    run("dcmdjpeg", file, decoded); // what lies in it is still a picture
    expect(readFileSync(decoded).length).toBeGreaterThan(64 * 48 * 3);
  });
  test("drawings without loss, in the study of an examination", async () => {
    const study = { study_uid: "1.2.3.4", study_date: "2026-01-31", study_time: "10:20:30", accession: "A1", description: "CHEST" } as Study;
    const file = await written(pictureObject({ width: 3, height: 3, components: 3, kind: "rgb", rgb: true, data: new Blob([new Uint8Array(27)]), ratio: 1 }, newStudy(patient, study, ""), 2));
    expect(errorsOf(file)).toEqual([]);
    expect(dump(file)).toMatch(/\(0020,000d\) UI \[1\.2\.3\.4\]/);
  });
  test("PDF files", async () => {
    const pdf = new Blob(["%PDF-1.4\nodd"]);
    const file = await written(pdfObject(pdf, newStudy(patient, null, "Letter"), 1));
    expect(errorsOf(file)).toEqual([]);
    expect(dump(file)).toMatch(/\(0042,0015\) UL 12 /);
  });
  test("what is no JPEG file, or is cut, is not taken for one", () => {
    for (const bytes of [[], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff], [0xff, 0xd8, 0x00, 0x10, 0, 0], [0xff, 0xd8, 0xff, 0xc0, 0, 2, 0, 0]]) {
      expect(readJpeg(Uint8Array.from(bytes))).toBeNull();
    }
  });
});

describe("pseudonyms", () => {
  const secret = /Tan|Mei|Ling|陳|CT00100|Secret|19700101/;

  function made(kind: string, ...options: string[]): string[] {
    const out = mkdtempSync(join(folder, `${kind}-`));
    run("/usr/bin/python3", join(import.meta.dirname, "../../tests/data/make_dicom.py"), kind, "--out", out, "--patient", "CT00100", "Tan^Mei Ling=陳^美玲", ...options);
    return readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".dcm")).map((name) => join(out, name));
  }

  /** The same with more that tells who it is. */
  function originals(kind: string, ...options: string[]): string[] {
    const all = made(kind, ...options);
    python(`import sys, pydicom
from pydicom.dataset import Dataset
for path in sys.argv[1:]:
    ds = pydicom.dcmread(path)
    inner = Dataset(); inner.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"; inner.ReferencedSOPInstanceUID = "1.2.3.99"
    inner.PersonName = "Secret^Inner"; inner.add_new(0x00090010, "LO", "SecretPrivate")
    ds.SourceImageSequence = [inner]; ds.ReferencedStudySequence = []
    ds.PatientBirthDate = "19700101"; ds.PatientComments = "Secret comment"; ds.ReferringPhysicianName = "Secret^Doctor"
    ds.InstitutionName = "Secret hospital"; ds.StudyDescription = "Secret study"; ds.OtherPatientIDs = "Secret1"
    ds.OperatorsName = ["Secret^A", "Secret^B"]; ds.add_new(0x00110010, "LO", "Secret creator"); ds.add_new(0x00111001, "LO", "Secret value")
    ds.RequestAttributesSequence = [Dataset()]; ds.RequestAttributesSequence[0].ScheduledProcedureStepDescription = "Secret step"
    ds.ImageComments = "Secret image"
    ds.save_as(path)`, ...all);
    return all;
  }
  const uidsOf = (text: string, tag: string) => new RegExp(`\\(${tag}\\) UI \\[([0-9.]+)\\]`).exec(text)![1]!;
  test("nothing that names the patient stays, the pixels stay, and the object is as valid as it was", async () => {
    const [first, second] = originals("ct", "--slices", "2", "--series", "1", "--size", "32");
    const explicit = join(folder, "explicit.dcm");
    const implicit = join(folder, "implicit.dcm");
    const big = join(folder, "big.dcm");
    const deflated = join(folder, "deflated.dcm");
    run("dcmconv", "+te", first!, explicit);
    run("dcmconv", "+ti", first!, implicit);
    run("dcmconv", "+tb", first!, big);
    run("dcmconv", "+td", first!, deflated);
    const pseudonyms = await Pseudonyms.make(newRules("shift"));
    const known = new Set(errorsOf(first!));
    const numbers = new Set<string>();
    const uids = new Set<string>();
    for (const path of [explicit, implicit, big, deflated]) {
      const file = await written(await pseudonymise(read(path), pseudonyms));
      const text = dump(file);
      expect(text).not.toMatch(secret);
      expect(readFileSync(file, "utf8")).not.toMatch(secret);
      expect(text).not.toMatch(/\(0011,/);
      expect(text).toMatch(/\(0012,0062\) CS \[YES\]/);
      expect(text).toMatch(/\(0028,0303\) CS \[MODIFIED\]/);
      expect(text).toMatch(/\(0008,1155\) UI \[2\.25\.\d+\]/);
      expect(text).toMatch(/\(0008,1150\) UI (=CTImageStorage|\[1\.2\.840\.10008\.5\.1\.4\.1\.1\.2\])/);
      numbers.add(/\(0010,0020\) LO \[(P-[0-9A-Z]{10})\]/.exec(text)![1]!);
      uids.add(uidsOf(text, "0008,0018"));
      expect(uidsOf(text, "0002,0003")).toBe(uidsOf(text, "0008,0018"));
      const pixels = readFileSync(path === deflated ? explicit : path).subarray(-32 * 32 * 2);
      expect(readFileSync(file).subarray(-pixels.length)).toEqual(pixels);
      expect(errorsOf(file).filter((line) => !known.has(line))).toEqual([]);
    }
    expect([...numbers], "the number in the key table").toEqual([await pseudonyms.patient("CT00100", "Tan^Mei Ling=陳^美玲")]);
    expect([...uids]).toHaveLength(1);
    const other = dump(await written(await pseudonymise(read(second!), pseudonyms)));
    expect(other).toContain([...numbers][0]);
    expect(uidsOf(other, "0008,0018")).not.toBe([...uids][0]);
    expect(uidsOf(other, "0020,000e")).toBe(uidsOf(dump(await written(await pseudonymise(read(first!), pseudonyms))), "0020,000e"));
    const elsewhere = dump(await written(await pseudonymise(read(second!), await Pseudonyms.make(newRules("shift")))));
    expect(elsewhere).not.toContain([...numbers][0]);
  });
  test("compressed pixels stay bit for bit; dates stay when they shall", async () => {
    const pseudonyms = await Pseudonyms.make(newRules("keep"));
    const [plain] = originals("ct", "--slices", "1", "--series", "1", "--size", "32");
    const compressed = join(folder, "compressed.dcm");
    const withTable = join(folder, "with-table.dcm");
    run("dcmcjpeg", plain!, compressed);
    python("import sys, pydicom\nds = pydicom.dcmread(sys.argv[1])\nds.add_new(0x7fe00001, 'OV', bytes(8))\nds.add_new(0x7fe00002, 'OV', bytes(8))\nds.save_as(sys.argv[2])", compressed, withTable);
    for (const path of [compressed, withTable]) {
      const file = await written(await pseudonymise(read(path), pseudonyms));
      expect(dump(file)).not.toMatch(secret);
      const pixels = readFileSync(path);
      expect(readFileSync(file).includes(pixels.subarray(pixels.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00]))))).toBe(true);
      const date = (text: string) => /\(0008,0020\) DA \[(\d+)\]/.exec(text)![1];
      expect(date(dump(file))).toBe(date(dump(path)));
      run("dcmdjpeg", file, join(folder, "plain-again.dcm"));
    }
  });
  test("reports and documents are refused: their text names the patient", async () => {
    const pseudonyms = await Pseudonyms.make(newRules("keep"));
    for (const path of [...made("sr"), ...made("pdf")]) await expect(pseudonymise(read(path), pseudonyms)).rejects.toThrow();
  });
  test("dates move over months and leap years; what is none becomes empty", () => {
    expect(shiftDate("20240301", -1)).toBe("20240229");
    expect(shiftDate("2026.01.01", -1)).toBe("20251231");
    expect(shiftDate("unknown", -1)).toBe("");
  });
});

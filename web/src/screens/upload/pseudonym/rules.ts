// What happens to each attribute of an image, as a table: after the Basic Application Level Confidentiality Profile
// (PS3.15 Annex E, table E.1-1), with patient's characteristics (sex, age, size, weight) and, where the person wants them, dates kept.
// Not done here, and said on the page: text burned into the pixels, faces in head scans.

export type Action = "keep" | "remove" | "empty" | "name" | "id" | "date" | "uid";

const removedGroups = new Set(["0012", "0014", "0016", "0032", "0038", "4000", "4008", "0400", "fffa", "fffc"]);
/** Overlays and curves: groups that repeat (6000 to 60ff); drawings may hold names. */
const removedRepeating = /^x(50|60)/;

const removed = new Set([
  "00080012", "00080013", "00080014", "00080054", "00080055", "00080080", "00080082", "00080092", "00080094", "00080096",
  "0008009c", "0008009d", "00081010", "00081030", "0008103e", "00081040", "00081041", "00081048", "00081049", "00081050",
  "00081052", "00081060", "00081062", "00081070", "00081072", "00081080", "00081084", "00081100", "00081120", "00082111", "00084000",
  "00100021", "00100022", "00100024", "00100026", "00100027", "00100028", "00100032", "00100033", "00100034", "00100035",
  "00100050", "00100101", "00100102", "00101000", "00101001", "00101002", "00101005", "00101040", "00101050", "00101060",
  "00101080", "00101081", "00101090", "00101100", "00102000", "00102110", "00102150", "00102152", "00102154", "00102155",
  "00102160", "00102161", "00102180", "001021a0", "001021b0", "001021c0", "001021d0", "001021f0", "00102297", "00102299", "00104000",
  "00181000", "00181003", "00181004", "00181005", "00181007", "00181008", "00181009", "0018100a", "0018100b", "00181030",
  "00181400", "00184000", "0018700a", "0018937f", "00189424", "0018a001", "0018a003",
  "00203401", "00203403", "00203405", "00203406", "00204000", "00209158", "00284000",
  "00340001", "00340002", "00340005", "00340007", "00420010", "00880140", "00880200", "00880904", "00880906", "00880910",
  "00880912", "20300020", "22000002", "22000005",
]);

/** Of group 0040 (procedures, requests, specimens, reports) only what explains the pixels stays. */
const keptOf0040 = new Set(["00400555", "004008ea", "00409096", "00409094", "00409210", "00409211", "00409212", "00409213", "00409214", "00409216", "00409220", "00409224", "00409225", "0040a010", "0040a040", "0040a043", "0040a132", "0040a168", "0040a30a"]);

const special: Record<string, Action> = {
  x00100010: "name",
  x00100020: "id",
  x00100030: "empty", // date of birth
  x00080050: "empty", // accession number
  x00200010: "empty", // study ID
  x00080201: "keep", // offset from UTC
};

const byVr: Record<string, Action> = { PN: "empty", ST: "empty", LT: "empty", UT: "empty", UC: "empty", UR: "empty", DA: "date", DT: "date", UI: "uid", UN: "remove" };

/** What to do with an attribute; tag as dicom-parser writes it: x00100010. */
export function actionOf(tag: string, vr: string | undefined): Action {
  const group = tag.slice(1, 5);
  if (special[tag]) return special[tag];
  if (tag.endsWith("0000") || Number.parseInt(group, 16) % 2 === 1) return "remove"; // group lengths; private attributes
  if (removedGroups.has(group) || removedRepeating.test(tag) || removed.has(tag.slice(1))) return "remove";
  if (group === "0040" && !keptOf0040.has(tag.slice(1))) return "remove";
  return byVr[vr ?? ""] ?? "keep";
}

/** Reports and documents: their text is what they are, and it names the patient. */
export function isText(sopClass: string): boolean {
  return /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(88|104)\./.test(sopClass);
}

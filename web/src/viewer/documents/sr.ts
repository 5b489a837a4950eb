/**
 * Structured reports (PS3.3 A.35, C.17.3) and key object selections as a tree that can be read: from DICOM JSON, without a library,
 * because nothing is computed, only walked. Depth and number of items are bounded: a report comes from a stranger.
 */
import { text, type Dataset } from "../dicom";

export interface ImageReference {
  instance: string;
  /** From 1; empty: all. */
  frames: number[];
}

export interface ReportItem {
  type: string;
  /** Concept name: its code as "SCHEME:VALUE", for our own words, and the words in the file. */
  code: string;
  name: string;
  /** Modifiers and acquisition context say how to read their parent; "contains" and "has properties" are the content. */
  relation: string;
  text: string;
  /** Code of `text` when it is a coded value. */
  textCode: string;
  images: ImageReference[];
  items: ReportItem[];
}

export interface Report {
  title: ReportItem;
  complete: boolean;
  verified: boolean;
  /** Who verified or wrote it, and when (DICOM DT), as far as it says. */
  people: { name: string; organisation: string; at: string }[];
  date: string;
  /** Something was left out because the report is larger than what is shown. */
  cut: boolean;
}

const DEEPEST = 32;
const MOST_ITEMS = 5000;

const TAGS = {
  valueType: "0040A040", relation: "0040A010", concept: "0040A043", content: "0040A730", textValue: "0040A160", codeValue: "0040A168",
  measured: "0040A300", number: "0040A30A", units: "004008EA", qualifier: "0040A301", dateTime: "0040A120", date: "0040A121", time: "0040A122",
  person: "0040A123", uid: "0040A124", references: "00081199", instance: "00081155", frame: "00081160", graphic: "00700023",
  completion: "0040A491", verification: "0040A493", observers: "0040A073", observerName: "0040A075", observerPlace: "0040A027", verifiedAt: "0040A030",
  authors: "0040A078", contentDate: "00080023", contentTime: "00080033",
} as const;

const items = (dataset: Dataset, tag: string): Dataset[] =>
  ((dataset[tag]?.Value ?? []) as Dataset[]).filter((item) => typeof item === "object" && item !== null);

/** Code and meaning (PS3.3 8): short, long and URN code values. */
function coded(dataset: Dataset | undefined): { code: string; meaning: string } {
  if (dataset === undefined) return { code: "", meaning: "" };
  const value = text(dataset, "00080100") || text(dataset, "00080119") || text(dataset, "00080120");
  return { code: `${text(dataset, "00080102")}:${value}`, meaning: text(dataset, "00080104") || value };
}

/** Ideographic as its owner writes it, else alphabetic with the carets read as spaces. */
function personName(dataset: Dataset, tag: string): string {
  const value = dataset[tag]?.Value?.[0] as { Alphabetic?: string; Ideographic?: string } | string | undefined;
  const name = typeof value === "string" ? value : value?.Ideographic || value?.Alphabetic || "";
  return name.replaceAll("^", " ").replace(/\s+/g, " ").trim();
}

/** 20250314101531.12+0800 → 2025-03-14 10:15:31; anything else unchanged. */
export function momentText(value: string): string {
  const parts = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?/.exec(value);
  if (parts === null) return value;
  const [, year, month, day, hour, minute, second] = parts;
  const time = hour === undefined ? "" : ` ${hour}:${minute}${second === undefined ? "" : `:${second}`}`;
  return `${year}-${month}-${day}${time}`;
}

function timeText(value: string): string {
  const parts = /^(\d{2})(\d{2})(\d{2})?/.exec(value);
  return parts === null ? value : parts.slice(1).filter((part) => part !== undefined).join(":");
}

/** The unit as it is written: UCUM's 1 and annotations in braces are no unit for a reader. */
export function unitText(code: string, meaning: string): string {
  const value = code.slice(code.indexOf(":") + 1);
  if (value === "1" || value === "{1}" || /^\{.*\}$/.test(value)) return "";
  if (value === "[hnsf'U]") return "HU";
  if (value === "mm2" || value === "cm2") return value.replace("2", "²");
  if (value === "mm3" || value === "cm3") return value.replace("3", "³");
  if (value === "deg") return "°";
  return code.startsWith("UCUM:") && /^[\w/%.]+$/.test(value) ? value : meaning;
}

function measuredText(dataset: Dataset): { text: string; textCode: string } {
  const measured = items(dataset, TAGS.measured)[0];
  if (measured === undefined) {
    const reason = coded(items(dataset, TAGS.qualifier)[0]);
    return { text: reason.meaning, textCode: reason.code };
  }
  const unit = coded(items(measured, TAGS.units)[0]);
  return { text: `${text(measured, TAGS.number)} ${unitText(unit.code, unit.meaning)}`.trim(), textCode: "" };
}

function valueOf(type: string, dataset: Dataset): { text: string; textCode: string } {
  const plain = (value: string) => ({ text: value, textCode: "" });
  switch (type) {
    case "TEXT":
      return plain(text(dataset, TAGS.textValue));
    case "CODE": {
      const { code, meaning } = coded(items(dataset, TAGS.codeValue)[0]);
      return { text: meaning, textCode: code };
    }
    case "NUM":
      return measuredText(dataset);
    case "DATETIME":
      return plain(momentText(text(dataset, TAGS.dateTime)));
    case "DATE":
      return plain(momentText(text(dataset, TAGS.date)));
    case "TIME":
      return plain(timeText(text(dataset, TAGS.time)));
    case "PNAME":
      return plain(personName(dataset, TAGS.person));
    case "UIDREF":
      return plain(text(dataset, TAGS.uid));
    case "SCOORD":
    case "SCOORD3D":
      return plain(text(dataset, TAGS.graphic));
    default:
      return plain("");
  }
}

function imagesOf(dataset: Dataset): ImageReference[] {
  return items(dataset, TAGS.references)
    .map((one) => ({ instance: text(one, TAGS.instance), frames: ((one[TAGS.frame]?.Value ?? []) as unknown[]).map(Number).filter(Number.isInteger) }))
    .filter(({ instance }) => instance !== "");
}

interface Walk {
  left: number;
  cut: boolean;
}

function itemOf(dataset: Dataset, depth: number, walk: Walk): ReportItem {
  walk.left--;
  const type = text(dataset, TAGS.valueType);
  const { code, meaning } = coded(items(dataset, TAGS.concept)[0]);
  const children: ReportItem[] = [];
  for (const child of items(dataset, TAGS.content)) {
    if (walk.left <= 0 || depth >= DEEPEST) {
      walk.cut = true;
      break;
    }
    children.push(itemOf(child, depth + 1, walk));
  }
  return { type, code, name: meaning, relation: text(dataset, TAGS.relation), ...valueOf(type, dataset), images: imagesOf(dataset), items: children };
}

function people(dataset: Dataset): Report["people"] {
  const verifiers = items(dataset, TAGS.observers).map((one) => ({
    name: personName(one, TAGS.observerName), organisation: text(one, TAGS.observerPlace), at: momentText(text(one, TAGS.verifiedAt)),
  }));
  const authors = items(dataset, TAGS.authors).map((one) => ({ name: personName(one, TAGS.person), organisation: text(one, "00080080"), at: "" }));
  return [...verifiers, ...authors].filter(({ name }) => name !== "");
}

export function readReport(dataset: Dataset): Report {
  const walk: Walk = { left: MOST_ITEMS, cut: false };
  return {
    title: itemOf(dataset, 0, walk),
    complete: text(dataset, TAGS.completion) !== "PARTIAL",
    verified: text(dataset, TAGS.verification) === "VERIFIED",
    people: people(dataset),
    date: momentText(`${text(dataset, TAGS.contentDate)}${text(dataset, TAGS.contentTime)}`),
    cut: walk.cut,
  };
}

/** Every image that a report or a key object selection speaks of, in its order, once. */
export function imagesIn(item: ReportItem): ImageReference[] {
  const seen = new Set<string>();
  const all: ImageReference[] = [];
  const walk = (one: ReportItem): void => {
    for (const image of one.images) {
      const key = `${image.instance}/${image.frames.join(",")}`;
      if (!seen.has(key)) all.push(image);
      seen.add(key);
    }
    one.items.forEach(walk);
  };
  walk(item);
  return all;
}

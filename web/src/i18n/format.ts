// Dates, ages, sizes and names as each language writes them.
import type { Schemas } from "../api/client";
import { type Language } from "./languages";

/** Taiwan writes years of the Republic; the others the common ones, day first in Malay and English. */
const dateTags: Record<Language, string> = { "zh-CN": "sv-SE", "zh-TW": "zh-TW-u-ca-roc", en: "en-GB", ms: "en-GB" };

export type Instant = string | number | Date;

export function formatDate(value: Instant, language: Language): string {
  const date = typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) ? new Date(`${value}T00:00`) : new Date(value);
  const written = typeof value !== "string" || /^\d{4}-\d\d-\d\d/.test(value); // browsers make dates of "about 1950" too
  if (!written || Number.isNaN(date.getTime())) return String(value);
  if (language === "zh-TW") {
    const parts = new Intl.DateTimeFormat(dateTags[language], { year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(date);
    const part = (type: string) => parts.find((p) => p.type === type)?.value ?? "";
    return `民國${part("year")}/${part("month")}/${part("day")}`;
  }
  return new Intl.DateTimeFormat(dateTags[language], { year: "numeric", month: "2-digit", day: "2-digit" }).format(date);
}

export function formatTime(value: Instant): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hour12: false }).format(new Date(value));
}

/** Today only the time, this year without the year. */
export function formatMoment(value: Instant, language: Language, now: Instant = Date.now()): string {
  const at = new Date(value);
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return formatTime(at);
  if (at.getFullYear() !== today.getFullYear()) return `${formatDate(at, language)} ${formatTime(at)}`;
  const month = String(at.getMonth() + 1).padStart(2, "0");
  const day = String(at.getDate()).padStart(2, "0");
  const dayMonth = language === "en" || language === "ms" ? `${day}/${month}` : `${month}-${day}`;
  return `${dayMonth} ${formatTime(at)}`;
}

export function formatInstant(value: Instant, language: Language): string {
  return `${formatDate(value, language)} ${formatTime(value)}`;
}

/** To the second, where the order of what happened matters. */
export function formatSecond(value: Instant, language: Language): string {
  return `${formatInstant(value, language)}:${String(new Date(value).getSeconds()).padStart(2, "0")}`;
}

export type Age = { unit: "years" | "months" | "days"; count: number };

/** Years from 2 on, months from 1 on, else days: a newborn is not "0 years". */
export function ageOf(birthDate: string, on: Instant = Date.now()): Age | null {
  const birth = new Date(`${birthDate}T00:00`);
  const day = new Date(on);
  if (Number.isNaN(birth.getTime()) || birth > day) return null;
  let months = (day.getFullYear() - birth.getFullYear()) * 12 + day.getMonth() - birth.getMonth();
  if (day.getDate() < birth.getDate()) months--;
  if (months >= 24) return { unit: "years", count: Math.floor(months / 12) };
  if (months >= 1) return { unit: "months", count: months };
  return { unit: "days", count: Math.floor((day.getTime() - birth.getTime()) / 86_400_000) };
}

type PersonName = Schemas["PatientName"];

/** DICOM writes 王^小明 and Wang^XiaoMing: the groups without carets, the script of the country first. */
export function patientNames(name: PersonName): { main: string; other: string } {
  const plain = (group: string) => group.split("^").filter(Boolean).join(" ").trim();
  const ideographic = name.ideographic.replaceAll("^", "").trim();
  const alphabetic = plain(name.alphabetic);
  return ideographic ? { main: ideographic, other: alphabetic } : { main: alphabetic, other: plain(name.phonetic) };
}

/** Identifiers are masked on screens that others may see: the first three and the last four, the rest only on request. */
export function maskId(id: string): string {
  if (id.length <= 7) return id;
  return `${id.slice(0, 3)}${"*".repeat(Math.min(6, id.length - 7))}${id.slice(-4)}`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 95 → "1:35", 4000 → "1:06:40". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** Days, hours and minutes of a wait, the two largest that matter. */
export function splitWait(milliseconds: number): { days: number; hours: number; minutes: number } {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  return { days: Math.floor(minutes / 1440), hours: Math.floor((minutes % 1440) / 60), minutes: minutes % 60 };
}

import { describe, expect, test } from "vitest";
import { ageOf, formatBytes, formatDate, formatDuration, formatMoment, maskId, patientNames, splitWait } from "../src/i18n/format";

describe("dates", () => {
  test.each([
    ["zh-CN", "2026-03-05"],
    ["zh-TW", "民國115/03/05"],
    ["en", "05/03/2026"],
    ["ms", "05/03/2026"],
  ] as const)("%s writes %s", (language, text) => {
    expect(formatDate("2026-03-05", language)).toBe(text);
  });
  test("what is no date stays as it is", () => {
    expect(formatDate("about 1950", "en")).toBe("about 1950");
  });
  test("a moment of today is its time, of this year has no year", () => {
    const now = new Date(2026, 10, 24, 23, 0);
    expect(formatMoment(new Date(2026, 10, 24, 8, 5), "zh-CN", now)).toBe("08:05");
    expect(formatMoment(new Date(2026, 0, 2, 8, 5), "zh-CN", now)).toBe("01-02 08:05");
    expect(formatMoment(new Date(2026, 0, 2, 8, 5), "ms", now)).toBe("02/01 08:05");
    expect(formatMoment(new Date(2025, 0, 2, 8, 5), "zh-CN", now)).toBe("2025-01-02 08:05");
  });
});

describe("age", () => {
  const on = new Date(2026, 10, 24);
  test.each([
    ["1958-03-12", { unit: "years", count: 68 }],
    ["1958-12-12", { unit: "years", count: 67 }],
    ["2024-11-25", { unit: "months", count: 23 }],
    ["2024-11-24", { unit: "years", count: 2 }],
    ["2026-10-30", { unit: "days", count: 25 }],
    ["2026-11-24", { unit: "days", count: 0 }],
  ] as const)("%s", (birth, age) => {
    expect(ageOf(birth, on)).toEqual(age);
  });
  test("of the future or of nonsense is not known", () => {
    expect(ageOf("2027-01-01", on)).toBeNull();
    expect(ageOf("unknown", on)).toBeNull();
  });
});

describe("names", () => {
  test("the script of the country first", () => {
    expect(patientNames({ alphabetic: "Wang^XiaoMing", ideographic: "王^小明", phonetic: "" })).toEqual({ main: "王小明", other: "Wang XiaoMing" });
  });
  test("Malay names have no surname", () => {
    expect(patientNames({ alphabetic: "SITI NURHALIZA BINTI TARUDIN", ideographic: "", phonetic: "" })).toEqual({ main: "SITI NURHALIZA BINTI TARUDIN", other: "" });
  });
  test("a middle dot stays", () => {
    expect(patientNames({ alphabetic: "", ideographic: "阿卜杜·热合曼", phonetic: "" }).main).toBe("阿卜杜·热合曼");
  });
});

test("identifiers keep the first three and the last four", () => {
  expect(maskId("DS20260412")).toBe("DS2***0412");
  expect(maskId("1234567")).toBe("1234567");
  expect(maskId("110101202311012176")).toBe("110******2176");
});

test("sizes, durations and waits", () => {
  expect(formatBytes(999)).toBe("999 B");
  expect(formatBytes(157_286_400)).toBe("157 MB");
  expect(formatBytes(1_500_000_000)).toBe("1.5 GB");
  expect(formatDuration(95)).toBe("1:35");
  expect(formatDuration(4000)).toBe("1:06:40");
  expect(splitWait(((26 * 60 + 5) * 60 + 59) * 1000)).toEqual({ days: 1, hours: 2, minutes: 5 });
  expect(splitWait(-5)).toEqual({ days: 0, hours: 0, minutes: 0 });
});

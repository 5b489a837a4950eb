/** What a measurement says, in words: one line for each result, and how sure its millimetres are. */
import type { TFunction } from "i18next";
import type { Certainty } from "./calibration";
import type { Kind, Result } from "./kinds";

const UNITS: Record<string, string> = { mm2: "mm²", px2: "px²", deg: "°" };

function figure({ value, unit }: Pick<Result, "value" | "unit">): string {
  const digits = unit === "deg" || unit === "mm" || unit === "mm2" ? 1 : Number.isInteger(value) ? 0 : 1;
  const written = value.toFixed(digits);
  if (unit === "deg") return `${written}°`;
  return unit === "" ? written : `${written} ${UNITS[unit] ?? unit}`;
}

export function linesOfResults(t: TFunction, kind: Kind, results: readonly Result[], label: string): string[] {
  const of = (name: Result["name"]) => results.find((one) => one.name === name);
  const [length, width, mean, sd, min, max] = [of("length"), of("width"), of("mean"), of("sd"), of("min"), of("max")];
  const lines: string[] = label === "" ? [] : [label];
  if (kind === "bidirectional" && length && width) lines.push(`${figure(length)} × ${figure(width)}`);
  else if (length) lines.push(figure(length));
  for (const name of ["angle", "area", "value"] as const) {
    const one = of(name);
    if (one) lines.push(figure(one));
  }
  if (mean && sd) lines.push(t("viewer.mean", { mean: mean.value.toFixed(1), sd: sd.value.toFixed(1), unit: mean.unit }));
  if (min && max) lines.push(t("viewer.range", { min: figure({ ...min, unit: "" }), max: figure({ ...max, unit: "" }) }));
  return lines;
}

/** A warning for lengths that are not what they seem; null when there is nothing to warn of. */
export function certaintyText(t: TFunction, certainty: Certainty, results: readonly Result[]): string | null {
  if (!results.some((one) => /^(mm|px)2?$/.test(one.unit))) return null;
  if (certainty === "none") return t("viewer.uncalibrated");
  if (certainty === "detector") return t("viewer.atDetector");
  return certainty === "magnified" ? t("viewer.magnified") : null;
}

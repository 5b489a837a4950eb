// The client and the hub are in step: types are those of openapi.yaml, every state, step and reason that the hub's tables
// know has its word here, and the two sides of the design tokens are equal.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import en from "../src/i18n/en.json";
import { consultLooks, referralLooks, teachingLooks } from "../src/ui/chips";
import { dark, light } from "../src/ui/theme";

const web = join(import.meta.dirname, "..");
const root = join(web, "..");
const def = (path: string) => readFileSync(join(root, "hub/domain", path), "utf8");
const rows = (text: string, macro: string) => [...text.matchAll(new RegExp(`^${macro}\\(([^)]*)\\)`, "gm"))].map((m) => m[1]!.split(",").map((cell) => cell.trim()));

test("src/api/schema.d.ts is what openapi.yaml makes", () => {
  const out = join(mkdtempSync(join(tmpdir(), "consilium-types-")), "schema.d.ts");
  execFileSync(process.execPath, [join(web, "node_modules/openapi-typescript/bin/cli.js"), join(root, "hub/api/openapi.yaml"), "-o", out]);
  expect(readFileSync(join(web, "src/api/schema.d.ts"), "utf8")).toBe(readFileSync(out, "utf8"));
}, 120_000);

describe.each([
  ["consult", consultLooks],
  ["referral", referralLooks],
  ["teaching", teachingLooks],
] as const)("%s", (kind, looks) => {
  const table = def(`${kind}_fsm.def`);
  test("every state has an icon and a word", () => {
    const states = rows(table, "STATE").map(([name]) => name!);
    expect(Object.keys(looks).sort()).toEqual(states.sort());
    expect(Object.keys(en[kind].state).sort()).toEqual(states.sort());
  });
  test("every step has a word for the button and one for the timeline", () => {
    for (const [, step] of rows(table, "STEP")) {
      expect(en.action, step).toHaveProperty(step!);
      if (kind !== "teaching") expect(en.event, step).toHaveProperty(step!);
    }
  });
});

test("every coded reason has a word, and no word is without a reason", () => {
  const codes = rows(def("reason.def"), "REASON_CODE").map(([, code]) => code!);
  expect(codes.length).toBeGreaterThan(0);
  expect(Object.keys(en.reason).sort()).toEqual([...new Set(codes)].sort());
});

test("the error names are those of err.def", () => {
  const names = [...readFileSync(join(root, "hub/base/err.def"), "utf8").matchAll(/^ERR\(\w+,\s*"([^"]+)"/gm)].map((m) => m[1]!);
  for (const name of names) expect(en.error).toHaveProperty(name);
});

test("antd's tokens and the style sheet's are the same", () => {
  const css = readFileSync(join(web, "src/ui/tokens.css"), "utf8");
  const block = (selector: string) => css.slice(css.indexOf(selector)).split("}")[0]!;
  const names: Record<keyof typeof light, string> = { bg: "bg", surface: "surface", line: "line", text: "text", text2: "text-2", primary: "primary", primaryHover: "primary-hover", success: "success", warning: "warning", danger: "danger" };
  for (const [selector, palette] of [['[data-surface="light"]', light], ['[data-surface="dark"]', dark]] as const) {
    for (const [key, name] of Object.entries(names)) {
      const value = new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(block(selector))?.[1];
      expect(value, `${selector} ${name}`).toBe(palette[key as keyof typeof light]);
    }
  }
});

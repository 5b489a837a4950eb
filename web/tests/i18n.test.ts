// The four catalogues have equal keys, equal placeholders and no empty text; Traditional Chinese has its own words.
import { describe, expect, test } from "vitest";
import en from "../src/i18n/en.json";
import ms from "../src/i18n/ms.json";
import zhCN from "../src/i18n/zh-CN.json";
import zhTW from "../src/i18n/zh-TW.json";
import { matchLanguage } from "../src/i18n/languages";
import { pseudo } from "../src/i18n/pseudo";

type Tree = { [key: string]: string | Tree };
function flat(tree: Tree, prefix = ""): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") out.set(prefix + key, value);
    else for (const [k, v] of flat(value, `${prefix}${key}.`)) out.set(k, v);
  }
  return out;
}
const placeholders = (text: string) => [...text.matchAll(/\{\{\w+\}\}/g)].map((m) => m[0]).sort();
const english = flat(en);
const others = { "zh-CN": flat(zhCN), "zh-TW": flat(zhTW), ms: flat(ms) };

describe.each(Object.entries(others))("%s", (_language, catalogue) => {
  test("has the keys of English", () => {
    expect([...catalogue.keys()].sort()).toEqual([...english.keys()].sort());
  });
  test("has the placeholders of English, and no empty text", () => {
    for (const [key, text] of catalogue) {
      expect(text.trim(), key).not.toBe("");
      expect(placeholders(text), key).toEqual(placeholders(english.get(key)!));
    }
  });
});

test("Taiwan's words are not the mainland's in other letters", () => {
  const tw = others["zh-TW"];
  expect(tw.get("work.kind.consult")).toBe("遠距會診");
  expect(tw.get("work.kind.referral")).toBe("轉診");
  expect(tw.get("patient.label")).toBe("病人");
  const simplifiedOnly = /[们个为这时说对开关发会诊转应无处书体价区医单双变听员图团国坏块壮]/u;
  for (const [key, text] of tw) {
    const mainland = [...text].filter((c) => simplifiedOnly.test(c) && !"會診轉應無處體區醫單雙變聽員圖團國塊壯".includes(c));
    expect(mainland, `${key}: ${text}`).toEqual([]);
  }
  for (const word of ["信息", "文件夹", "登录", "用户名", "屏幕", "网络", "服务器", "患者"]) {
    for (const [key, text] of tw) expect(text.includes(word), `${key}: ${text}`).toBe(false);
  }
});

test("the pseudo language marks every text and keeps its placeholders", () => {
  const marked = flat(pseudo(en));
  expect(marked.size).toBe(english.size);
  for (const [key, text] of marked) {
    expect(text.startsWith("⟦") && text.endsWith("⟧"), key).toBe(true);
    expect(placeholders(text)).toEqual(placeholders(english.get(key)!));
  }
});

test.each([
  [["zh-HK", "en"], "zh-TW"],
  [["zh-Hant-TW"], "zh-TW"],
  [["zh"], "zh-CN"],
  [["de", "ms-MY"], "ms"],
  [["en-GB"], "en"],
  [["fr"], "zh-CN"],
])("%j is answered with %s", (wishes, language) => {
  expect(matchLanguage(wishes)).toBe(language);
});

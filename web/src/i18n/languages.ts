export const languages = ["zh-CN", "zh-TW", "en", "ms"] as const;
export type Language = (typeof languages)[number];

/** Each language in its own words; the only texts that are the same in every catalogue. */
export const languageNames: Record<Language, string> = {
  "zh-CN": "简体中文",
  "zh-TW": "繁體中文",
  en: "English",
  ms: "Bahasa Melayu",
};

/** A language made by the machine from the English one, to see which texts on the screen come from no catalogue. */
export const pseudoLanguage = "en-XA";

/** The best of ours for a list of wishes (BCP 47), e.g. of the browser. */
export function matchLanguage(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    const tag = wish.toLowerCase();
    if (/^zh-(tw|hk|mo|hant)/.test(tag)) return "zh-TW";
    if (tag.startsWith("zh")) return "zh-CN";
    if (tag.startsWith("en")) return "en";
    if (tag.startsWith("ms")) return "ms";
  }
  return "zh-CN";
}

export function isLanguage(value: unknown): value is Language {
  return languages.includes(value as Language);
}

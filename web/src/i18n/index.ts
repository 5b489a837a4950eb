// Four catalogues with equal keys (tests/i18n.test.ts), loaded one at a time together with antd's and dayjs' own words.
import type { Locale } from "antd/es/locale";
import dayjs from "dayjs";
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type en from "./en.json";
import { isLanguage, type Language, matchLanguage, pseudoLanguage } from "./languages";
import { pseudo } from "./pseudo";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "main";
    resources: { main: typeof en };
    returnNull: false;
  }
}

export const i18n = i18next;
const storageKey = "consilium.language";

interface Bundle {
  catalogue: typeof en;
  antd: Locale;
  dayjs: string;
}

const bundles: Record<Language, () => Promise<Bundle>> = {
  "zh-CN": async () => {
    const [texts, antd] = await Promise.all([import("./zh-CN.json"), import("antd/es/locale/zh_CN"), import("dayjs/locale/zh-cn")]);
    return { catalogue: texts.default, antd: antd.default, dayjs: "zh-cn" };
  },
  "zh-TW": async () => {
    const [texts, antd] = await Promise.all([import("./zh-TW.json"), import("antd/es/locale/zh_TW"), import("dayjs/locale/zh-tw")]);
    return { catalogue: texts.default, antd: antd.default, dayjs: "zh-tw" };
  },
  en: async () => {
    const [texts, antd] = await Promise.all([import("./en.json"), import("antd/es/locale/en_US")]);
    return { catalogue: texts.default, antd: antd.default, dayjs: "en" };
  },
  ms: async () => {
    const [texts, antd] = await Promise.all([import("./ms.json"), import("antd/es/locale/ms_MY"), import("dayjs/locale/ms")]);
    return { catalogue: texts.default, antd: antd.default, dayjs: "ms" };
  },
};

let antdLocale: Locale | undefined;
const listeners = new Set<() => void>();
/** antd's words of the present language, for ConfigProvider (with React's useSyncExternalStore). */
export const antdWords = {
  get: () => antdLocale,
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function language(): Language {
  const now = i18next.language;
  return isLanguage(now) ? now : "en";
}

async function load(wanted: string): Promise<void> {
  const real = isLanguage(wanted) ? wanted : "en";
  const bundle = await bundles[real]();
  const texts = wanted === pseudoLanguage ? pseudo(bundle.catalogue) : bundle.catalogue;
  i18next.addResourceBundle(wanted, "main", texts, true, true);
  dayjs.locale(bundle.dayjs);
  antdLocale = bundle.antd;
  for (const listener of listeners) listener();
}

/** Changes the language of the page; the browser starts with it the next time. */
export async function setLanguage(wanted: string): Promise<void> {
  await load(wanted);
  await i18next.changeLanguage(wanted);
  document.documentElement.lang = wanted;
  try {
    localStorage.setItem(storageKey, wanted);
  } catch {
    // private windows may refuse; the language then lasts as long as the page
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

export async function startI18n(): Promise<void> {
  const stored = remembered();
  const first = stored !== null && (isLanguage(stored) || stored === pseudoLanguage) ? stored : matchLanguage(navigator.languages);
  await i18next.use(initReactI18next).init({
    lng: first,
    fallbackLng: false,
    defaultNS: "main",
    ns: ["main"],
    resources: {},
    partialBundledLanguages: true,
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
    react: { useSuspense: false },
  });
  await setLanguage(first);
}

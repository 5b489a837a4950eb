import { GlobalOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { isLanguage, type Language, languageNames, languages } from "../i18n/languages";

/** The browser's own select: a phone shows its own wheel for it, and the sign-in page does without a quarter of antd. */
export function LanguageSelect({ value, onChange, framed }: { value: string; onChange: (language: Language) => void; framed?: boolean }) {
  const { t } = useTranslation();
  return (
    <label className={framed ? "language language-framed" : "language"}>
      <GlobalOutlined aria-hidden />
      <select aria-label={t("profile.language")} value={isLanguage(value) ? value : "en"} onChange={(event) => onChange(event.target.value as Language)}>
        {languages.map((code) => <option key={code} value={code} lang={code} translate="no">{languageNames[code]}</option>)}
      </select>
    </label>
  );
}

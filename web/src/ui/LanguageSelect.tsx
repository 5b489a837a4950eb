import { GlobalOutlined } from "@ant-design/icons";
import { Select } from "antd";
import { useTranslation } from "react-i18next";
import { isLanguage, type Language, languageNames, languages } from "../i18n/languages";

export function LanguageSelect({ value, onChange, variant = "borderless" }: { value: string; onChange: (language: Language) => void; variant?: "borderless" | "outlined" }) {
  const { t } = useTranslation();
  return (
    <Select<Language>
      className="language"
      variant={variant}
      prefix={<GlobalOutlined aria-hidden />}
      aria-label={t("profile.language")}
      value={isLanguage(value) ? value : "en"}
      popupMatchSelectWidth={false}
      options={languages.map((code) => ({ value: code, label: <span lang={code} translate="no">{languageNames[code]}</span> }))}
      onChange={onChange}
    />
  );
}

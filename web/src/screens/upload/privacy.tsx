// The switch for pseudonyms: what they do, what they do not do, and the key table that only the person gets.
import { DownloadOutlined } from "@ant-design/icons";
import { Alert, Button, Radio, Switch } from "antd";
import { useTranslation } from "react-i18next";
import { csvOf, saveText } from "./csv";
import { newRules } from "./pseudonym/pseudonyms";
import { isChoosing } from "./series";
import { type Snapshot, uploader } from "./uploader";

async function saveTable(): Promise<void> {
  const rows = await uploader.keyTable();
  saveText("pseudonyms.csv", csvOf([["pseudonym", "patient_id", "patient_name", "birth_date", "days"], ...rows.map((row) => [row.number, row.id, row.name, row.birthDate, String(row.days)])]));
}

export function Privacy({ state }: { state: Snapshot }) {
  const { t } = useTranslation();
  const { rules } = state;
  const open = isChoosing(state) && !state.files.some((file) => file.state === "stored");
  return (
    <section className="panel upload-privacy">
      <label className="upload-switch">
        <Switch checked={rules !== null} disabled={!open} aria-label={t("upload.pseudonym.switch")} onChange={(on) => void uploader.setRules(on ? newRules("keep") : null)} />
        <span>{t("upload.pseudonym.switch")}</span>
      </label>
      {rules !== null && (
        <>
          <p className="muted">{t("upload.pseudonym.does")}</p>
          <Alert type="warning" showIcon title={t("upload.pseudonym.doesNot")} />
          <Radio.Group
            value={rules.dates}
            disabled={!open}
            aria-label={t("upload.pseudonym.dates")}
            onChange={(event) => void uploader.setRules({ ...rules, dates: event.target.value as "keep" | "shift" })}
            options={[{ value: "keep", label: t("upload.pseudonym.keep") }, { value: "shift", label: t("upload.pseudonym.shift") }]}
          />
          <div className="action-bar">
            <Button icon={<DownloadOutlined aria-hidden />} onClick={() => void saveTable()}>{t("upload.pseudonym.table")}</Button>
          </div>
          <p className="muted">{t("upload.pseudonym.tableHint")}</p>
        </>
      )}
    </section>
  );
}

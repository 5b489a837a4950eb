import { CopyOutlined, DownloadOutlined } from "@ant-design/icons";
import { Button, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type en from "../../i18n/en.json";
import { Data } from "../../ui/Data";
import { csvOf, resultRows, saveText } from "./csv";
import type { UploadFile } from "./group";
import { type Snapshot, uploader } from "./uploader";

/** More rows than these help nobody; the table to be saved has them all. */
const shown = 200;
const kinds = ["failed", "skipped", "known", "same", "stored"] as const;
type Kind = (typeof kinds)[number];

interface Row {
  path: string;
  why?: string;
}

function useReason(): (code: string | undefined) => string {
  const { t, i18n } = useTranslation();
  return (code) => {
    const key = `upload.why.${code}`;
    if (code !== undefined && i18n.exists(key)) return t(key as `upload.why.${keyof (typeof en)["upload"]["why"]}`);
    return t("upload.why.status", { code: code ?? "?" });
  };
}

const colour: Record<Kind, string> = { failed: "danger", skipped: "neutral", known: "warning", same: "success", stored: "success" };

/** What is there by its number only has not been compared: the person may want that. */
export function Known({ count }: { count: number }) {
  const { t } = useTranslation();
  return (
    <div className="upload-known">
      <p>{t("upload.notCompared", { count })}</p>
      <Button onClick={() => void uploader.start(true)}>{t("upload.compare", { count })}</Button>
    </div>
  );
}

/** How each file fared: the counts, then the files by name with the reason. */
export function Results({ state }: { state: Snapshot }) {
  const { t } = useTranslation();
  const reason = useReason();
  const [copied, setCopied] = useState(false);
  const [wanted, setWanted] = useState<Kind | null>(null);
  const of = (kind: UploadFile["state"]): Row[] => state.files.filter((file) => file.state === kind);
  const rows: Record<Kind, Row[]> = { failed: of("failed"), skipped: [...state.skipped], known: of("known"), same: of("same"), stored: of("stored") };
  const present = kinds.filter((kind) => rows[kind].length > 0);
  const settled = state.phase === "done" || state.phase === "ready";
  const kind = wanted !== null && rows[wanted].length > 0 ? wanted : present[0];
  if (kind === undefined) return null;
  const table = () => csvOf(resultRows(state.files, state.skipped, reason));
  const copy = async () => {
    await navigator.clipboard.writeText(table());
    setCopied(true);
    setTimeout(() => setCopied(false), 3000);
  };
  return (
    <section className="panel upload-results" aria-labelledby="results-title">
      <h2 id="results-title">{t("upload.results")}</h2>
      <p className="upload-counts num">
        {present.map((one) => <span key={one} className={`chip chip-${colour[one]}`}>{t(`upload.count.${one}`, { count: rows[one].length })}</span>)}
      </p>
      <div className="action-bar">
        {present.length > 1 && (
          <Segmented value={kind} aria-label={t("upload.show")} onChange={setWanted} options={present.map((one) => ({ value: one, label: t(`upload.kind.${one}`) }))} />
        )}
        <Button icon={<CopyOutlined aria-hidden />} onClick={() => void copy()}>{t(copied ? "upload.copied" : "upload.copyCsv")}</Button>
        <Button icon={<DownloadOutlined aria-hidden />} onClick={() => saveText("upload.csv", table())}>{t("upload.saveCsv")}</Button>
      </div>
      {(settled || kind === "failed" || wanted === kind) && (
        <ul className="upload-files" tabIndex={0} aria-label={t(`upload.kind.${kind}`)}>
          {rows[kind].slice(0, shown).map((row, index) => (
            <li key={`${index}-${row.path}`}>
              <Data>{row.path}</Data>
              {(kind === "failed" || kind === "skipped") && <span className={`chip chip-${colour[kind]}`}>{reason(row.why)}</span>}
            </li>
          ))}
        </ul>
      )}
      {rows[kind].length > shown && <p className="muted num">{t("upload.more", { count: rows[kind].length - shown })}</p>}
    </section>
  );
}

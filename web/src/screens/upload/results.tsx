import { useTranslation } from "react-i18next";
import type en from "../../i18n/en.json";
import { Data } from "../../ui/Data";
import type { SkippedFile, UploadFile } from "./group";

/** More rows than these help nobody; the numbers above tell the rest. */
const shown = 200;

/** How each file fared: the counts, then those that need a look, by name. */
export function Results({ files, skipped }: { files: readonly UploadFile[]; skipped: readonly SkippedFile[] }) {
  const { t, i18n } = useTranslation();
  const count = (state: UploadFile["state"]) => files.filter((file) => file.state === state).length;
  const failed = files.filter((file) => file.state === "failed");
  const counts = { stored: count("stored"), known: count("known"), failed: failed.length, skipped: skipped.length };
  const started = counts.stored + counts.known + counts.failed > 0;
  const why = (code: string | undefined) => {
    const key = `upload.why.${code}`;
    if (code !== undefined && i18n.exists(key)) return t(key as `upload.why.${keyof (typeof en)["upload"]["why"]}`);
    return t("upload.why.status", { code: code ?? "?" });
  };
  if (!started && skipped.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="results-title">
      <h2 id="results-title">{t("upload.results")}</h2>
      <p className="upload-counts num">
        {(["stored", "known", "failed", "skipped"] as const).map((key) => counts[key] > 0 && <span key={key} className={`chip chip-${key === "failed" ? "danger" : key === "stored" ? "success" : "neutral"}`}>{t(`upload.count.${key}`, { count: counts[key] })}</span>)}
      </p>
      {failed.length + skipped.length > 0 && (
        <ul className="upload-files">
          {failed.slice(0, shown).map((file) => <li key={file.header.sopUid}><Data>{file.path}</Data><span className="chip chip-danger">{why(file.why)}</span></li>)}
          {skipped.slice(0, shown).map((file, index) => <li key={`${index}-${file.path}`}><Data>{file.path}</Data><span className="chip chip-neutral">{why(file.why)}</span></li>)}
        </ul>
      )}
    </section>
  );
}

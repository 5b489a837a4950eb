// The result of an upload as a table for spreadsheets.
import type { SkippedFile, UploadFile } from "./group";

/** RFC 4180; a leading = + - @ would be a formula to a spreadsheet, and these texts come from strangers' files. */
function cell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvOf(rows: readonly (readonly string[])[]): string {
  return `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`; // with the mark, spreadsheets read UTF-8
}

/** One row per file: path, SOP Instance UID as sent, state, reason. */
export function resultRows(files: readonly UploadFile[], skipped: readonly SkippedFile[], reason: (code: string) => string): string[][] {
  return [
    ["file", "sop_instance_uid", "state", "reason"],
    ...files.map((file) => [file.path, file.sentUid, file.state, file.state === "failed" && file.why ? reason(file.why) : ""]),
    ...skipped.map((file) => [file.path, "", "skipped", reason(file.why)]),
  ];
}

export function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

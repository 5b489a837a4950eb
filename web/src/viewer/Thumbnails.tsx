// The series of the study, each with a small picture made by the hub.
import { FileImageOutlined } from "@ant-design/icons";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { Data } from "../ui/Data";
import { thumbnailUrl, type Stack } from "./stack";

interface ThumbnailsProps {
  manifest: Schemas["Manifest"];
  stacks: readonly Stack[];
  current: Stack | null;
  onOpen: (stack: Stack) => void;
}

function Picture({ url }: { url: string }) {
  const [failed, setFailed] = useState(false);
  if (failed) return <span className="viewer-thumb-none" aria-hidden><FileImageOutlined /></span>;
  return <img src={url} alt="" width={96} height={96} loading="lazy" decoding="async" onError={() => setFailed(true)} />;
}

export const Thumbnails = memo(function Thumbnails({ manifest, stacks, current, onOpen }: ThumbnailsProps) {
  const { t } = useTranslation();
  return (
    <nav className="viewer-thumbs" aria-label={t("viewer.series")}>
      {stacks.map((stack) => (
        <button
          key={`${stack.series.series_uid}/${stack.frames[0]!.instance.sop_uid}`}
          type="button"
          className="viewer-thumb"
          aria-current={sameStack(stack, current)}
          onClick={() => onOpen(stack)}
        >
          <Picture url={thumbnailUrl(manifest, stack)} />
          <span className="viewer-thumb-text">
            <span className="viewer-thumb-line">
              <span className="viewer-thumb-modality" translate="no">{stack.series.modality}</span>
              <span className="muted num">{t(stack.cine ? "viewer.frames" : "viewer.images", { count: stack.frames.length })}</span>
            </span>
            <span className="viewer-thumb-name">
              <Data>{seriesName(stack)}</Data>
            </span>
          </span>
        </button>
      ))}
    </nav>
  );
});

function sameStack(a: Stack, b: Stack | null): boolean {
  return b !== null && a.series.series_uid === b.series.series_uid && a.frames[0]!.instance.sop_uid === b.frames[0]!.instance.sop_uid;
}

export function seriesName(stack: Stack): string {
  const number = stack.series.number == null ? "" : `${stack.series.number} `;
  const part = stack.part > 0 ? ` (${stack.part})` : "";
  return `${number}${stack.series.description ?? ""}${part}`.trim() || "—";
}

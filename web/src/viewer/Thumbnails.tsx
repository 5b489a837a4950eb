// The series of the open studies, each with a small picture made by the hub. A click shows one in the pane with the focus ring; it can
// also be dragged onto any pane.
import {
  FileImageOutlined, FilePdfOutlined, FileTextOutlined, FileUnknownOutlined, HeartOutlined, KeyOutlined, StarFilled, VideoCameraOutlined,
} from "@ant-design/icons";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { formatDate } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Data } from "../ui/Data";
import { documentKind } from "./documents/kinds";
import { DRAGGED } from "./Grid";
import type { Schemas } from "../api/client";
import { sameStack, type Content } from "./layout";
import { useDrawn } from "./MeasurementPanel";
import { Priors } from "./Priors";
import { thumbnailUrl, type Stack } from "./stack";
import type { OpenStudy } from "./use-studies";

interface ThumbnailsProps {
  studies: readonly OpenStudy[];
  current: Content | null;
  onOpen: (key: string) => void;
  onPrior: (manifest: Schemas["Manifest"], study: Schemas["Study"]) => void;
}

/** Names a stack among all open studies. */
export function stackKey(study: string, stack: Stack): string {
  return `${study}/${stack.series.series_uid}/${stack.frames[0]?.instance.sop_uid ?? ""}`;
}

function Picture({ url }: { url: string }) {
  const [failed, setFailed] = useState(false);
  if (failed) return <span className="viewer-thumb-none" aria-hidden><FileImageOutlined /></span>;
  return <img src={url} alt="" width={96} height={96} loading="lazy" decoding="async" draggable={false} onError={() => setFailed(true)} />;
}

const DOCUMENT_ICONS = {
  pdf: FilePdfOutlined, report: FileTextOutlined, keys: KeyOutlined, waveform: HeartOutlined, video: VideoCameraOutlined, other: FileUnknownOutlined,
} as const;

function Document({ study, stack, current, onOpen }: { study: OpenStudy; stack: Stack; current: boolean; onOpen: (key: string) => void }) {
  const { t } = useTranslation();
  const key = stackKey(study.id, stack);
  const kind = documentKind(stack.series, stack.frames[0]!.instance) ?? "other";
  const Icon = DOCUMENT_ICONS[kind];
  return (
    <button
      type="button"
      className="viewer-thumb viewer-thumb-document"
      aria-current={current}
      draggable
      onDragStart={(event) => {
        event.dataTransfer.setData(DRAGGED, key);
        event.dataTransfer.effectAllowed = "copy";
      }}
      onClick={() => onOpen(key)}
    >
      <Icon aria-hidden />
      <span className="viewer-thumb-text">
        <span className="viewer-thumb-line">
          <span className="viewer-thumb-modality">{t(`viewer.document.kind.${kind}`)}</span>
        </span>
        <span className="viewer-thumb-name">
          <Data>{seriesName(stack)}</Data>
        </span>
      </span>
    </button>
  );
}

function Thumbnail({ study, stack, current, onOpen }: { study: OpenStudy; stack: Stack; current: boolean; onOpen: (key: string) => void }) {
  const { t } = useTranslation();
  const key = stackKey(study.id, stack);
  const drawn = useDrawn(study.store);
  const keys = drawn.filter((one) => one.kind === "key" && one.series === stack.series.series_uid).length;
  return (
    <button
      type="button"
      className="viewer-thumb"
      aria-current={current}
      draggable
      onDragStart={(event) => {
        event.dataTransfer.setData(DRAGGED, key);
        event.dataTransfer.effectAllowed = "copy";
      }}
      onClick={() => onOpen(key)}
    >
      <Picture url={thumbnailUrl(study.manifest, stack)} />
      <span className="viewer-thumb-text">
        <span className="viewer-thumb-line">
          <span className="viewer-thumb-modality" translate="no">{stack.series.modality}</span>
          {keys > 0 && (
            <span className="num" title={t("viewer.kind.key")}>
              <StarFilled aria-label={t("viewer.kind.key")} className="key-star" /> {keys}
            </span>
          )}
          <span className="muted num">{t(stack.cine ? "viewer.frames" : "viewer.images", { count: stack.frames.length })}</span>
        </span>
        <span className="viewer-thumb-name">
          <Data>{seriesName(stack)}</Data>
        </span>
      </span>
    </button>
  );
}

export const Thumbnails = memo(function Thumbnails({ studies, current, onOpen, onPrior }: ThumbnailsProps) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <nav className="viewer-thumbs" aria-label={t("viewer.series")}>
      {studies.map((study) => (
        <div key={study.id} className="viewer-thumb-study">
          {studies.length > 1 && (
            <p className="viewer-thumb-date num">
              <Data>{study.study?.study_date ? formatDate(study.study.study_date, language) : "—"}</Data>
            </p>
          )}
          {study.stacks.map((stack) => (
            <Thumbnail
              key={stackKey(study.id, stack)}
              study={study}
              stack={stack}
              current={current !== null && current.study === study.id && sameStack(stack, current.stack)}
              onOpen={onOpen}
            />
          ))}
          {study.documents.map((stack) => (
            <Document
              key={stackKey(study.id, stack)}
              study={study}
              stack={stack}
              current={current !== null && current.study === study.id && sameStack(stack, current.stack)}
              onOpen={onOpen}
            />
          ))}
        </div>
      ))}
      {studies[0]?.study !== undefined && <Priors study={studies[0].study} open={studies} onOpen={onPrior} />}
    </nav>
  );
});

export function seriesName(stack: Stack): string {
  const number = stack.series.number == null ? "" : `${stack.series.number} `;
  const part = stack.part > 0 ? ` (${stack.part})` : "";
  return `${number}${stack.series.description ?? ""}${part}`.trim() || "—";
}

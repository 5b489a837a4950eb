// A pane with something that is no stack of pictures: who it is about and what it is on top, below it the document by its kind. What is
// not known here is named and can be downloaded as it was sent.
import { DownloadOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { Data } from "../../ui/Data";
import { Failure } from "../../ui/states";
import { headerFacts, text, type Dataset } from "../dicom";
import type { Content } from "../layout";
import type { OtherPaneProps } from "../pane-kinds";
import type { StudySource } from "../source";
import { instanceUrl, type Stack } from "../stack";
import { className, documentKind, type DocumentKind } from "./kinds";
import { VideoView } from "./VideoView";
import "./documents.css";

export interface DocumentProps {
  content: Content;
  source: StudySource;
  dataset: Dataset;
  /** Address of the instance. */
  url: string;
  onOpen: (content: Content) => void;
}

const VIEWS: Partial<Record<DocumentKind, ComponentType<DocumentProps>>> = {
  pdf: lazy(() => import("./PdfView")),
  report: lazy(() => import("./ReportView")),
  keys: lazy(() => import("./ReportView")),
  waveform: lazy(() => import("./WaveformView")),
  video: VideoView,
  other: OtherView,
};

function OtherView({ content, url }: DocumentProps) {
  const { t } = useTranslation();
  const sopClass = content.stack.frames[0]!.instance.sop_class;
  const name = className(sopClass);
  return (
    <div className="document-other">
      <p>{name === null ? t("viewer.document.unknown", { type: content.stack.series.modality }) : t(`viewer.document.class.${name}` as "viewer.document.class.cda")}</p>
      <p className="muted">{t("viewer.document.notShown")}</p>
      <Download url={url} wide />
    </div>
  );
}

/** The file as it is stored, for the program that knows it. */
export function Download({ url, wide = false }: { url: string; wide?: boolean }) {
  const { t } = useTranslation();
  return (
    <a className={wide ? "tool wide" : "tool"} href={`${url}?accept=application/dicom`} download="image.dcm" aria-label={t("viewer.document.download")} title={t("viewer.document.download")}>
      <DownloadOutlined aria-hidden /> {wide && <span>{t("viewer.document.download")}</span>}
    </a>
  );
}

export function documentTitle(stack: Stack, dataset: Dataset | undefined): string {
  const own = dataset === undefined ? "" : text(dataset, "00420010");
  return own || stack.series.description || "—";
}

export default function DocumentPane({ content, source, onOpen }: OtherPaneProps) {
  const { t } = useTranslation();
  const { series, frames } = content.stack;
  const ref = frames[0]!;
  const url = instanceUrl(source.manifest, series, ref.instance);
  const kind = documentKind(series, ref.instance) ?? "other";
  const dataset = useQuery({ queryKey: ["instance", ref.instance.sop_uid], queryFn: () => source.readInstance(series, ref), gcTime: 0 });
  const View = VIEWS[kind]!;
  const header = dataset.data === undefined ? null : headerFacts(dataset.data);
  return (
    <section className="document" tabIndex={0} aria-label={t(`viewer.document.kind.${kind}`)} data-kind={kind}>
      <header className="document-head">
        <strong>{t(`viewer.document.kind.${kind}`)}</strong>
        <Data>{documentTitle(content.stack, dataset.data)}</Data>
        {header !== null && <span className="muted num"><Data>{header.studyDate}</Data></span>}
        {header !== null && <span className="muted"><Data>{header.institution}</Data></span>}
        <span className="tool-gap" />
        <Download url={url} />
      </header>
      {dataset.error !== null && <div className="viewer-fault"><Failure error={dataset.error} onRetry={() => void dataset.refetch()} /></div>}
      {dataset.data !== undefined && (
        <Suspense fallback={<p className="viewer-wait" role="status">{t("viewer.opening")}</p>}>
          <View key={url} content={content} source={source} dataset={dataset.data} url={url} onOpen={onOpen} />
        </Suspense>
      )}
    </section>
  );
}

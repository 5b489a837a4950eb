// An encapsulated PDF (PS3.3 A.45.1), drawn by pdf.js: browsers show no PDF inside a page that forbids frames and plugins, as ours does,
// and a PDF from a stranger must not run anything. Pages are drawn when they come into view and given back when they leave it.
import { MinusOutlined, PlusOutlined } from "@ant-design/icons";
import { getDocument, GlobalWorkerOptions, version, type PDFDocumentProxy, type PDFPageProxy } from "pdfjs-dist";
import workerUrl from "pdfjs-dist/build/pdf.worker.min.mjs?url";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { bytesOf } from "./bytes";
import type { DocumentProps } from "./DocumentPane";

GlobalWorkerOptions.workerSrc = workerUrl;
/** Character maps and fonts that a PDF may leave out (vite.config.ts puts them there). */
const RESOURCES = `${import.meta.env.BASE_URL}assets/pdfjs-${version}`;
const ZOOM_STEP = 1.2;
const LARGEST_PIXELS = 16_000_000;

interface PageProps {
  pdf: PDFDocumentProxy;
  number: number;
  /** CSS pixels. */
  width: number;
}

function usePage(pdf: PDFDocumentProxy, number: number): PDFPageProxy | null {
  const [page, setPage] = useState<PDFPageProxy | null>(null);
  useEffect(() => {
    let gone = false;
    void pdf.getPage(number).then((one) => gone || setPage(one), () => undefined);
    return () => {
      gone = true;
    };
  }, [pdf, number]);
  return page;
}

function useSeen(element: HTMLElement | null): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (element === null) return;
    const observer = new IntersectionObserver(([entry]) => setSeen(entry!.isIntersecting), { rootMargin: "400px" });
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return seen;
}

function Page({ pdf, number, width }: PageProps) {
  const { t } = useTranslation();
  const page = usePage(pdf, number);
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [words, setWords] = useState("");
  const [drawn, setDrawn] = useState(false);
  const seen = useSeen(box);
  const natural = page?.getViewport({ scale: 1 });
  const height = natural === undefined ? width * 1.414 : (width * natural.height) / natural.width;

  useEffect(() => {
    if (page === null || !seen || canvas.current === null) return;
    const base = page.getViewport({ scale: 1 });
    const wanted = (width / base.width) * (window.devicePixelRatio || 1);
    const viewport = page.getViewport({ scale: Math.min(wanted, Math.sqrt(LARGEST_PIXELS / (base.width * base.height))) });
    const element = canvas.current;
    element.width = Math.floor(viewport.width);
    element.height = Math.floor(viewport.height);
    const task = page.render({ canvas: element, viewport });
    task.promise.then(() => setDrawn(true), () => undefined);
    void page.getTextContent().then(({ items }) => setWords(items.map((item) => ("str" in item ? item.str : "")).join(" ")), () => undefined);
    return () => {
      task.cancel();
      element.width = 0; // gives the memory back
      setDrawn(false);
    };
  }, [page, seen, width]);

  return (
    <div ref={setBox} className="pdf-page" style={{ width, height }} data-drawn={drawn}>
      <canvas ref={canvas} role="img" aria-label={t("viewer.document.page", { number, count: pdf.numPages })} />
      <p className="pdf-words">{words}</p>
    </div>
  );
}

export default function PdfView({ dataset }: DocumentProps) {
  const { t } = useTranslation();
  const [pdf, setPdf] = useState<PDFDocumentProxy | null>(null);
  const [failed, setFailed] = useState(false);
  const [zoom, setZoom] = useState(1);
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const [space, setSpace] = useState(0);

  useEffect(() => {
    let gone = false;
    let task: ReturnType<typeof getDocument> | null = null;
    const open = async () => {
      const data = await bytesOf(dataset["00420011"] ?? {});
      if (gone) return;
      task = getDocument({
        data, isEvalSupported: false, enableXfa: false, cMapUrl: `${RESOURCES}/cmaps/`, cMapPacked: true,
        standardFontDataUrl: `${RESOURCES}/standard_fonts/`, wasmUrl: `${RESOURCES}/wasm/`, useSystemFonts: true,
      });
      const opened = await task.promise;
      if (!gone) setPdf(opened);
    };
    open().catch(() => gone || setFailed(true));
    return () => {
      gone = true;
      void task?.destroy();
    };
  }, [dataset]);

  useEffect(() => {
    if (box === null) return;
    const observer = new ResizeObserver(() => setSpace(box.clientWidth));
    observer.observe(box);
    return () => observer.disconnect();
  }, [box]);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const factor = event.key === "+" || event.key === "=" ? ZOOM_STEP : event.key === "-" ? 1 / ZOOM_STEP : null;
    const reading = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "].includes(event.key);
    if (factor !== null) setZoom((before) => Math.min(5, Math.max(0.3, before * factor)));
    if (factor !== null || reading) event.stopPropagation(); // the page scrolls by itself
  };

  const width = Math.round(Math.min(1000, Math.max(200, space - 32)) * zoom);
  return (
    <div className="document-body">
      <div className="document-tools" role="toolbar" aria-label={t("viewer.tools")}>
        <button type="button" className="tool" aria-label={t("keys.zoomOut")} title={`${t("keys.zoomOut")} (−)`} onClick={() => setZoom(zoom / ZOOM_STEP)}><MinusOutlined aria-hidden /></button>
        <span className="tool-text num">{Math.round(zoom * 100)}%</span>
        <button type="button" className="tool" aria-label={t("keys.zoomIn")} title={`${t("keys.zoomIn")} (+)`} onClick={() => setZoom(zoom * ZOOM_STEP)}><PlusOutlined aria-hidden /></button>
        {pdf !== null && <span className="muted num">{t("viewer.document.pages", { count: pdf.numPages })}</span>}
      </div>
      <div ref={setBox} className="document-scroll" tabIndex={0} role="group" aria-label={t("viewer.document.kind.pdf")} onKeyDown={onKeyDown}>
        {failed && <p className="viewer-wait" role="alert">{t("viewer.document.damaged")}</p>}
        {!failed && pdf === null && <p className="viewer-wait" role="status">{t("viewer.opening")}</p>}
        {pdf !== null && space > 0 && Array.from({ length: pdf.numPages }, (_, at) => <Page key={at} pdf={pdf} number={at + 1} width={width} />)}
      </div>
    </div>
  );
}

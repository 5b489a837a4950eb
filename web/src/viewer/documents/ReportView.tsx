// A structured report or a selection of key images, as a report is read: headings, sentences, a line for each measurement, and the images
// that it speaks of, one click away.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Data } from "../../ui/Data";
import type { Content } from "../layout";
import { frameUrl, stacksOfStudy, type Manifest } from "../stack";
import type { DocumentProps } from "./DocumentPane";
import { imagesIn, readReport, type ImageReference, type Report, type ReportItem } from "./sr";

/** Modifiers that say how the file was made and nothing to a reader. */
const SILENT = new Set(["UIDREF", "SCOORD", "SCOORD3D", "TCOORD"]);

interface Place {
  content: Content;
  number: number;
  thumbnail: string;
}

/** Where an image of the report is among the open study's stacks. */
function placeOf(manifest: Manifest, study: string, image: ImageReference): Place | null {
  for (const stack of stacksOfStudy(manifest)) {
    const index = stack.frames.findIndex((ref) => ref.instance.sop_uid === image.instance && (image.frames.length === 0 || image.frames.includes(ref.frame)));
    if (index >= 0) {
      return { content: { kind: "stack", study, stack, index }, number: index + 1, thumbnail: `${frameUrl(manifest, stack.series, stack.frames[index]!)}/thumbnail` };
    }
  }
  return null;
}

function useWords(): (code: string, name: string) => string {
  const { t, i18n } = useTranslation();
  return (code, name) => {
    const key = `viewer.sr.code.${code.replace(/[^A-Za-z0-9]/g, "_")}`;
    return i18n.exists(key) ? t(key as "viewer.sr.code.DCM_121070") : name;
  };
}

interface ItemProps {
  item: ReportItem;
  level: number;
  pictures: Pictures;
}
interface Pictures {
  of: (image: ImageReference) => Place | null;
  onOpen: (content: Content) => void;
}

function Images({ images, pictures }: { images: readonly ImageReference[]; pictures: Pictures }) {
  const { t } = useTranslation();
  return (
    <div className="report-images">
      {images.map((image) => {
        const place = pictures.of(image);
        if (place === null) return <span key={image.instance} className="muted">{t("viewer.sr.elsewhere")}</span>;
        const name = t("viewer.sr.image", { series: place.content.stack.series.number ?? "", number: place.number });
        return (
          <button key={`${image.instance}/${image.frames.join()}`} type="button" className="report-image" onClick={() => pictures.onOpen(place.content)}>
            <img src={place.thumbnail} alt="" width={96} height={96} loading="lazy" />
            <span className="num">{name}</span>
          </button>
        );
      })}
    </div>
  );
}

function Item({ item, level, pictures }: ItemProps) {
  const words = useWords();
  const name = words(item.code, item.name);
  const value = item.textCode === "" ? item.text : words(item.textCode, item.text);
  const shown = item.items.filter((child) => !SILENT.has(child.type));
  const Heading = `h${Math.min(6, level + 2)}` as "h3";
  if (item.type === "CONTAINER") {
    return (
      <section className="report-section">
        {name !== "" && <Heading><Data>{name}</Data></Heading>}
        {shown.map((child, at) => <Item key={at} item={child} level={level + 1} pictures={pictures} />)}
      </section>
    );
  }
  const paragraph = item.type === "TEXT" && item.text.length > 60;
  return (
    <div className={paragraph ? "report-item report-text" : "report-item"}>
      {name !== "" && <span className="report-name"><Data>{name}</Data></span>}
      {value !== "" && <span className={item.type === "NUM" ? "report-value num" : "report-value"}><Data>{value}</Data></span>}
      {item.images.length > 0 && <Images images={item.images} pictures={pictures} />}
      {shown.length > 0 && <div className="report-children">{shown.map((child, at) => <Item key={at} item={child} level={level + 1} pictures={pictures} />)}</div>}
    </div>
  );
}

function Standing({ report }: { report: Report }) {
  const { t } = useTranslation();
  return (
    <p className="report-standing muted">
      <span>{t(report.verified ? "viewer.sr.verified" : "viewer.sr.unverified")}</span>
      {!report.complete && <strong>{t("viewer.sr.partial")}</strong>}
      {report.people.map((person) => <span key={person.name}><Data>{[person.name, person.organisation, person.at].filter((part) => part !== "").join(" · ")}</Data></span>)}
      {report.date !== "" && <span className="num"><Data>{report.date}</Data></span>}
    </p>
  );
}

export default function ReportView({ content, source, dataset, onOpen }: DocumentProps) {
  const { t } = useTranslation();
  const words = useWords();
  const report = useMemo(() => readReport(dataset), [dataset]);
  const { study } = content;
  const pictures = useMemo<Pictures>(() => {
    const known = new Map<string, Place | null>();
    return {
      onOpen,
      of: (image) => {
        const key = `${image.instance}/${image.frames.join()}`;
        if (!known.has(key)) known.set(key, placeOf(source.manifest, study, image));
        return known.get(key)!;
      },
    };
  }, [source, study, onOpen]);
  const keys = content.stack.series.modality === "KO";
  const { title } = report;
  return (
    <div className="document-scroll report" tabIndex={0} role="group" aria-label={t(keys ? "viewer.document.kind.keys" : "viewer.document.kind.report")}>
      <article>
        <h2><Data>{words(title.code, title.name)}</Data></h2>
        {!keys && <Standing report={report} />}
        {keys ? (
          <>
            {title.items.filter(({ type }) => type === "TEXT" || type === "CODE").map((item, at) => <Item key={at} item={item} level={1} pictures={pictures} />)}
            <Images images={imagesIn(title)} pictures={pictures} />
          </>
        ) : (
          title.items.filter(({ type }) => !SILENT.has(type)).map((item, at) => <Item key={at} item={item} level={1} pictures={pictures} />)
        )}
        {report.cut && <p className="document-warning" role="alert">{t("viewer.sr.cut")}</p>}
      </article>
    </div>
  );
}

// What stands on the image: who and what in the corners, the sides of the patient at the edges, and errors in words.
import { StarFilled } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { ApiError, type Schemas } from "../api/client";
import { patientNames } from "../i18n/format";
import { Data } from "../ui/Data";
import { useErrorText } from "../ui/states";
import { headerFacts, patientFacts } from "./dicom";
import type { PaneInfo, StackPane } from "./pane";
import type { StudySource } from "./source";
import { seriesName } from "./Thumbnails";

interface OverlayProps {
  pane: StackPane;
  info: PaneInfo;
  source: StudySource | null;
  study?: Schemas["Study"] | undefined;
  hover: readonly [number, number] | null;
  /** The words in the corners are wanted. */
  corners: boolean;
  /** Somebody marked this image as a key image. */
  isKey: boolean;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function UnderPointer({ pane, info, hover }: Pick<OverlayProps, "pane" | "info" | "hover">) {
  const { t } = useTranslation();
  if (hover === null || info.loading) return null;
  const value = pane.valueAt(hover);
  if (value === null || value === undefined) return null;
  return <div className="num">{t(info.facts?.rescaleType === "HU" ? "viewer.hu" : "viewer.value", { value: round(value) })}</div>;
}

function Corners({ pane, info, source, study, hover }: OverlayProps) {
  const { t } = useTranslation();
  const ref = info.stack?.frames[info.index];
  const dataset = ref === undefined ? null : (source?.dataset(ref) ?? null);
  const header = dataset === null ? null : headerFacts(dataset);
  const written = dataset === null ? null : patientFacts(dataset);
  const name = study === undefined ? (written?.name ?? "") : patientNames(study.patient.name).main;
  return (
    <>
      <div className="corner top-left">
        <div><Data>{name}</Data></div>
        {written !== null && <div className="num"><Data>{written.id}</Data></div>}
      </div>
      <div className="corner top-right">
        {header !== null && (
          <>
            <div><Data>{header.institution}</Data></div>
            <div className="num"><Data>{header.studyDate}</Data></div>
          </>
        )}
        {info.stack !== null && <div><Data>{`${info.stack.series.modality} ${seriesName(info.stack)}`}</Data></div>}
      </div>
      <div className="corner bottom-left num">
        <UnderPointer pane={pane} info={info} hover={hover} />
        {info.window !== null && <div>{t("viewer.windowText", { width: round(info.window.width), center: round(info.window.center) })}</div>}
        <div>{t("viewer.zoom", { percent: Math.round(info.view.zoom * 100) })}</div>
      </div>
      <div className="corner bottom-right num">
        {info.facts?.thickness != null && <div>{t("viewer.thickness", { mm: round(info.facts.thickness) })}</div>}
        {info.facts?.location != null && <div>{t("viewer.location", { mm: round(info.facts.location) })}</div>}
        {info.count > 0 && (
          <div className="viewer-count">
            {t(info.stack?.cine === true ? "viewer.frameOf" : "viewer.imageOf", { number: info.index + 1, count: info.count })}
          </div>
        )}
      </div>
    </>
  );
}

function Fault({ pane, info }: Pick<OverlayProps, "pane" | "info">) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const text = info.error instanceof ApiError ? errorText(info.error) : t("viewer.cannotShow");
  return (
    <div className="viewer-error" role="alert">
      <p>{text}</p>
      <button type="button" className="tool wide" onClick={() => pane.retry()}>
        {t("common.retry")}
      </button>
    </div>
  );
}

export function Overlay(props: OverlayProps) {
  const { t } = useTranslation();
  const { pane, info } = props;
  return (
    <div className="viewer-overlay">
      {props.corners && <Corners {...props} />}
      {props.isKey && (
        <div className="key-mark" role="img" aria-label={t("viewer.kind.key")}>
          <StarFilled aria-hidden className="key-star" />
        </div>
      )}
      {info.letters !== null && (
        <div translate="no">
          <span className="edge at-left">{info.letters.left}</span>
          <span className="edge at-right">{info.letters.right}</span>
          <span className="edge at-top">{info.letters.top}</span>
          <span className="edge at-bottom">{info.letters.bottom}</span>
        </div>
      )}
      {info.loading && <p className="viewer-loading" role="status">{t("viewer.loading")}</p>}
      {info.error !== null && <Fault pane={pane} info={info} />}
    </div>
  );
}

// The viewer's page: reads the study and its manifest while the viewer's code is on its way, then shows both.
import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { DarkSurface } from "../ui/Surface";
import { Failure } from "../ui/states";
import { PatientBand } from "./PatientBand";
import { manifestQuery, studyQuery, useViewerCode } from "./preload";
import "./viewer.css";

export function Component() {
  const { id = "" } = useParams();
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const manifest = useQuery(manifestQuery(id)); // asked for first: it is what the images wait for
  const study = useQuery(studyQuery(id));
  const Viewer = useViewerCode();
  const error = manifest.error;

  useEffect(() => {
    const before = document.title;
    document.title = `${t("viewer.title")} – Consilium`;
    return () => {
      document.title = before;
    };
  }, [t]);

  // A page opened in a tab of its own has nowhere to go back to.
  const back = () => void (window.history.length > 1 ? navigate(-1) : navigate("/studies"));

  return (
    <DarkSurface className="viewer-page">
      <header className="viewer-head">
        <button type="button" className="tool" onClick={back} aria-label={t("viewer.back")} title={t("viewer.back")}>
          <ArrowLeftOutlined aria-hidden />
        </button>
        {study.data !== undefined && <PatientBand patient={study.data.patient} day={study.data.study_date} />}
      </header>
      {error !== null && manifest.data === undefined ? (
        <div className="viewer-fault">
          <Failure error={error} onRetry={() => void manifest.refetch()} />
        </div>
      ) : manifest.data === undefined || Viewer === null ? (
        <ViewerFrame />
      ) : (
        <Viewer key={id} manifest={manifest.data} study={study.data} start={{ series: search.get("series"), instance: search.get("instance") }} />
      )}
    </DarkSurface>
  );
}

/** The empty frame before the first answer: the same places as later, so that nothing jumps. */
function ViewerFrame() {
  const { t } = useTranslation();
  return (
    <div className="viewer" aria-busy="true">
      <div className="viewer-tools" />
      <div className="viewer-thumbs" />
      <div className="viewer-main">
        <p className="viewer-wait" role="status">{t("viewer.opening")}</p>
      </div>
    </div>
  );
}

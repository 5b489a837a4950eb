// The viewer's page: reads the study and its manifest while the viewer's code is on its way, then shows both.
import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { api, take } from "../api/client";
import { DarkSurface } from "../ui/Surface";
import { Failure } from "../ui/states";
import { PatientBand } from "./PatientBand";
import { preloadViewer } from "./preload";
import "./viewer.css";

const Viewer = lazy(preloadViewer);

/** What is read of a study before its first image; the query keys follow the other screens'. */
export function useStudyForViewer(id: string) {
  const study = useQuery({
    queryKey: ["study", id],
    queryFn: () => take(api.GET("/studies/{id}", { params: { path: { id } } })),
  });
  const manifest = useQuery({
    queryKey: ["study", id, "manifest"],
    queryFn: () => take(api.GET("/studies/{id}/manifest", { params: { path: { id } } })),
    staleTime: 60_000,
  });
  return { study, manifest };
}

export function Component() {
  const { id = "" } = useParams();
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const { study, manifest } = useStudyForViewer(id);
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
      ) : (
        <Suspense fallback={<ViewerFrame />}>
          {manifest.data === undefined ? (
            <ViewerFrame />
          ) : (
            <Viewer key={id} manifest={manifest.data} study={study.data} start={{ series: search.get("series"), instance: search.get("instance") }} />
          )}
        </Suspense>
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

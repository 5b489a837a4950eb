// The case's images beside the faces: a strip of studies, and the viewer with the original pixels.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { formatDate } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Data } from "../ui/Data";
import { Failure } from "../ui/states";
import { manifestQuery, useViewerCode } from "../viewer/preload";

function StudyImages({ study }: { study: Schemas["Study"] }) {
  const { t } = useTranslation();
  const manifest = useQuery(manifestQuery(study.id));
  const Viewer = useViewerCode();
  if (manifest.data !== undefined && Viewer !== null) return <Viewer key={study.id} manifest={manifest.data} study={study} compact />;
  if (manifest.error !== null) return <div className="viewer-fault"><Failure error={manifest.error} onRetry={() => void manifest.refetch()} /></div>;
  return <p className="room-wait" role="status">{t("viewer.opening")}</p>;
}

export function Images({ studies }: { studies: readonly Schemas["Study"][] }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const [chosen, setChosen] = useState(studies[0]?.id);
  const study = studies.find((one) => one.id === chosen) ?? studies[0];
  return (
    <div className="room-images">
      {studies.length > 1 && (
        <nav className="study-strip" aria-label={t("room.studies")}>
          {studies.map((one) => (
            <button key={one.id} type="button" className="study-tab" aria-current={one.id === study?.id} onClick={() => setChosen(one.id)}>
              <span translate="no">{one.modalities.join(" ")}</span>
              <span className="muted"><Data>{one.description || "—"}</Data></span>
              <span className="muted num">{one.study_date ? formatDate(one.study_date, language) : ""}</span>
            </button>
          ))}
        </nav>
      )}
      {study !== undefined && <StudyImages study={study} />}
    </div>
  );
}

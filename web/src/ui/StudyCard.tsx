import { EyeOutlined, FileImageOutlined } from "@ant-design/icons";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Study } from "../api/queries";
import { formatDate } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Modalities } from "./chips";
import { Data } from "./Data";
import { useWarmViewer } from "../viewer/preload";

/** The first picture of a study, made small by the hub. */
export function Thumbnail({ study, size = 64 }: { study: Study; size?: number }) {
  const [broken, setBroken] = useState(false);
  const first = study.series?.find((series) => series.thumbnail)?.thumbnail;
  const source = first ?? `/dicom-web/orgs/${encodeURIComponent(study.organisation.code)}/studies/${study.study_uid}/thumbnail`;
  if (broken) return <span className="study-thumb study-thumb-none" style={{ width: size, height: size }}><FileImageOutlined aria-hidden /></span>;
  return <img className="study-thumb" src={source} alt="" width={size} height={size} loading="lazy" decoding="async" onError={() => setBroken(true)} />;
}

export function StudyFacts({ study }: { study: Study }) {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <span className="study-facts">
      <span className="study-title"><Modalities list={study.modalities} /> {study.description ? <Data>{study.description}</Data> : <span className="muted">{t("study.untitled")}</span>}</span>
      <span className="muted num">
        {study.study_date && <><Data>{formatDate(study.study_date, language)}</Data> · </>}{t("study.counts", { series: study.series_count, images: study.instance_count })}
      </span>
    </span>
  );
}

/** A study with its picture; opens the viewer. */
export function StudyCard({ study }: { study: Study }) {
  useWarmViewer();
  const { t } = useTranslation();
  return (
    <Link className="study-card" to={`/studies/${study.id}/view`}>
      <Thumbnail study={study} />
      <StudyFacts study={study} />
      <span className="study-open"><EyeOutlined aria-hidden /> {t("study.open")}</span>
    </Link>
  );
}

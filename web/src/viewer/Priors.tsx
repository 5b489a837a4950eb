// Other studies of the same patient that this person may see; one opens beside what is on the screen.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take, type Schemas } from "../api/client";
import { formatDate } from "../i18n/format";
import { useLanguage } from "../i18n/use-language";
import { Data } from "../ui/Data";
import type { OpenStudy } from "./use-studies";

const MOST = 50;

interface PriorsProps {
  study: Schemas["Study"];
  open: readonly OpenStudy[];
  onOpen: (manifest: Schemas["Manifest"], study: Schemas["Study"]) => void;
}

export function Priors({ study, open, onOpen }: PriorsProps) {
  const { t } = useTranslation();
  const language = useLanguage();
  const { data } = useQuery({
    queryKey: ["studies", "patient", study.patient.id],
    queryFn: () => take(api.GET("/studies", { params: { query: { patient: study.patient.id, limit: MOST } } })),
    staleTime: 60_000,
  });
  const others = (data?.items ?? []).filter((one) => !open.some(({ id }) => id === one.id));
  if (others.length === 0) return null;
  const show = async (prior: Schemas["Study"]) =>
    onOpen(await take(api.GET("/studies/{id}/manifest", { params: { path: { id: prior.id } } })), prior);
  return (
    <div className="viewer-priors" role="group" aria-label={t("viewer.priors")}>
      <p className="viewer-thumb-date">{t("viewer.priors")}</p>
      {others.map((one) => (
        <button key={one.id} type="button" className="viewer-thumb prior" onClick={() => void show(one).catch(() => undefined)}>
          <span className="viewer-thumb-line">
            <span className="viewer-thumb-modality" translate="no">{one.modalities.join(" ")}</span>
            <span className="num"><Data>{one.study_date ? formatDate(one.study_date, language) : "—"}</Data></span>
          </span>
          <span className="viewer-thumb-name muted"><Data>{one.description || "—"}</Data></span>
        </button>
      ))}
    </div>
  );
}

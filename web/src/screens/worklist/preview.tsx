import { CloseOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useConsult, useReferral, type WorkItem } from "../../api/queries";
import { UrgencyChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { PatientName, SexAge } from "../../ui/PatientBand";
import { QueryView } from "../../ui/states";
import { StudyCard } from "../../ui/StudyCard";

function ConsultBody({ id }: { id: string }) {
  const { t } = useTranslation();
  const query = useConsult(id);
  return (
    <QueryView query={query}>
      {(consult) => (
        <>
          <h3 className="label">{t("consult.question")}</h3>
          <p className="prose"><Data>{consult.question}</Data></p>
          <div className="study-list">{consult.studies.map((study) => <StudyCard key={study.id} study={study} />)}</div>
        </>
      )}
    </QueryView>
  );
}

function ReferralBody({ id }: { id: string }) {
  const { t } = useTranslation();
  const query = useReferral(id);
  return (
    <QueryView query={query}>
      {(referral) => (
        <>
          <h3 className="label">{t("referral.diagnosis")}</h3>
          <p className="prose"><Data>{referral.diagnosis}</Data></p>
          <h3 className="label">{t("referral.reason")}</h3>
          <p className="prose"><Data>{referral.reason}</Data></p>
          <div className="study-list">{referral.studies.map((study) => <StudyCard key={study.id} study={study} />)}</div>
        </>
      )}
    </QueryView>
  );
}

/** The case beside the list: enough to decide whether to take it. */
export function Preview({ item, onOpen, onClose }: { item: WorkItem; onOpen: () => void; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <aside className="panel preview" aria-label={t("work.preview")}>
      <div className="panel-head">
        <h2><PatientName patient={item.patient} /></h2>
        <Button type="text" icon={<CloseOutlined />} aria-label={t("common.close")} onClick={onClose} />
      </div>
      <p className="preview-facts"><SexAge patient={item.patient} /> <UrgencyChip urgency={item.urgency} /></p>
      {item.kind === "consult" ? <ConsultBody id={item.id} /> : <ReferralBody id={item.id} />}
      <Button type="primary" block onClick={onOpen}>{t("common.open")}</Button>
    </aside>
  );
}

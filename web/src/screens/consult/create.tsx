// A request for a consultation: about one patient, with a question, to a department of a hospital that has an agreement
// with ours. Sent at once, or left as a draft on the hub; a draft comes back here to be finished.
import { App, Button, Checkbox, Form, Input } from "antd";
import { useRef, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { api, etagOf, idempotencyKey, type Schemas, take } from "../../api/client";
import { actOn, type Consult, type Patient, useConsult, useStudy } from "../../api/queries";
import { Page } from "../../ui/Page";
import { PatientBand } from "../../ui/PatientBand";
import { PatientSelect } from "../../ui/PatientSelect";
import { QueryView, useErrorText } from "../../ui/states";
import { StudyPicker } from "../../ui/StudyPicker";
import { TargetFields } from "../../ui/TargetFields";
import { UrgencyField } from "../../ui/UrgencyField";
import { useLeaveGuard } from "../../ui/leave-guard";

type ConsultInput = Schemas["ConsultInput"];
type Fields = Omit<ConsultInput, "submit">;

/** What a draft must have already. */
const draftFields = ["patient", "to_organisation", "to_department", "urgency", "question"] as const;

function fieldsOf(draft: Consult): Fields {
  return {
    patient: draft.patient.id,
    to_organisation: draft.to.organisation.id,
    to_department: draft.to.department?.id ?? "",
    urgency: draft.urgency,
    question: draft.question,
    summary: draft.summary,
    studies: draft.studies.map((study) => study.id),
    consent: draft.consent,
  };
}

async function store(body: ConsultInput, draft: Consult | undefined, key: string): Promise<Consult> {
  if (draft === undefined) return take(api.POST("/consults", { body, headers: { "Idempotency-Key": key } }));
  const { submit, ...fields } = body;
  const saved = await take(api.PATCH("/consults/{id}", { params: { path: { id: draft.id }, header: { "If-Match": etagOf(draft) } }, body: fields }));
  return submit ? ((await actOn("consult", saved.id, saved.version, "submit", {})) as Consult) : saved;
}

interface FormProps {
  patient?: Patient;
  study?: string;
  draft?: Consult;
}

function ConsultForm({ patient: given, study, draft }: FormProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [form] = Form.useForm<Fields>();
  const [patient, setPatient] = useState(given);
  const [busy, setBusy] = useState<"draft" | "send" | null>(null);
  const [touched, setTouched] = useState(false);
  const key = useRef(idempotencyKey());
  useLeaveGuard(touched);

  async function save(submit: boolean) {
    try {
      await (submit ? form.validateFields() : form.validateFields([...draftFields]));
    } catch {
      return; // the form shows what is missing
    }
    setBusy(submit ? "send" : "draft");
    try {
      const fields = form.getFieldsValue(true) as Fields;
      const consult = await store({ ...fields, studies: fields.studies ?? [], submit }, draft, key.current);
      setTouched(false);
      void queries.invalidateQueries({ queryKey: ["worklist"] });
      queries.setQueryData(["consult", consult.id], consult);
      void message.success(submit ? t("consult.sent") : t("case.draftSaved"));
      await navigate(`/consults/${consult.id}`, { replace: true });
    } catch (error) {
      key.current = idempotencyKey(); // the content may change before the next try
      if (draft) void queries.invalidateQueries({ queryKey: ["consult", draft.id] });
      void message.error(errorText(error));
    } finally {
      setBusy(null);
    }
  }

  const start: Partial<Fields> = draft ? fieldsOf(draft) : { patient: given?.id, studies: study ? [study] : [], urgency: "routine", consent: false };
  return (
    <>
      {patient && <PatientBand patient={patient} />}
      <Form<Fields> form={form} layout="vertical" className="form-narrow" initialValues={start} onValuesChange={() => setTouched(true)}>
        <div className="panel">
          {given ? <Form.Item name="patient" hidden><Input /></Form.Item> : (
            <Form.Item name="patient" label={t("patient.label")} rules={[{ required: true, message: t("common.required") }]}>
              <PatientSelect onPatient={(chosen) => { setPatient(chosen); form.setFieldValue("studies", []); }} />
            </Form.Item>
          )}
          <TargetFields scope="consult" departmentRequired />
          <UrgencyField values={["routine", "urgent", "emergency"]} />
          <Form.Item name="question" label={t("consult.question")} rules={[{ required: true, whitespace: true, message: t("consult.questionMissing") }]}>
            <Input.TextArea autoSize={{ minRows: 3, maxRows: 12 }} maxLength={4000} showCount placeholder={t("consult.questionHint")} />
          </Form.Item>
          <Form.Item name="summary" label={t("consult.summary")}>
            <Input.TextArea autoSize={{ minRows: 3, maxRows: 16 }} maxLength={8000} showCount placeholder={t("consult.summaryHint")} />
          </Form.Item>
          {patient && <Form.Item name="studies" label={t("case.studies")}><StudyPicker patient={patient.id} /></Form.Item>}
          <Form.Item
            name="consent"
            valuePropName="checked"
            rules={[{ validator: (_, value) => (value ? Promise.resolve() : Promise.reject(new Error(t("case.consentMissing")))) }]}
          >
            <Checkbox>{t("case.consent")}</Checkbox>
          </Form.Item>
        </div>
        <div className="form-actions">
          <Button loading={busy === "draft"} disabled={busy !== null} onClick={() => void save(false)}>{t("case.saveDraft")}</Button>
          <Button type="primary" loading={busy === "send"} disabled={busy !== null} onClick={() => void save(true)}>{t("case.send")}</Button>
        </div>
      </Form>
    </>
  );
}

function FromStudy({ id }: { id: string }) {
  const query = useStudy(id);
  return <QueryView query={query}>{(study) => <ConsultForm patient={study.patient} study={study.id} />}</QueryView>;
}

function FromDraft({ id }: { id: string }) {
  const query = useConsult(id);
  return <QueryView query={query}>{(draft) => <ConsultForm key={draft.version} patient={draft.patient} draft={draft} />}</QueryView>;
}

export function Component() {
  const { t } = useTranslation();
  const { id } = useParams();
  const study = useSearchParams()[0].get("study");
  return (
    <Page title={id ? t("consult.finish") : t("consult.new")}>
      {id ? <FromDraft id={id} /> : study ? <FromStudy id={study} /> : <ConsultForm />}
    </Page>
  );
}

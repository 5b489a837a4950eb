// A new request for a consultation: about one patient, with a question, to a department of a hospital that has an
// agreement with ours. Sent at once, or left as a draft on the hub.
import { App, Button, Checkbox, Form, Input } from "antd";
import { useRef, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { api, idempotencyKey, type Schemas, take } from "../../api/client";
import { type Patient, useStudy } from "../../api/queries";
import { Page } from "../../ui/Page";
import { PatientBand } from "../../ui/PatientBand";
import { PatientSelect } from "../../ui/PatientSelect";
import { QueryView, useErrorText } from "../../ui/states";
import { StudyPicker } from "../../ui/StudyPicker";
import { TargetFields } from "../../ui/TargetFields";
import { UrgencyField } from "../../ui/UrgencyField";
import { useLeaveGuard } from "../../ui/leave-guard";

type Input_ = Schemas["ConsultInput"];
type Fields = Omit<Input_, "submit">;

function ConsultForm({ patient: given, study }: { patient?: Patient; study?: string }) {
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
    let fields: Fields;
    try {
      fields = submit ? await form.validateFields() : await form.validateFields(["patient", "to_organisation", "to_department", "urgency"]).then(() => form.getFieldsValue(true) as Fields);
    } catch {
      return; // the form shows what is missing
    }
    setBusy(submit ? "send" : "draft");
    try {
      const body: Input_ = { ...fields, question: fields.question ?? "", studies: fields.studies ?? [], submit };
      const consult = await take(api.POST("/consults", { body, headers: { "Idempotency-Key": key.current } }));
      setTouched(false);
      void queries.invalidateQueries({ queryKey: ["worklist"] });
      queries.setQueryData(["consult", consult.id], consult);
      void message.success(submit ? t("consult.sent") : t("case.draftSaved"));
      await navigate(`/consults/${consult.id}`, { replace: true });
    } catch (error) {
      key.current = idempotencyKey(); // the content may change before the next try
      void message.error(errorText(error));
    } finally {
      setBusy(null);
    }
  }

  return (
    <>
      {patient && <PatientBand patient={patient} />}
      <Form<Fields>
        form={form}
        layout="vertical"
        className="form-narrow"
        initialValues={{ patient: given?.id, studies: study ? [study] : [], urgency: "routine", consent: false }}
        onValuesChange={() => setTouched(true)}
      >
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

export function Component() {
  const { t } = useTranslation();
  const [params] = useSearchParams();
  const studyId = params.get("study") ?? undefined;
  const study = useStudy(studyId);
  return (
    <Page title={t("consult.new")}>
      {studyId ? <QueryView query={study}>{(data) => <ConsultForm patient={data.patient} study={data.id} />}</QueryView> : <ConsultForm />}
    </Page>
  );
}

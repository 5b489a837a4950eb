// A new referral in five steps: patient, reason, target, attachments, summary. One form throughout: going back loses nothing.
import { App, Button, Checkbox, Descriptions, Form, Input, Radio } from "antd";
import { useRef, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { api, etagOf, idempotencyKey, type Schemas, take } from "../../api/client";
import { actOn, type Patient, type Referral, useOrganisations, useReferral, useStudy } from "../../api/queries";
import { UrgencyChip } from "../../ui/chips";
import { Data } from "../../ui/Data";
import { useLeaveGuard } from "../../ui/leave-guard";
import { Page } from "../../ui/Page";
import { PatientBand } from "../../ui/PatientBand";
import { PatientSelect } from "../../ui/PatientSelect";
import { useSession } from "../../ui/session-context";
import { Empty, QueryView, useErrorText } from "../../ui/states";
import { StepLine } from "../../ui/StepLine";
import { StudyPicker } from "../../ui/StudyPicker";
import { TargetFields } from "../../ui/TargetFields";
import { UrgencyField } from "../../ui/UrgencyField";

type ReferralInput = Schemas["ReferralInput"];
type Fields = Omit<ReferralInput, "submit">;

export const steps = ["patient", "reason", "target", "attachments", "summary"] as const;
type Step = (typeof steps)[number];

/** What each step must have before the next one. */
const needed: Record<Step, (keyof Fields)[]> = {
  patient: ["patient"],
  reason: ["urgency", "diagnosis", "reason"],
  target: ["direction", "path", "to_organisation", "to_department"],
  attachments: ["studies"],
  summary: ["consent"],
};

const ranks = { township: 0, county: 1, partner: 1, panel: 1, lead: 2 } as const;
type OrganisationKind = keyof typeof ranks;

/** Up to a higher hospital, down to a lower one, lateral between equals. */
export function directionBetween(from: string, to: string): ReferralInput["direction"] {
  const rank = (kind: string) => ranks[kind as OrganisationKind] ?? 1;
  return rank(to) > rank(from) ? "up" : rank(to) < rank(from) ? "down" : "lateral";
}

function Summary({ fields }: { fields: Fields }) {
  const { t } = useTranslation();
  const organisations = useOrganisations();
  const target = organisations.data?.find((org) => org.id === fields.to_organisation);
  const department = target?.departments.find((d) => d.id === fields.to_department);
  return (
    <Descriptions
      column={1}
      bordered
      size="small"
      items={[
        { key: "to", label: t("case.to"), children: <Data>{[target?.name, department?.name].filter(Boolean).join(" · ")}</Data> },
        { key: "direction", label: t("referral.direction"), children: t(`referral.directionOf.${fields.direction}`) },
        { key: "path", label: t("referral.path"), children: t(`referral.pathOf.${fields.path ?? "outpatient"}`) },
        { key: "urgency", label: t("case.urgency"), children: <UrgencyChip urgency={fields.urgency} /> },
        { key: "diagnosis", label: t("referral.diagnosis"), children: <span className="prose"><Data>{fields.diagnosis}</Data></span> },
        { key: "reason", label: t("referral.reason"), children: <span className="prose"><Data>{fields.reason}</Data></span> },
        { key: "treatment", label: t("referral.treatment"), children: <span className="prose"><Data>{fields.treatment || "–"}</Data></span> },
        { key: "studies", label: t("case.studies"), children: <span className="num">{t("referral.studyCount", { count: fields.studies?.length ?? 0 })}</span> },
      ]}
    />
  );
}

function fieldsOf(draft: Referral): Fields {
  return {
    patient: draft.patient.id,
    direction: draft.direction as Fields["direction"],
    to_organisation: draft.to.organisation.id,
    to_department: draft.to.department?.id,
    urgency: draft.urgency as Fields["urgency"],
    path: draft.path as Fields["path"],
    reason: draft.reason,
    diagnosis: draft.diagnosis,
    treatment: draft.treatment,
    studies: draft.studies.map((study) => study.id),
    consent: draft.consent,
  };
}

async function store(body: ReferralInput, draft: Referral | undefined, key: string): Promise<Referral> {
  if (draft === undefined) return take(api.POST("/referrals", { body, headers: { "Idempotency-Key": key } }));
  const { submit, ...fields } = body;
  const saved = await take(api.PATCH("/referrals/{id}", { params: { path: { id: draft.id }, header: { "If-Match": etagOf(draft) } }, body: fields }));
  return submit ? ((await actOn("referral", saved.id, saved.version, "send", {})) as Referral) : saved;
}

interface FormProps {
  patient?: Patient;
  study?: string;
  draft?: Referral;
}

function ReferralForm({ patient: given, study, draft }: FormProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const session = useSession();
  const queries = useQueryClient();
  const organisations = useOrganisations();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [form] = Form.useForm<Fields>();
  const [patient, setPatient] = useState(given);
  const [step, setStep] = useState(given ? 1 : 0);
  const [busy, setBusy] = useState<"draft" | "send" | null>(null);
  const [touched, setTouched] = useState(false);
  const key = useRef(idempotencyKey());
  useLeaveGuard(touched);
  const now = steps[step]!;
  const required = [{ required: true, whitespace: true, message: t("common.required") }];

  async function next() {
    try {
      await form.validateFields(needed[now]);
      setStep(step + 1);
    } catch {
      // the form shows what is missing
    }
  }

  async function save(submit: boolean) {
    try {
      if (submit) await form.validateFields(needed.summary);
    } catch {
      return;
    }
    setBusy(submit ? "send" : "draft");
    try {
      const fields = form.getFieldsValue(true) as Fields;
      const body = { ...fields, reason: fields.reason ?? "", diagnosis: fields.diagnosis ?? "", to_department: fields.to_department ?? null, submit };
      const referral = await store(body, draft, key.current);
      setTouched(false);
      void queries.invalidateQueries({ queryKey: ["worklist"] });
      queries.setQueryData(["referral", referral.id], referral);
      void message.success(submit ? t("referral.sent") : t("case.draftSaved"));
      await navigate(`/referrals/${referral.id}`, { replace: true });
    } catch (error) {
      key.current = idempotencyKey();
      if (draft) void queries.invalidateQueries({ queryKey: ["referral", draft.id] });
      void message.error(errorText(error));
    } finally {
      setBusy(null);
    }
  }

  function onChange(changes: Partial<Fields>) {
    setTouched(true);
    if (changes.to_organisation === undefined) return;
    const target = organisations.data?.find((org) => org.id === changes.to_organisation);
    if (target) form.setFieldValue("direction", directionBetween(session.organisation.kind, target.kind));
  }

  const pick = <T extends string>(values: readonly T[], label: (value: T) => string) => values.map((value) => ({ value, label: label(value) }));
  return (
    <>
      {patient && <PatientBand patient={patient} />}
      <div className="form-narrow"><StepLine label={t("referral.steps")} steps={steps.map((one) => ({ key: one, text: t(`referral.step.${one}`) }))} at={step} onGo={setStep} /></div>
      <Form<Fields>
        form={form}
        layout="vertical"
        className="form-narrow"
        initialValues={draft ? fieldsOf(draft) : { patient: given?.id, studies: study ? [study] : [], urgency: "routine", direction: "up", path: "outpatient", consent: false }}
        onValuesChange={onChange}
      >
        <div className="panel">
          {now === "patient" && (
            <Form.Item name="patient" label={t("patient.label")} rules={[{ required: true, message: t("common.required") }]}>
              <PatientSelect onPatient={(chosen) => { setPatient(chosen); form.setFieldValue("studies", []); }} />
            </Form.Item>
          )}
          {now === "reason" && (
            <>
              <UrgencyField values={["routine", "soon", "urgent", "emergency"]} />
              <Form.Item name="diagnosis" label={t("referral.diagnosis")} rules={required}><Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} maxLength={2000} showCount /></Form.Item>
              <Form.Item name="reason" label={t("referral.reason")} rules={required}><Input.TextArea autoSize={{ minRows: 3, maxRows: 12 }} maxLength={4000} showCount /></Form.Item>
              <Form.Item name="treatment" label={t("referral.treatment")}><Input.TextArea autoSize={{ minRows: 2, maxRows: 12 }} maxLength={8000} showCount /></Form.Item>
            </>
          )}
          {now === "target" && (
            <>
              <TargetFields scope="referral" departmentRequired={false} />
              <Form.Item name="direction" label={t("referral.direction")}><Radio.Group options={pick(["up", "down", "lateral"] as const, (v) => t(`referral.directionOf.${v}`))} /></Form.Item>
              <Form.Item name="path" label={t("referral.path")}><Radio.Group options={pick(["outpatient", "inpatient", "exam"] as const, (v) => t(`referral.pathOf.${v}`))} /></Form.Item>
            </>
          )}
          {now === "attachments" && (patient ? <Form.Item name="studies" label={t("case.studies")}><StudyPicker patient={patient.id} /></Form.Item> : <Empty text={t("patient.none")} />)}
          {now === "summary" && (
            <>
              <Summary fields={form.getFieldsValue(true) as Fields} />
              <Form.Item
                name="consent"
                valuePropName="checked"
                className="consent-item"
                rules={[{ validator: (_, value) => (value ? Promise.resolve() : Promise.reject(new Error(t("case.consentMissing")))) }]}
              >
                <Checkbox>{t("case.consent")}</Checkbox>
              </Form.Item>
            </>
          )}
        </div>
        <div className="form-actions">
          {step > 0 && <Button disabled={busy !== null} onClick={() => setStep(step - 1)}>{t("common.back")}</Button>}
          {step >= 3 && <Button loading={busy === "draft"} disabled={busy !== null} onClick={() => void save(false)}>{t("case.saveDraft")}</Button>}
          {step < steps.length - 1
            ? <Button type="primary" onClick={() => void next()}>{t("common.next")}</Button>
            : <Button type="primary" loading={busy === "send"} disabled={busy !== null} onClick={() => void save(true)}>{t("case.send")}</Button>}
        </div>
      </Form>
    </>
  );
}

function FromStudy({ id }: { id: string }) {
  const query = useStudy(id);
  return <QueryView query={query}>{(study) => <ReferralForm patient={study.patient} study={study.id} />}</QueryView>;
}

function FromDraft({ id }: { id: string }) {
  const query = useReferral(id);
  return <QueryView query={query}>{(draft) => <ReferralForm key={draft.version} patient={draft.patient} draft={draft} />}</QueryView>;
}

export function Component() {
  const { t } = useTranslation();
  const { id } = useParams();
  const study = useSearchParams()[0].get("study");
  return (
    <Page title={id ? t("referral.finish") : t("referral.new")}>
      {id ? <FromDraft id={id} /> : study ? <FromStudy id={study} /> : <ReferralForm />}
    </Page>
  );
}

// The steps that a person may do now, as the hub tells them (GET …/actions): one button each; a step that needs
// something (a reason, a booking, a report) asks for it in a dialog first.
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, DatePicker, Form, Input, Modal, Radio, Select } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { LinkButton } from "./LinkButton";
import { ApiError } from "../api/client";
import { type ActionInput, actOn, type CaseKind, type Consult, type PossibleAction, type Referral } from "../api/queries";
import { useActionText, useReasonText } from "./case-words";
import { useErrorText } from "./states";

/** Steps that end a case: red, never the highlighted button, and always confirmed. */
const grave = new Set(["cancel", "decline", "reject", "no_show"]);
/** Steps that undo something: confirmed too. */
const confirmed = new Set([...grave, "release", "amend"]);
/** Steps that lead nowhere further: possible, but not what this page is for. */
const aside = new Set([...confirmed, "ask"]);
/** Who may send a draft may change it: the hub does not list that, because it is no step (PATCH). */
export const mayEdit = (actions: readonly PossibleAction[]) => actions.some(({ action }) => action === "submit" || action === "send");

interface Fields {
  note?: string;
  reason?: string;
  at?: Dayjs;
  place?: string;
  instructions?: string;
  report?: string;
  visit?: string;
  adopted?: "yes" | "partly" | "no";
  findings?: string;
  impression?: string;
  advice?: string;
  critical?: boolean;
}

export function toInput(fields: Fields): ActionInput {
  const { at, place, instructions, findings, impression, advice, critical, ...rest } = fields;
  const input: ActionInput = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== ""));
  if (at) input.booking = { at: at.toISOString(), place: place ?? "", ...(instructions ? { instructions } : {}) };
  if (findings !== undefined) input.opinion = { findings, impression: impression ?? "", advice: advice ?? "", critical: critical ?? false };
  return input;
}

interface Subject {
  kind: CaseKind;
  id: string;
  version: number;
}

/** Does a step and puts the answer where the pages read it; a case that changed meanwhile is read again. */
export function useAct({ kind, id, version }: Subject) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  return async (action: string, input: ActionInput): Promise<Consult | Referral | null> => {
    try {
      const updated = await actOn(kind, id, version, action, input);
      queries.setQueryData([kind, id], updated);
      void queries.invalidateQueries({ queryKey: ["worklist"] });
      return updated;
    } catch (error) {
      const changed = error instanceof ApiError && (error.code === "stale" || error.code === "conflict");
      void message.error(changed ? t("case.changed") : errorText(error));
      if (changed) void queries.invalidateQueries({ queryKey: [kind, id] });
      return null;
    }
  };
}

function ActionFields({ wanted, reasons }: { wanted: readonly string[]; reasons: readonly string[] }) {
  const { t } = useTranslation();
  const reasonText = useReasonText();
  const form = Form.useFormInstance<Fields>();
  const other = Form.useWatch("reason", form) === "other"; // says nothing without a note
  const has = (name: string) => wanted.includes(name);
  const required = [{ required: true, message: t("common.required") }];
  return (
    <>
      {has("reason") && (
        <Form.Item name="reason" label={t("case.reasonLabel")} rules={required}>
          <Select options={reasons.map((code) => ({ value: code, label: reasonText(code) }))} />
        </Form.Item>
      )}
      {has("booking") && (
        <>
          <Form.Item name="at" label={t("booking.at")} rules={required}>
            <DatePicker showTime={{ format: "HH:mm", minuteStep: 5 }} format="YYYY-MM-DD HH:mm" style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="place" label={t("booking.place")} rules={required}><Input maxLength={500} /></Form.Item>
          <Form.Item name="instructions" label={t("booking.instructions")}><Input.TextArea rows={3} maxLength={2000} /></Form.Item>
        </>
      )}
      {has("visit") && <Form.Item name="visit" label={t("case.visit")} rules={required}><Input maxLength={64} /></Form.Item>}
      {has("report") && (
        <Form.Item name="report" label={t("case.report")} rules={required}><Input.TextArea rows={10} maxLength={20000} showCount /></Form.Item>
      )}
      {has("adopted") && (
        <Form.Item name="adopted" label={t("case.adopted")} rules={required}>
          <Radio.Group options={(["yes", "partly", "no"] as const).map((value) => ({ value, label: t(`case.adoptedAs.${value}`) }))} />
        </Form.Item>
      )}
      {has("opinion") && (
        <>
          {(["findings", "impression", "advice"] as const).map((part) => (
            <Form.Item key={part} name={part} label={t(`opinion.${part}`)} rules={part === "advice" ? [] : required}><Input.TextArea autoSize={{ minRows: 2, maxRows: 12 }} maxLength={part === "findings" ? 20000 : 8000} /></Form.Item>
          ))}
          <Form.Item name="critical" valuePropName="checked"><Checkbox>{t("opinion.criticalBox")}</Checkbox></Form.Item>
        </>
      )}
      <Form.Item name="note" label={t("case.note")} rules={has("note") || other ? required : []}><Input.TextArea rows={3} maxLength={4000} /></Form.Item>
    </>
  );
}

interface BarProps {
  subject: Subject;
  actions: readonly PossibleAction[];
  /** What the dialog starts with, e.g. the opinion that is amended. */
  initial?: Fields;
}

export function ActionBar({ subject, actions, initial }: BarProps) {
  const { t } = useTranslation();
  const actionText = useActionText();
  const act = useAct(subject);
  const [asking, setAsking] = useState<PossibleAction | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const [form] = Form.useForm<Fields>();
  const shown = actions.filter(({ action }) => action !== "sign"); // belongs to the opinion's editor

  async function run(action: string, input: ActionInput) {
    setBusy(action);
    const done = await act(action, input);
    setBusy(null);
    if (done) setAsking(null);
  }

  function start(possible: PossibleAction) {
    if (possible.fields.length > 0 || confirmed.has(possible.action)) setAsking(possible);
    else void run(possible.action, {});
  }

  // One highlighted button on the page: where the opinion waits to be signed, it is that one.
  const main = actions.length > shown.length ? undefined : shown.find(({ action }) => !aside.has(action))?.action;
  return (
    <div className="action-bar">
      {mayEdit(actions) && <LinkButton to={`/${subject.kind}s/${subject.id}/edit`}>{actionText("edit")}</LinkButton>}
      {shown.map((possible) => (
        <Button
          key={possible.action}
          type={possible.action === main ? "primary" : "default"}
          danger={grave.has(possible.action)}
          loading={busy === possible.action}
          disabled={busy !== null}
          onClick={() => start(possible)}
        >
          {actionText(possible.action)}
        </Button>
      ))}
      <Modal
        open={asking !== null}
        title={asking && actionText(asking.action)}
        okText={asking ? actionText(asking.action) : undefined}
        cancelText={t("common.back")}
        okButtonProps={{ danger: asking !== null && grave.has(asking.action) }}
        confirmLoading={asking !== null && busy !== null}
        onOk={() => form.submit()}
        onCancel={() => setAsking(null)}
        destroyOnHidden
        closable={{ "aria-label": t("common.close") }}
      >
        <Form<Fields> form={form} layout="vertical" preserve={false} initialValues={asking?.fields.includes("opinion") ? initial : undefined} onFinish={(fields) => asking && void run(asking.action, toInput(fields))}>
          {asking && <ActionFields wanted={asking.fields} reasons={asking.reasons ?? []} />}
        </Form>
      </Modal>
    </div>
  );
}

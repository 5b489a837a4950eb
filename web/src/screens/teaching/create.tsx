// A new teaching session, or a draft that is changed before it is published.
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, DatePicker, Form, Input } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { api, etagOf, idempotencyKey, take } from "../../api/client";
import { type Teaching, useTeaching } from "../../api/queries";
import { Page } from "../../ui/Page";
import { QueryView, useErrorText } from "../../ui/states";

interface Fields {
  title: string;
  description?: string;
  starts_at?: Dayjs;
}

function TeachingForm({ draft }: { draft?: Teaching }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [busy, setBusy] = useState(false);
  const key = useRef(idempotencyKey());

  async function store({ title, description, starts_at }: Fields) {
    setBusy(true);
    try {
      const body = { title: title.trim(), description: description ?? "", ...(starts_at ? { starts_at: starts_at.toISOString() } : {}) };
      const session = draft
        ? await take(api.PATCH("/teaching/{id}", { params: { path: { id: draft.id }, header: { "If-Match": etagOf(draft) } }, body }))
        : await take(api.POST("/teaching", { body, headers: { "Idempotency-Key": key.current } }));
      queries.setQueryData(["teaching", session.id], session);
      void queries.invalidateQueries({ queryKey: ["teaching"] });
      await navigate(`/teaching/${session.id}`, { replace: true });
    } catch (error) {
      key.current = idempotencyKey();
      if (draft) void queries.invalidateQueries({ queryKey: ["teaching", draft.id] });
      void message.error(errorText(error));
    } finally {
      setBusy(false);
    }
  }

  const start = draft && { title: draft.title, description: draft.description, starts_at: draft.starts_at ? dayjs(draft.starts_at) : undefined };
  return (
    <Form<Fields> layout="vertical" className="form-narrow" initialValues={start} onFinish={(fields) => void store(fields)}>
      <div className="panel">
        <Form.Item name="title" label={t("teaching.title")} rules={[{ required: true, whitespace: true, message: t("common.required") }]}><Input maxLength={200} autoFocus /></Form.Item>
        <Form.Item name="description" label={t("teaching.description")}><Input.TextArea autoSize={{ minRows: 3, maxRows: 12 }} maxLength={4000} showCount /></Form.Item>
        <Form.Item name="starts_at" label={t("teaching.startsAt")}><DatePicker allowClear={!draft?.starts_at} showTime={{ format: "HH:mm", minuteStep: 5 }} format="YYYY-MM-DD HH:mm" /></Form.Item>
        <Alert type="info" showIcon title={t("teaching.noPatients")} />
      </div>
      <div className="form-actions"><Button type="primary" htmlType="submit" loading={busy}>{draft ? t("teaching.save") : t("teaching.create")}</Button></div>
    </Form>
  );
}

function FromDraft({ id }: { id: string }) {
  const query = useTeaching(id);
  return <QueryView query={query}>{(draft) => <TeachingForm key={draft.version} draft={draft} />}</QueryView>;
}

export function Component() {
  const { t } = useTranslation();
  const { id } = useParams();
  return <Page title={id ? t("teaching.edit") : t("teaching.new")}>{id ? <FromDraft id={id} /> : <TeachingForm />}</Page>;
}

import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, DatePicker, Form, Input } from "antd";
import type { Dayjs } from "dayjs";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { api, idempotencyKey, take } from "../../api/client";
import { Page } from "../../ui/Page";
import { useErrorText } from "../../ui/states";

interface Fields {
  title: string;
  description?: string;
  starts_at?: Dayjs;
}

export function Component() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [busy, setBusy] = useState(false);
  const key = useRef(idempotencyKey());

  async function create({ title, description, starts_at }: Fields) {
    setBusy(true);
    try {
      const body = { title: title.trim(), ...(description ? { description } : {}), ...(starts_at ? { starts_at: starts_at.toISOString() } : {}) };
      const session = await take(api.POST("/teaching", { body, headers: { "Idempotency-Key": key.current } }));
      void queries.invalidateQueries({ queryKey: ["teaching"] });
      await navigate(`/teaching/${session.id}`, { replace: true });
    } catch (error) {
      key.current = idempotencyKey();
      void message.error(errorText(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Page title={t("teaching.new")}>
      <Form<Fields> layout="vertical" className="form-narrow" onFinish={(fields) => void create(fields)}>
        <div className="panel">
          <Form.Item name="title" label={t("teaching.title")} rules={[{ required: true, whitespace: true, message: t("common.required") }]}><Input maxLength={200} autoFocus /></Form.Item>
          <Form.Item name="description" label={t("teaching.description")}><Input.TextArea autoSize={{ minRows: 3, maxRows: 12 }} maxLength={4000} showCount /></Form.Item>
          <Form.Item name="starts_at" label={t("teaching.startsAt")}><DatePicker showTime={{ format: "HH:mm", minuteStep: 5 }} format="YYYY-MM-DD HH:mm" /></Form.Item>
          <Alert type="info" showIcon title={t("teaching.noPatients")} />
        </div>
        <div className="form-actions"><Button type="primary" htmlType="submit" loading={busy}>{t("teaching.create")}</Button></div>
      </Form>
    </Page>
  );
}

// The claimer's opinion. Every pause in typing saves the draft to the hub; what could not be saved stays here and is tried
// again when the network or the session is back. Signing binds the text: afterwards it is read only.
import { SafetyCertificateOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button, Checkbox, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../../api/client";
import type { Consult } from "../../api/queries";
import { formatTime } from "../../i18n/format";
import { useAct } from "../../ui/ActionBar";
import { useLeaveGuard } from "../../ui/leave-guard";
import { useErrorText } from "../../ui/states";
import { useAutosave } from "./autosave";

type OpinionInput = Schemas["OpinionInput"];

const parts = [
  { name: "findings", limit: 20000, rows: 6 },
  { name: "impression", limit: 8000, rows: 3 },
  { name: "advice", limit: 8000, rows: 3 },
] as const;

export function OpinionEditor({ consult }: { consult: Consult }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const act = useAct({ kind: "consult", id: consult.id, version: consult.version });
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [text, setText] = useState<OpinionInput>(() => ({
    findings: consult.opinion?.findings ?? "",
    impression: consult.opinion?.impression ?? "",
    advice: consult.opinion?.advice ?? "",
    critical: consult.opinion?.critical ?? false,
  }));
  const autosave = useAutosave(consult, (saved) => queries.setQueryData(["consult", consult.id], saved));
  useLeaveGuard(autosave.state === "waiting" || autosave.state === "failed");

  function change(changes: Partial<OpinionInput>) {
    const next = { ...text, ...changes };
    setText(next);
    autosave.save(next);
  }

  async function sign() {
    setBusy(true);
    await autosave.settle();
    const signed = await act("sign", { opinion: text });
    setBusy(false);
    if (signed) setAsking(false);
  }

  const complete = text.findings.trim() !== "" && text.impression.trim() !== "";
  return (
    <section className="panel opinion" aria-labelledby="opinion-title">
      <div className="panel-head">
        <h2 id="opinion-title">{t("opinion.title")}</h2>
        <span className={autosave.state === "failed" ? "autosave autosave-failed" : "autosave muted"} role="status">
          {autosave.state === "saving" && t("opinion.saving")}
          {autosave.state === "saved" && autosave.at !== null && t("opinion.saved", { time: formatTime(autosave.at) })}
          {autosave.state === "failed" && t("opinion.notSaved", { why: errorText(autosave.error) })}
        </span>
      </div>
      <Form layout="vertical" component="div">
        {parts.map(({ name, limit, rows }) => (
          <Form.Item key={name} label={t(`opinion.${name}`)} htmlFor={`opinion-${name}`} required={name !== "advice"}>
            <Input.TextArea id={`opinion-${name}`} value={text[name]} autoSize={{ minRows: rows, maxRows: 24 }} maxLength={limit} onChange={(event) => change({ [name]: event.target.value })} />
          </Form.Item>
        ))}
        <Form.Item>
          <Checkbox checked={text.critical} onChange={(event) => change({ critical: event.target.checked })}>{t("opinion.criticalBox")}</Checkbox>
        </Form.Item>
      </Form>
      <div className="form-actions">
        <Button type="primary" icon={<SafetyCertificateOutlined aria-hidden />} disabled={!complete} onClick={() => setAsking(true)}>{t("opinion.sign")}</Button>
      </div>
      <Modal open={asking} closable={{ "aria-label": t("common.close") }} title={t("opinion.signTitle")} okText={t("opinion.sign")} cancelText={t("common.back")} confirmLoading={busy} onOk={() => void sign()} onCancel={() => setAsking(false)}>
        <p>{t("opinion.signText")}</p>
      </Modal>
    </section>
  );
}

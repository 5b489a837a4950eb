import { CheckOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../../api/client";
import { type Teaching, useQuestions } from "../../api/queries";
import { formatTime } from "../../i18n/format";
import { Data } from "../../ui/Data";
import { Empty, QueryView, useErrorText } from "../../ui/states";

/** Questions to the teacher, oldest first; the teacher marks them as answered. */
export function Questions({ session, teaches }: { session: Teaching; teaches: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const query = useQuestions(session.id);
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const open = session.state === "live" || session.state === "published";

  async function run(call: () => Promise<unknown>) {
    setBusy(true);
    try {
      await call();
      await queries.invalidateQueries({ queryKey: ["questions", session.id] });
      return true;
    } catch (error) {
      void message.error(errorText(error));
      return false;
    } finally {
      setBusy(false);
    }
  }
  const path = { id: session.id };
  const ask = async () => {
    const asked = text.trim();
    if (asked && (await run(() => take(api.POST("/teaching/{id}/questions", { params: { path }, body: { text: asked } }))))) setText("");
  };
  const answered = (question: string) => void run(() => take(api.POST("/teaching/{id}/questions/{question}/answered", { params: { path: { ...path, question } } })));

  return (
    <section className="panel" aria-labelledby="questions-title">
      <div className="panel-head"><h2 id="questions-title">{t("teaching.questions")}</h2></div>
      <QueryView query={query}>
        {(questions) => questions.length === 0 ? <Empty text={t("teaching.noQuestions")} /> : (
          <ul className="questions" aria-live="polite">
            {questions.map((question) => (
              <li key={question.id} className={question.answered_at ? "answered" : ""}>
                <span className="muted num">{formatTime(question.at)} <Data>{[question.person.name, question.organisation?.name].filter(Boolean).join(" · ")}</Data></span>
                <p className="prose"><Data>{question.text}</Data></p>
                {question.answered_at
                  ? <span className="chip chip-success"><CheckOutlined aria-hidden /> {t("teaching.answered")}</span>
                  : teaches && <Button size="small" disabled={busy} onClick={() => answered(question.id)}>{t("teaching.markAnswered")}</Button>}
              </li>
            ))}
          </ul>
        )}
      </QueryView>
      {open && !teaches && (
        <form className="ask" onSubmit={(event) => { event.preventDefault(); void ask(); }}>
          <Input.TextArea value={text} autoSize={{ minRows: 1, maxRows: 5 }} maxLength={2000} placeholder={t("teaching.askHint")} aria-label={t("teaching.askHint")} onChange={(event) => setText(event.target.value)} />
          <Button type="primary" htmlType="submit" loading={busy} disabled={text.trim() === ""}>{t("teaching.ask")}</Button>
        </form>
      )}
    </section>
  );
}

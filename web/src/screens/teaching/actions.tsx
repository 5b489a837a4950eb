// The teacher's steps: publish, start, consent to recording, record, stop, end, as the hub allows them now.
import { useQueryClient } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, etagOf, take } from "../../api/client";
import type { Teaching } from "../../api/queries";
import { useActionText } from "../../ui/case-words";
import { LinkButton } from "../../ui/LinkButton";
import { useErrorText } from "../../ui/states";

const grave = new Set(["end", "cancel"]);

/** Of the steps that the state allows, those that make sense now: consent once, recording only with it and one at a time. */
export function stepsNow(session: Pick<Teaching, "actions" | "consent_at" | "recordings">): string[] {
  const recording = session.recordings.some(({ state }) => state === "recording");
  const senseless = new Set(["edit", session.consent_at ? "consent" : "record", recording ? "record" : "stop"]);
  return (session.actions ?? []).map(({ action }) => action).filter((action) => !senseless.has(action));
}

export function TeachingActions({ session }: { session: Teaching }) {
  const { t } = useTranslation();
  const actionText = useActionText();
  const queries = useQueryClient();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const [busy, setBusy] = useState<string | null>(null);

  async function run(action: string) {
    setBusy(action);
    try {
      const options = { params: { path: { id: session.id, action }, header: { "If-Match": etagOf(session) } }, body: {} };
      queries.setQueryData(["teaching", session.id], await take(api.POST("/teaching/{id}/actions/{action}", options)));
    } catch (error) {
      void message.error(errorText(error));
    } finally {
      setBusy(null);
      void queries.invalidateQueries({ queryKey: ["teaching"] });
    }
  }

  function start(action: string) {
    if (action !== "consent" && !grave.has(action)) return void run(action);
    modal.confirm({
      title: actionText(action),
      content: action === "consent" ? t("teaching.consentText") : t("teaching.endText"),
      okText: actionText(action),
      cancelText: t("common.back"),
      okButtonProps: { danger: grave.has(action) },
      onOk: () => run(action),
    });
  }

  const actions = stepsNow(session);
  if (actions.length === 0) return null;
  const main = actions.find((action) => !grave.has(action));
  return (
    <div className="action-bar">
      {session.state === "draft" && <LinkButton to={`/teaching/${session.id}/edit`}>{actionText("edit")}</LinkButton>}
      {actions.map((action) => (
        <Button key={action} type={action === main ? "primary" : "default"} danger={grave.has(action)} loading={busy === action} disabled={busy !== null} onClick={() => start(action)}>
          {actionText(action)}
        </Button>
      ))}
    </div>
  );
}

import { useTranslation } from "react-i18next";
import { ReferralChip, type ReferralState } from "../../ui/chips";
import { StepLine } from "../../ui/StepLine";

/** The way of a referral that goes well, in order; the other states stand beside it. */
export const mainLine: readonly ReferralState[] = ["sent", "claimed", "accepted", "booked", "arrived", "reported", "closed"];
/** On which step of the line a state beside it stands. */
const beside: Partial<Record<ReferralState, ReferralState>> = { info: "claimed", no_show: "booked" };

export function placeOnLine(state: ReferralState): number {
  return mainLine.indexOf(beside[state] ?? state);
}

export function StateLine({ state }: { state: ReferralState }) {
  const { t } = useTranslation();
  const at = placeOnLine(state);
  if (state === "rejected" || state === "cancelled") return <div className="state-line-end"><ReferralChip state={state} /></div>;
  const steps = mainLine.map((key) => ({ key, text: t(`referral.state.${key}`) }));
  return <StepLine label={t("referral.line")} steps={steps} at={state === "closed" ? mainLine.length : at} />;
}

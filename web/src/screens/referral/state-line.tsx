import { CheckOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { ReferralChip, type ReferralState } from "../../ui/chips";

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
  return (
    <ol className="state-line" aria-label={t("referral.line")}>
      {mainLine.map((step, index) => (
        <li key={step} className={index < at || state === "closed" ? "done" : index === at ? "now" : ""} aria-current={index === at ? "step" : undefined}>
          <span className="dot" aria-hidden>{index < at || state === "closed" ? <CheckOutlined /> : index + 1}</span>
          <span>{t(`referral.state.${step}`)}</span>
        </li>
      ))}
    </ol>
  );
}

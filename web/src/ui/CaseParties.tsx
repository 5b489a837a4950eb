import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { Data } from "./Data";

type Party = Schemas["Party"];

function PartyText({ party }: { party: Party }) {
  return <Data>{[party.organisation.name, party.department?.name, party.person?.name].filter(Boolean).join(" · ")}</Data>;
}

interface Props {
  from: Party;
  to: Party;
  claimedBy?: Schemas["PersonRef"] | null;
  consent?: boolean;
}

/** From whom, to whom, who has taken it, and whether the patient agreed. */
export function CaseParties({ from, to, claimedBy, consent }: Props) {
  const { t } = useTranslation();
  return (
    <dl className="parties">
      <dt>{t("case.from")}</dt><dd><PartyText party={from} /></dd>
      <dt>{t("case.to")}</dt><dd><PartyText party={to} /></dd>
      <dt>{t("case.claimedBy")}</dt><dd>{claimedBy ? <Data>{claimedBy.name}</Data> : t("case.nobody")}</dd>
      {consent !== undefined && <><dt>{t("case.consentShort")}</dt><dd>{consent ? t("case.consentGiven") : t("case.consentOpen")}</dd></>}
    </dl>
  );
}

// A state is always an icon, a word and a colour together, the same wherever it shows.
import {
  AlertFilled, CalendarOutlined, CheckCircleOutlined, CheckOutlined, ClockCircleOutlined, CloseCircleOutlined, EditOutlined,
  FileDoneOutlined, LikeOutlined, LoginOutlined, MinusOutlined, QuestionCircleOutlined, SendOutlined, StopOutlined,
  UserOutlined, UserDeleteOutlined, VideoCameraOutlined, FieldTimeOutlined, HistoryOutlined, NotificationOutlined,
} from "@ant-design/icons";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import type { Consult, Referral, Teaching, WorkItem } from "../api/queries";
import { Data } from "./Data";

export type Tone = "neutral" | "primary" | "success" | "warning" | "danger" | "stat";
interface Look {
  icon: ComponentType;
  tone: Tone;
}

export type ConsultState = Consult["state"];
export type ReferralState = Referral["state"];
export type TeachingState = Teaching["state"];

export const consultLooks: Record<ConsultState, Look> = {
  draft: { icon: EditOutlined, tone: "neutral" },
  submitted: { icon: SendOutlined, tone: "primary" },
  assigned: { icon: UserOutlined, tone: "primary" },
  info: { icon: QuestionCircleOutlined, tone: "warning" },
  signed: { icon: FileDoneOutlined, tone: "success" },
  acknowledged: { icon: CheckOutlined, tone: "success" },
  closed: { icon: CheckCircleOutlined, tone: "neutral" },
  declined: { icon: StopOutlined, tone: "danger" },
  cancelled: { icon: CloseCircleOutlined, tone: "neutral" },
};

export const referralLooks: Record<ReferralState, Look> = {
  draft: { icon: EditOutlined, tone: "neutral" },
  sent: { icon: SendOutlined, tone: "primary" },
  claimed: { icon: UserOutlined, tone: "primary" },
  info: { icon: QuestionCircleOutlined, tone: "warning" },
  accepted: { icon: LikeOutlined, tone: "success" },
  booked: { icon: CalendarOutlined, tone: "success" },
  arrived: { icon: LoginOutlined, tone: "primary" },
  reported: { icon: FileDoneOutlined, tone: "success" },
  closed: { icon: CheckCircleOutlined, tone: "neutral" },
  rejected: { icon: StopOutlined, tone: "danger" },
  cancelled: { icon: CloseCircleOutlined, tone: "neutral" },
  no_show: { icon: UserDeleteOutlined, tone: "warning" },
};

export const teachingLooks: Record<TeachingState, Look> = {
  draft: { icon: EditOutlined, tone: "neutral" },
  published: { icon: NotificationOutlined, tone: "primary" },
  live: { icon: VideoCameraOutlined, tone: "danger" },
  ended: { icon: HistoryOutlined, tone: "neutral" },
  cancelled: { icon: CloseCircleOutlined, tone: "neutral" },
};

export function Chip({ look, text }: { look: Look; text: string }) {
  const Icon = look.icon;
  return (
    <span className={`chip chip-${look.tone}`}>
      <Icon aria-hidden /> {text}
    </span>
  );
}

export function ConsultChip({ state }: { state: ConsultState }) {
  const { t } = useTranslation();
  return <Chip look={consultLooks[state]} text={t(`consult.state.${state}`)} />;
}
export function ReferralChip({ state }: { state: ReferralState }) {
  const { t } = useTranslation();
  return <Chip look={referralLooks[state]} text={t(`referral.state.${state}`)} />;
}
export function TeachingChip({ state }: { state: TeachingState }) {
  const { t } = useTranslation();
  return <Chip look={teachingLooks[state]} text={t(`teaching.state.${state}`)} />;
}
/** For lists that hold both kinds; a state that this client does not know shows as the hub names it. */
export function CaseChip({ kind, state }: { kind: WorkItem["kind"]; state: string }) {
  if (kind === "consult" && state in consultLooks) return <ConsultChip state={state as ConsultState} />;
  if (kind === "referral" && state in referralLooks) return <ReferralChip state={state as ReferralState} />;
  return <span className="chip chip-neutral"><Data>{state}</Data></span>;
}

export const urgencies = ["routine", "soon", "urgent", "emergency"] as const;
export type Urgency = (typeof urgencies)[number];
const urgencyLooks: Record<Urgency, Look> = {
  routine: { icon: MinusOutlined, tone: "neutral" },
  soon: { icon: FieldTimeOutlined, tone: "primary" },
  urgent: { icon: ClockCircleOutlined, tone: "warning" },
  emergency: { icon: AlertFilled, tone: "stat" },
};
export function isUrgency(value: string): value is Urgency {
  return urgencies.includes(value as Urgency);
}
export function UrgencyChip({ urgency }: { urgency: string }) {
  const { t } = useTranslation();
  const known = isUrgency(urgency) ? urgency : "routine";
  return <Chip look={urgencyLooks[known]} text={t(`urgency.${known}`)} />;
}

export function Modalities({ list }: { list: readonly string[] | undefined }) {
  return list?.map((modality) => <span key={modality} className="modality" translate="no">{modality}</span>);
}

import type { WorkItem } from "../../api/queries";

export interface WorkFilter {
  text: string;
  kind: "all" | "consult" | "referral" | "stat";
}

/** Does a row hold every word of the filter in its names, hospitals, number or summary? */
export function matchesFilter(item: WorkItem, filter: WorkFilter): boolean {
  if (filter.kind === "stat" ? item.urgency !== "emergency" : filter.kind !== "all" && item.kind !== filter.kind) return false;
  const words = filter.text.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { name, local_id } = item.patient;
  const parties = [item.from, item.to].flatMap((p) => [p.organisation.name, p.organisation.code, p.department?.name, p.person?.name]);
  const hay = [name.alphabetic, name.ideographic, name.phonetic, local_id, item.number, item.summary, ...parties]
    .join(" ").replaceAll("^", " ").normalize("NFKC").toLowerCase();
  return words.every((word) => hay.includes(word));
}

/** May this person take the case from the list? */
export function claimable(item: WorkItem): boolean {
  return item.actions?.includes("claim") ?? false;
}

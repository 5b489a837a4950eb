import type { WorkItem } from "../../api/queries";

export function pathOf(item: Pick<WorkItem, "kind" | "id">): string {
  return item.kind === "consult" ? `/consults/${item.id}` : `/referrals/${item.id}`;
}

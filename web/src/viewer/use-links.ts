/** Keeps linked panes together: whoever is scrolled leads, the others follow by place; windows too when wished. */
import { useEffect } from "react";
import { linkedIndex, linkOf, type Link } from "./linked";
import type { StackPane } from "./pane";

export function useLinkedScroll(panes: ReadonlyMap<number, StackPane>, on: boolean): void {
  useEffect(() => {
    if (!on || panes.size < 2) return;
    // From where they stand now; a pane that opens another stack is linked anew at its first movement.
    const links = new Map<string, { link: Link; stacks: unknown }>();
    const linkBetween = (from: [number, StackPane], to: [number, StackPane]): Link => {
      const key = `${from[0]}>${to[0]}`;
      const stacks = `${from[1].stackId}|${to[1].stackId}`;
      const known = links.get(key);
      if (known?.stacks === stacks) return known.link;
      const link = linkOf(from[1].linkable(), to[1].linkable());
      links.set(key, { link, stacks });
      return link;
    };
    const all = [...panes];
    for (const from of all) for (const to of all) if (from !== to) linkBetween(from, to);
    const offs = all.map((leader) =>
      leader[1].events.on("state", () => {
        for (const follower of all) {
          if (follower === leader) continue;
          const index = linkedIndex(leader[1].linkable(), follower[1].linkable(), linkBetween(leader, follower));
          if (index !== null) follower[1].follow(index);
        }
      }),
    );
    return () => {
      for (const off of offs) off();
    };
  }, [panes, on]);
}

/** Panes of one kind of image take over each other's window. */
export function useLinkedWindow(panes: ReadonlyMap<number, StackPane>, on: boolean): void {
  useEffect(() => {
    if (!on || panes.size < 2) return;
    const all = [...panes.values()];
    const offs = all.map((leader) =>
      leader.events.on("state", ({ window }) => {
        const modality = leader.getInfo().stack?.series.modality;
        for (const follower of all) if (follower !== leader && follower.getInfo().stack?.series.modality === modality) follower.followWindow(window);
      }),
    );
    return () => {
      for (const off of offs) off();
    };
  }, [panes, on]);
}

import type { ReactNode } from "react";

/** Text that people or machines wrote (names, questions, identifiers): shown as it is, never translated, isolated from
 * the direction of the text around it. All other text on the screen comes from the catalogues; the pseudo-language run
 * relies on this mark to tell the two apart. */
export function Data({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <bdi translate="no" className={className}>
      {children}
    </bdi>
  );
}

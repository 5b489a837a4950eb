// The planes as a kind of pane.
import { startEngine } from "../engine";
import type { OtherPaneProps } from "../pane-kinds";
import { Planes } from "./Planes";

/** The stack's images stay in their own budget; the volume gets half as much again. */
const SHARE = 0.5;
/** Of a series that says nothing about its window. */
const PLAIN = { window: { center: 40, width: 400 }, invert: false };

export default function PlanesPane({ content, source, onOpen }: OtherPaneProps) {
  const { window, invert } = content.look ?? PLAIN;
  const { study, stack, index } = content;
  return (
    <Planes
      source={source}
      stack={stack}
      budget={startEngine().budget * SHARE}
      window={window}
      invert={invert}
      onClose={(look) => onOpen({ kind: "stack", study, stack, index, ...(look && { look }) })}
    />
  );
}

// One button of the bar at the bottom of a room.
import type { ReactNode } from "react";

export interface ControlProps {
  icon: ReactNode;
  text: string;
  on?: boolean | undefined;
  danger?: boolean;
  keys?: string;
  onClick?: () => void;
}

export function Control({ icon, text, on, danger = false, keys, onClick }: ControlProps) {
  return (
    <button type="button" className={danger ? "control danger" : "control"} aria-pressed={on} title={keys === undefined ? text : `${text} (${keys})`} onClick={onClick}>
      <span aria-hidden>{icon}</span>
      <span className="control-text">{text}</span>
    </button>
  );
}

// The table of keys, made from the keymap itself.
import { Modal } from "antd";
import { useTranslation } from "react-i18next";
import type { PlaneAction, RoomAction, ViewerAction } from "./keymap";

interface KeyHelpProps {
  open: boolean;
  onClose: () => void;
  bindings: readonly { keys: readonly string[]; action: ViewerAction | PlaneAction | RoomAction }[];
}

const SYMBOLS: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "␣", Backspace: "⌫", Escape: "Esc", Delete: "Del", PageDown: "PgDn", PageUp: "PgUp" };

function keyText(keys: readonly string[]): string {
  const written = keys.map((key) => SYMBOLS[key] ?? (key.length === 1 || key.startsWith("Ctrl+") ? key.replace(/.$/, (last) => last.toUpperCase()) : key));
  return written.length > 4 ? `${written[0]} – ${written.at(-1)}` : written.join("  ");
}

export function KeyHelp({ open, onClose, bindings }: KeyHelpProps) {
  const { t } = useTranslation();
  return (
    <Modal open={open} onCancel={onClose} footer={null} title={t("keys.title")} width={760}>
      <dl className="key-help">
        {bindings.map(({ keys, action }) => (
          <div key={action}>
            <dt translate="no">{keyText(keys)}</dt>
            <dd>{t(`keys.${action}`)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}

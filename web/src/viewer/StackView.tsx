// One pane with a stack of pictures: the image, what stands on it, and the bar of its positions.
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { attachGestures } from "./gestures";
import type { Content } from "./layout";
import { Overlay } from "./Overlay";
import type { StackPane } from "./pane";
import { SliceBar } from "./SliceBar";
import { usePane, usePaneInfo } from "./use-pane";
import type { OpenStudy } from "./use-studies";

interface StackViewProps {
  content: Content;
  study: OpenStudy;
  active: boolean;
  /** Takes the focus as soon as it is there. */
  focus: boolean;
  /** Told when the pane is there, and null when it is gone. */
  onPane: (pane: StackPane | null) => void;
}

export function StackView({ content, study, active, focus, onPane }: StackViewProps) {
  const { t } = useTranslation();
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [hover, setHover] = useState<readonly [number, number] | null>(null);
  const pane = usePane(element, study.source);
  const info = usePaneInfo(pane);

  useEffect(() => {
    onPane(pane);
    return () => onPane(null);
  }, [pane, onPane]);

  const { stack, index, look } = content;
  useEffect(() => {
    if (pane === null) return;
    void pane.open(stack, index).then(() => look !== undefined && pane.setLook(look.window, look.invert));
  }, [pane, stack, index, look]);

  useEffect(() => {
    if (focus) element?.focus({ preventScroll: true });
  }, [element, focus]);

  useEffect(() => (pane === null || element === null ? undefined : attachGestures(element, pane, setHover)), [pane, element]);

  return (
    <>
      <div
        ref={setElement}
        className="viewer-pane"
        tabIndex={0}
        role="application"
        aria-label={t("viewer.paneLabel")}
        data-active={active}
        data-index={info?.index}
        data-ready={info !== null && info.window !== null && !info.loading}
      />
      {pane !== null && info !== null && <Overlay pane={pane} info={info} source={study.source} study={study.study} hover={hover} />}
      {pane !== null && info !== null && info.count > 1 && <SliceBar pane={pane} info={info} />}
    </>
  );
}

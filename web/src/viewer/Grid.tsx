// The panes: each cell of the layout with what it shows, the one that is worked with framed. A series can be dropped on any.
import { Suspense, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { paneCount, type Content, type Workspace } from "./layout";
import type { Tool } from "./measure/kinds";
import type { StackPane } from "./pane";
import { PANE_KINDS } from "./pane-kinds";
import { StackView, type LivePane } from "./StackView";
import type { OpenStudy } from "./use-studies";

/** Type of what is dragged: the key of a thumbnail (Thumbnails.tsx). */
export const DRAGGED = "application/x-consilium-series";

interface GridProps {
  workspace: Workspace;
  studies: readonly OpenStudy[];
  onActivate: (cell: number) => void;
  onOpen: (cell: number, content: Content) => void;
  onDropSeries: (cell: number, key: string) => void;
  onPane: (cell: number, pane: LivePane | null) => void;
  tool: Tool | null;
  overlays: boolean;
  /** The pane that is worked with: its plane is shown in the others. */
  reference: StackPane | null;
}

interface CellProps extends Omit<GridProps, "workspace"> {
  cell: number;
  content: Content | null;
  active: boolean;
  alone: boolean;
}

function Cell({ cell, content, active, alone, studies, onActivate, onOpen, onDropSeries, onPane, tool, overlays, reference }: CellProps) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const study = content === null ? undefined : studies.find((one) => one.id === content.study);
  const toldPane = useCallback((pane: LivePane | null) => onPane(cell, pane), [onPane, cell]);
  const Other = content === null || content.kind === "stack" ? undefined : PANE_KINDS[content.kind];
  const className = ["viewer-cell", active && !alone ? "active" : "", over ? "over" : ""].join(" ");
  return (
    <div
      className={className}
      data-cell={cell}
      onPointerDownCapture={() => onActivate(cell)}
      onWheelCapture={() => onActivate(cell)}
      onFocusCapture={() => onActivate(cell)}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAGGED)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const key = event.dataTransfer.getData(DRAGGED);
        if (key === "") return;
        event.preventDefault();
        onDropSeries(cell, key);
      }}
    >
      {content !== null && study !== undefined && content.kind === "stack" && (
        <StackView
          content={content}
          study={study}
          active={active}
          tool={tool}
          overlays={overlays}
          reference={active ? null : reference}
          onPane={toldPane}
        />
      )}
      {content !== null && study !== undefined && Other !== undefined && (
        <Suspense fallback={<p className="viewer-wait" role="status">{t("viewer.opening")}</p>}>
          <Other content={content} source={study.source} study={study.study} active={active} onOpen={(next) => onOpen(cell, next)} />
        </Suspense>
      )}
      {content === null && (
        <div className="viewer-empty" tabIndex={0} role="group" aria-label={t("viewer.emptyPane")}>
          {t("viewer.emptyPane")}
        </div>
      )}
    </div>
  );
}

export function Grid({ workspace, ...rest }: GridProps) {
  const { rows, columns, active, cells } = workspace;
  const count = paneCount(workspace);
  const style = useMemo(
    () => ({ gridTemplate: `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))` }),
    [rows, columns],
  );
  return (
    <div className="viewer-grid" style={style}>
      {cells.slice(0, count).map((content, cell) => (
        <Cell key={cell} cell={cell} content={content} active={cell === active} alone={count === 1} {...rest} />
      ))}
    </div>
  );
}

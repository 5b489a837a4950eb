// The row of tools. Each says in its tooltip which key does the same.
import {
  AppstoreOutlined, BgColorsOutlined, BlockOutlined, BorderOuterOutlined, ColumnWidthOutlined, DownOutlined, EditOutlined,
  FullscreenExitOutlined, FullscreenOutlined, LinkOutlined, StarOutlined, UnorderedListOutlined,
  MinusOutlined, PauseCircleOutlined, PlayCircleOutlined, PlusOutlined, QuestionCircleOutlined, RotateRightOutlined, SwapOutlined,
  UndoOutlined, ZoomInOutlined, ZoomOutOutlined,
} from "@ant-design/icons";
import { Dropdown } from "antd";
import { memo, type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ViewerAction } from "../ui/keymap";
import { LAYOUTS, type Layout } from "./layout";
import { TOOLS, type Tool as Instrument } from "./measure/kinds";
import type { PaneInfo, StackPane } from "./pane";
import { CT_PRESETS, presetName } from "./presets";

interface ToolProps {
  label: string;
  keys?: string;
  icon: ReactNode;
  on?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

function Tool({ label, keys, icon, on, disabled, onClick }: ToolProps) {
  const title = keys === undefined ? label : `${label} (${keys})`;
  return (
    <button type="button" className="tool" aria-label={label} title={title} aria-pressed={on} disabled={disabled} onClick={onClick}>
      <span aria-hidden>{icon}</span>
    </button>
  );
}

function WindowMenu({ pane, info }: { pane: StackPane; info: PaneInfo }) {
  const { t } = useTranslation();
  const modality = info.stack?.series.modality ?? "";
  const name = info.window === null ? null : presetName(info.window, modality);
  const shown = name === null ? t("viewer.windowShort") : t(`viewer.preset.${name}` as "viewer.preset.soft");
  const presets = modality === "CT" ? CT_PRESETS : [];
  const items = [
    { key: "0", label: <PresetLabel text={t("viewer.preset.own")} keys="0" /> },
    ...presets.map((preset) => ({
      key: preset.key,
      label: <PresetLabel text={t(`viewer.preset.${preset.name}` as "viewer.preset.soft")} detail={`${preset.width} / ${preset.center}`} keys={preset.key} />,
    })),
  ];
  return (
    <Dropdown trigger={["click"]} menu={{ items, onClick: ({ key }) => pane.preset(key) }} disabled={info.window === null}>
      <button type="button" className="tool wide" aria-label={`${t("viewer.window")} – ${shown}`} title={t("viewer.window")}>
        <ColumnWidthOutlined aria-hidden />
        <span>{shown}</span>
        <DownOutlined aria-hidden className="tool-more" />
      </button>
    </Dropdown>
  );
}

function PresetLabel({ text, detail, keys }: { text: string; detail?: string; keys: string }) {
  return (
    <span className="preset">
      <span>{text}</span>
      <span className="muted num" translate="no">{detail}</span>
      <kbd>{keys}</kbd>
    </span>
  );
}

function Cine({ pane, info }: { pane: StackPane; info: PaneInfo }) {
  const { t } = useTranslation();
  const { running, fps } = info.cine;
  return (
    <span className="tool-group" role="group" aria-label={t("viewer.cine")}>
      <Tool
        label={t(running ? "viewer.stop" : "viewer.play")}
        keys="␣"
        icon={running ? <PauseCircleOutlined /> : <PlayCircleOutlined />}
        on={running}
        onClick={() => pane.toggleCine()}
      />
      <Tool label={t("keys.slower")} keys="[" icon={<MinusOutlined />} onClick={() => pane.changeRate(-1)} />
      <span className="tool-text num">{t("viewer.fps", { fps: Math.round(fps * 10) / 10 })}</span>
      <Tool label={t("keys.faster")} keys="]" icon={<PlusOutlined />} onClick={() => pane.changeRate(1)} />
    </span>
  );
}

function FullScreen() {
  const { t } = useTranslation();
  const [on, setOn] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const listen = () => setOn(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", listen);
    return () => document.removeEventListener("fullscreenchange", listen);
  }, []);
  if (!document.fullscreenEnabled) return null;
  const toggle = () => void (on ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined);
  return (
    <Tool label={t(on ? "viewer.leaveFull" : "viewer.full")} icon={on ? <FullscreenExitOutlined /> : <FullscreenOutlined />} onClick={toggle} />
  );
}

function LayoutMenu({ layout, onLayout }: { layout: Layout; onLayout: (layout: Layout) => void }) {
  const { t } = useTranslation();
  const name = ({ rows, columns }: Layout) => `${rows} × ${columns}`;
  const items = LAYOUTS.map((one, index) => ({
    key: String(index),
    label: (
      <span className="layout-choice">
        <span className="layout-picture" aria-hidden style={{ gridTemplate: `repeat(${one.rows}, 1fr) / repeat(${one.columns}, 1fr)` }}>
          {Array.from({ length: one.rows * one.columns }, (_, cell) => <i key={cell} />)}
        </span>
        <span className="num" translate="no">{name(one)}</span>
      </span>
    ),
  }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, onClick: ({ key }) => onLayout(LAYOUTS[Number(key)]!) }}>
      <button type="button" className="tool wide" aria-label={`${t("viewer.layout")} ${name(layout)}`} title={t("viewer.layout")}>
        <AppstoreOutlined aria-hidden />
        <span className="num" translate="no">{name(layout)}</span>
        <DownOutlined aria-hidden className="tool-more" />
      </button>
    </Dropdown>
  );
}

/** What is set for all panes, and what changes it. */
export interface Work {
  tool: Instrument | null;
  synced: boolean;
  listed: boolean;
}

function MeasureMenu({ tool, onAction }: { tool: Instrument | null; onAction: (action: ViewerAction) => void }) {
  const { t } = useTranslation();
  const items = TOOLS.map((one) => ({ key: one.tool, label: <PresetLabel text={t(`viewer.kind.${one.tool}`)} keys={one.keys} /> }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, onClick: ({ key }) => onAction(key as ViewerAction) }}>
      <button type="button" className={tool === null ? "tool wide" : "tool wide on"} title={t("viewer.measure")}>
        <EditOutlined aria-hidden />
        <span>{t(tool === null ? "viewer.measure" : `viewer.kind.${tool}`)}</span>
        <DownOutlined aria-hidden className="tool-more" />
      </button>
    </Dropdown>
  );
}

interface FrameToolsProps {
  layout: Layout;
  onLayout: (layout: Layout) => void;
  onHelp: () => void;
}

/** What is left of the row when the pane shows no stack: such a pane has its own tools. */
export function FrameTools({ layout, onLayout, onHelp }: FrameToolsProps) {
  const { t } = useTranslation();
  return (
    <div className="viewer-tools" role="toolbar" aria-label={t("viewer.tools")}>
      <LayoutMenu layout={layout} onLayout={onLayout} />
      <span className="tool-gap" />
      <FullScreen />
      <Tool label={t("keys.help")} keys="?" icon={<QuestionCircleOutlined />} onClick={onHelp} />
    </div>
  );
}

interface ToolbarProps extends FrameToolsProps {
  pane: StackPane;
  info: PaneInfo;
  work: Work;
  onAction: (action: ViewerAction) => void;
  onPlanes: () => void;
}

/** Nothing here depends on which image is on the screen, so scrolling and cine do not draw it anew. */
function sameTools(a: ToolbarProps, b: ToolbarProps): boolean {
  const told = ({ info, layout, work }: ToolbarProps) => [
    info.window?.center, info.window?.width, info.invert, info.view, info.stack, layout.rows, layout.columns, work.tool, work.synced, work.listed,
    ...Object.values(info.cine),
  ];
  const [before, after] = [told(a), told(b)];
  return (
    a.pane === b.pane && a.onHelp === b.onHelp && a.onPlanes === b.onPlanes && a.onLayout === b.onLayout && a.onAction === b.onAction &&
    before.every((value, index) => Object.is(value, after[index]))
  );
}

export const Toolbar = memo(function Toolbar({ pane, info, layout, onLayout, work, onAction, onPlanes, onHelp }: ToolbarProps) {
  const { t } = useTranslation();
  const idle = info.window === null;
  const { view } = info;
  return (
    <div className="viewer-tools" role="toolbar" aria-label={t("viewer.tools")}>
      <LayoutMenu layout={layout} onLayout={onLayout} />
      <WindowMenu pane={pane} info={info} />
      {info.stack?.cine === false && <Tool label={t("keys.planes")} keys="M" icon={<BlockOutlined />} disabled={idle} onClick={onPlanes} />}
      <MeasureMenu tool={work.tool} onAction={onAction} />
      <Tool label={t("keys.key")} keys="K" icon={<StarOutlined />} disabled={idle} onClick={() => onAction("key")} />
      {layout.rows * layout.columns > 1 && (
        <Tool label={t("keys.sync")} keys="S" icon={<LinkOutlined />} on={work.synced} onClick={() => onAction("sync")} />
      )}
      {info.cine.possible && <Cine pane={pane} info={info} />}
      <span className="tool-group">
        <Tool label={t("keys.zoomIn")} keys="+" icon={<ZoomInOutlined />} disabled={idle} onClick={() => pane.zoomBy(1.25)} />
        <Tool label={t("keys.zoomOut")} keys="−" icon={<ZoomOutOutlined />} disabled={idle} onClick={() => pane.zoomBy(0.8)} />
        <Tool label={t("keys.fit")} keys="F" icon={<BorderOuterOutlined />} disabled={idle} onClick={() => pane.fit()} />
      </span>
      <span className="tool-group">
        <Tool label={t("keys.invert")} keys="I" icon={<BgColorsOutlined />} on={info.invert} disabled={idle} onClick={() => pane.toggleInvert()} />
        <Tool label={t("keys.rotate")} keys="R" icon={<RotateRightOutlined />} disabled={idle} onClick={() => pane.rotate()} />
        <Tool label={t("keys.flipHorizontal")} keys="H" icon={<SwapOutlined />} on={view.flipH} disabled={idle} onClick={() => pane.flip("horizontal")} />
        <Tool label={t("keys.flipVertical")} keys="V" icon={<SwapOutlined rotate={90} />} on={view.flipV} disabled={idle} onClick={() => pane.flip("vertical")} />
      </span>
      <Tool label={t("keys.reset")} keys="⌫" icon={<UndoOutlined />} disabled={idle} onClick={() => pane.reset()} />
      <span className="tool-gap" />
      <Tool label={t("keys.list")} keys="G" icon={<UnorderedListOutlined />} on={work.listed} onClick={() => onAction("list")} />
      <FullScreen />
      <Tool label={t("keys.help")} keys="?" icon={<QuestionCircleOutlined />} onClick={onHelp} />
    </div>
  );
}, sameTools);

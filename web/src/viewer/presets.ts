/**
 * Window presets of the keys 1-9; 0 is what the image itself asks for (DICOM Window Center/Width). Values are HU and make sense for CT
 * only: on other modalities the keys scale the image's own window instead of jumping to meaningless numbers.
 */
export interface Window {
  center: number;
  width: number;
}

export interface Preset extends Window {
  key: string;
  /** Key of the name in the catalogues: viewer.preset.<name> */
  name: string;
}

export const CT_PRESETS: readonly Preset[] = [
  { key: "1", name: "soft", center: 40, width: 400 },
  { key: "2", name: "lung", center: -600, width: 1500 },
  { key: "3", name: "liver", center: 90, width: 150 },
  { key: "4", name: "bone", center: 480, width: 2500 },
  { key: "5", name: "brain", center: 40, width: 80 },
  { key: "6", name: "mediastinum", center: 50, width: 350 },
  { key: "7", name: "angio", center: 170, width: 600 },
  { key: "8", name: "spine", center: 50, width: 250 },
  { key: "9", name: "stroke", center: 40, width: 40 },
];

/** The window of a preset key for this modality, or null when the key means nothing there. `own` is the image's own window. */
export function presetWindow(key: string, modality: string, own: Window): Window | null {
  if (key === "0") return own;
  const preset = CT_PRESETS.find((one) => one.key === key);
  if (preset === undefined || modality !== "CT") return null;
  return { center: preset.center, width: preset.width };
}

export function presetName(window: Window, modality: string): string | null {
  if (modality !== "CT") return null;
  return CT_PRESETS.find((one) => one.center === window.center && one.width === window.width)?.name ?? null;
}

/** Smallest width that LINEAR (PS3.3 C.11.2.1.2) allows. */
export const NARROWEST = 1;

/** The window after a drag of (dx, dy) CSS pixels: right widens, up brightens (lower centre), in steps that follow the present width. */
export function dragWindow(window: Window, dx: number, dy: number): Window {
  const step = Math.max(window.width, 16) / 300;
  return {
    center: Math.round((window.center + dy * step) * 10) / 10,
    width: Math.max(NARROWEST, Math.round((window.width + dx * step) * 10) / 10),
  };
}

/** Lower and upper bound of the grey ramp, as DICOM LINEAR has it (PS3.3 C.11.2.1.2.1). */
export function windowRange(window: Window): { lower: number; upper: number } {
  return {
    lower: window.center - 0.5 - (window.width - 1) / 2,
    upper: window.center - 0.5 + (window.width - 1) / 2,
  };
}

export function rangeWindow(range: { lower: number; upper: number }): Window {
  return { center: (range.lower + range.upper) / 2 + 0.5, width: range.upper - range.lower + 1 };
}

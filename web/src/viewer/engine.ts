/** Starts cornerstone once for the page: how to draw, how much to keep, where images come from. */
import {
  cache,
  getRenderingCapabilities,
  getRenderingEngine,
  getShouldUseCPURendering,
  init as initCore,
  RenderingEngine,
  setUseCPURendering,
} from "@cornerstonejs/core";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";
import { memoryBudget } from "./prefetch";
import { registerSource } from "./source";

const ENGINE = "consilium";
const MOST_DECODERS = 4;

export interface EngineFacts {
  /** Drawn without WebGL: every picture is right, but planes through a volume are not offered. */
  cpu: boolean;
  /** Bytes for decoded images. */
  budget: number;
}

let facts: EngineFacts | null = null;

export function startEngine(): EngineFacts {
  if (facts !== null) return facts;
  initCore();
  const capabilities = getRenderingCapabilities();
  // A software WebGL is several times slower than drawing by the processor without it.
  if (!capabilities.webgl || capabilities.softwareRasterizer) setUseCPURendering(true, false);
  const processors = navigator.hardwareConcurrency || 2;
  initLoader({ maxWebWorkers: Math.max(1, Math.min(MOST_DECODERS, processors - 1)) });
  registerSource();
  const phone = window.matchMedia("(pointer: coarse) and (max-width: 767px)").matches;
  const budget = memoryBudget((navigator as { deviceMemory?: number }).deviceMemory, phone);
  cache.setMaxCacheSize(budget);
  facts = { cpu: getShouldUseCPURendering(), budget };
  return facts;
}

export function engine(): RenderingEngine {
  return (getRenderingEngine(ENGINE) as RenderingEngine | undefined) ?? new RenderingEngine(ENGINE);
}

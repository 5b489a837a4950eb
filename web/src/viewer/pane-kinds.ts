/**
 * What a pane can show besides a stack of pictures: one lazy component for each kind, so that its code comes only when it is wanted.
 * The component fills the pane, draws its own overlays and answers its own keys; the grid draws the frame around it.
 */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Schemas } from "../api/client";
import type { Content, OtherKind } from "./layout";
import type { StudySource } from "./source";

export interface OtherPaneProps {
  content: Content;
  source: StudySource;
  study: Schemas["Study"] | undefined;
  /** The pane has the focus ring. */
  active: boolean;
  /** Shows something else in this pane, e.g. the stack again. */
  onOpen: (content: Content) => void;
}

export const PANE_KINDS: Partial<Record<OtherKind, LazyExoticComponent<ComponentType<OtherPaneProps>>>> = {
  document: lazy(() => import("./documents/DocumentPane")),
  planes: lazy(() => import("./mpr/PlanesPane")),
};

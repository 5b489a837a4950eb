/** Fetches the viewer's code before it is needed: called where a click on "open images" is likely. */
export function preloadViewer(): Promise<typeof import("./Viewer")> {
  return import("./Viewer");
}

// Stands in for xmlbuilder2, which vtk.js imports for a file writer that this client never calls (see vite.config.ts).
export function create(): never {
  throw new Error("writing XML is not part of this client");
}

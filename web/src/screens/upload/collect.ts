// From what was dropped or chosen to a flat list of files: folders are walked; archives are opened later, in the worker.
import { TooMuch } from "./limits";
import type { Found } from "./source";

/** What one selection may hold; more is refused with a message instead of a frozen page. */
export const maxFiles = 200_000;

export interface Collected {
  found: Found[];
  /** Where the browser has the File System Access API: what was dropped or chosen, to be opened again after a reload. */
  handles: FileSystemHandle[];
}

type WithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };
type Directory = FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };
type PermissionHandle = FileSystemHandle & {
  queryPermission?: (options: { mode: "read" }) => Promise<PermissionState>;
  requestPermission?: (options: { mode: "read" }) => Promise<PermissionState>;
};
type PickerWindow = Window & { showDirectoryPicker?: (options: { mode: "read" }) => Promise<FileSystemDirectoryHandle> };

function adder(): { found: Found[]; add: (path: string, blob: Blob) => void } {
  const found: Found[] = [];
  return {
    found,
    add(path, blob) {
      if (found.length >= maxFiles) throw new TooMuch();
      found.push({ path, blob });
    },
  };
}

function filesOfReader(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walkEntry(entry: FileSystemEntry, add: (path: string, blob: Blob) => void): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    add(entry.fullPath.replace(/^\//, ""), file);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (let batch = await filesOfReader(reader); batch.length > 0; batch = await filesOfReader(reader)) {
    for (const child of batch) await walkEntry(child, add); // readEntries gives at most 100 at a time
  }
}

async function walkHandle(handle: FileSystemHandle, path: string, add: (path: string, blob: Blob) => void): Promise<void> {
  if (handle.kind === "file") return add(path, await (handle as FileSystemFileHandle).getFile());
  for await (const child of (handle as Directory).values()) await walkHandle(child, `${path}/${child.name}`, add);
}

/** The files behind handles. Throws when one is not there any more or may not be read. */
export async function filesOfHandles(handles: readonly FileSystemHandle[]): Promise<Collected> {
  const { found, add } = adder();
  for (const handle of handles) await walkHandle(handle, handle.name, add);
  return { found, handles: [...handles] };
}

/** Asks the person, where the browser wants that; in a click only. */
export async function mayRead(handles: readonly FileSystemHandle[]): Promise<boolean> {
  for (const handle of handles as readonly PermissionHandle[]) {
    if ((await handle.queryPermission?.({ mode: "read" })) === "granted") continue;
    if ((await handle.requestPermission?.({ mode: "read" })) !== "granted") return false;
  }
  return true;
}

/** The files of a drop. Must be called in the drop event itself: its items are gone afterwards. */
export async function filesOfDrop(transfer: DataTransfer): Promise<Collected> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const asked = items.map((item) => (item as WithHandle).getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null));
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const plain = [...transfer.files];
  const { found, add } = adder();
  if (entries.length === 0) for (const file of plain) add(file.name, file);
  for (const entry of entries) await walkEntry(entry, add);
  const handles = (await Promise.all(asked)).filter((handle) => handle !== null);
  return { found, handles: handles.length === items.length ? handles : [] };
}

export function filesOfInput(list: FileList): Collected {
  const { found, add } = adder();
  for (const file of list) add(file.webkitRelativePath || file.name, file);
  return { found, handles: [] };
}

export const hasFolderPicker = typeof window !== "undefined" && "showDirectoryPicker" in window;

/** A folder by the browser's picker; null when the person thought better of it. */
export async function pickFolder(): Promise<Collected | null> {
  try {
    const handle = await (window as PickerWindow).showDirectoryPicker!({ mode: "read" });
    return await filesOfHandles([handle]);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
}

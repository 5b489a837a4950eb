// What is kept in the browser while an upload is under way, so that it goes on after a reload: where the files are (handles, where
// the browser has them), what the person chose, and the key of the pseudonyms. No picture and no patient's name, but for documents
// made on this page, which exist nowhere else. Removed when the upload has ended or was given up.
import type { PseudonymRules } from "./pseudonym/pseudonyms";
import type { Found } from "./source";

export interface SavedUpload {
  /** Only this person may go on with it. */
  person: string;
  begunAt: number;
  images: number;
  bytes: number;
  /** Names of what was dropped, for the person to find it again. */
  names: string[];
  handles: FileSystemHandle[];
  documents: Found[];
  /** Digests of the keys of the series that are not to be sent. */
  left: string[];
  rules: PseudonymRules | null;
}

const database = "consilium-upload";
const store = "upload";
const key = "current";

function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(database, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(store);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const db = opening.result;
      const transaction = db.transaction(store, mode);
      const request = act(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
      db.onversionchange = () => db.close();
      transaction.addEventListener("complete", () => db.close());
    };
  });
}

/** A browser that keeps nothing (private windows) sends all the same; only a reload starts from the folder again. */
export async function saveUpload(upload: SavedUpload): Promise<void> {
  try {
    await run("readwrite", (all) => all.put(upload, key));
  } catch {
    await run("readwrite", (all) => all.put({ ...upload, handles: [] }, key)).catch(() => undefined);
  }
}

export async function savedUpload(person: string): Promise<SavedUpload | null> {
  try {
    const saved = (await run("readonly", (all) => all.get(key))) as SavedUpload | undefined;
    return saved?.person === person ? saved : null;
  } catch {
    return null;
  }
}

export async function forgetUpload(): Promise<void> {
  await run("readwrite", (all) => all.delete(key)).catch(() => undefined);
}

/** Of the key of a series, which has the patient's name in it. */
export async function digestOf(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...bytes.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Where the bytes of one file come from: the disk, or an entry of an archive that is unpacked only when it is asked for.

export interface Source {
  /** Path as the person knows it: folder/sub/file, archive.zip/file. */
  path: string;
  size: number;
  /** The first bytes, as many as asked for or all there are. */
  head(count: number): Promise<Uint8Array<ArrayBuffer>>;
  /** All of it. Files of the disk are not read by this; entries of archives are unpacked. */
  whole(): Promise<Blob>;
}

/** What the page hands over: a file of the disk, or a DICOM object made on this page. */
export interface Found {
  path: string;
  blob: Blob;
}

export function fileSource({ path, blob }: Found): Source {
  return {
    path,
    size: blob.size,
    head: async (count) => new Uint8Array(await blob.slice(0, count).arrayBuffer()),
    whole: async () => blob,
  };
}

const compareBytes = 4 * 1024 * 1024;

/** Whether two files hold the same bytes; read piece by piece. */
export async function sameContent(a: Source, b: Source): Promise<boolean> {
  if (a.size !== b.size) return false;
  const [one, other] = [await a.whole(), await b.whole()];
  for (let at = 0; at < one.size; at += compareBytes) {
    const [left, right] = await Promise.all([one, other].map(async (blob) => new Uint8Array(await blob.slice(at, at + compareBytes).arrayBuffer())));
    if (left!.length !== right!.length || left!.some((byte, index) => byte !== right![index])) return false;
  }
  return true;
}

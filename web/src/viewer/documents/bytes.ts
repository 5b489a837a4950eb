/** The bytes of a binary attribute: in the metadata when short, else by its address (PS3.18 F.2.6, F.2.7). */
import { errorFrom, hubFetch } from "../../api/client";

export async function bytesOf({ InlineBinary, BulkDataURI }: { InlineBinary?: string; BulkDataURI?: string }): Promise<Uint8Array<ArrayBuffer>> {
  if (InlineBinary !== undefined) return Uint8Array.from(atob(InlineBinary), (character) => character.charCodeAt(0));
  if (BulkDataURI === undefined) return new Uint8Array(0);
  const address = new URL(BulkDataURI, location.href);
  if (address.origin !== location.origin) throw new Error("bulk data of another place");
  const response = await hubFetch(address, { headers: { Accept: "application/octet-stream" } });
  if (!response.ok) throw errorFrom(response, undefined);
  return new Uint8Array(await response.arrayBuffer());
}

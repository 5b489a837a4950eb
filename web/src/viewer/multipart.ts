/**
 * The body of a WADO-RS frame answer: one part of multipart/related (RFC 2387), or the bytes themselves when the server answered
 * application/octet-stream. Only the first part is wanted: one frame is asked for at a time.
 */
export interface FrameBody {
  bytes: Uint8Array;
  /** Transfer syntax UID as told by the content type of the part, if it was. */
  transferSyntax: string | null;
}

const CRLF2 = [13, 10, 13, 10];

export function parameter(contentType: string, name: string): string | null {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^;\\s]*))`, "i").exec(contentType);
  return match === null ? null : (match[1] ?? match[2] ?? null);
}

export function parseFrameBody(contentType: string, body: Uint8Array): FrameBody {
  if (!/^multipart\/related\b/i.test(contentType)) {
    return { bytes: body, transferSyntax: parameter(contentType, "transfer-syntax") };
  }
  const boundary = parameter(contentType, "boundary");
  if (boundary === null) throw new Error("multipart answer without a boundary");
  const opening = ascii(`--${boundary}`);
  const start = find(body, opening, 0);
  if (start < 0) throw new Error("multipart answer without its first part");
  const headersEnd = find(body, CRLF2, start);
  if (headersEnd < 0) throw new Error("multipart part without end of headers");
  const headers = new TextDecoder().decode(body.subarray(start + opening.length, headersEnd));
  const dataStart = headersEnd + CRLF2.length;
  const length = /^content-length:\s*(\d+)\s*$/im.exec(headers);
  const closing = ascii(`\r\n--${boundary}`);
  const dataEnd =
    length !== null && dataStart + Number(length[1]) <= body.length
      ? dataStart + Number(length[1])
      : findBackward(body, closing, dataStart);
  if (dataEnd < 0) throw new Error("multipart part without its end");
  const type = /^content-type:\s*(.*)$/im.exec(headers)?.[1] ?? "";
  return {
    bytes: body.subarray(dataStart, dataEnd),
    transferSyntax: parameter(type, "transfer-syntax") ?? parameter(contentType, "transfer-syntax"),
  };
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

function matches(body: Uint8Array, wanted: readonly number[], at: number): boolean {
  return wanted.every((byte, offset) => body[at + offset] === byte);
}

function find(body: Uint8Array, wanted: readonly number[], from: number): number {
  const last = body.length - wanted.length;
  for (let at = body.indexOf(wanted[0]!, from); at >= 0 && at <= last; at = body.indexOf(wanted[0]!, at + 1)) {
    if (matches(body, wanted, at)) return at;
  }
  return -1;
}

/** The closing delimiter is at the very end; pixels may look like anything. */
function findBackward(body: Uint8Array, wanted: readonly number[], notBefore: number): number {
  for (let at = body.length - wanted.length; at >= notBefore; at--) if (matches(body, wanted, at)) return at;
  return -1;
}

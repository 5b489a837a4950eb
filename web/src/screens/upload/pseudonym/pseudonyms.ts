// What stands in the place of a patient. Everything follows from one secret key of the upload (HMAC-SHA-256), so that the same
// patient and the same UID become the same again in every file and after a reload, and nobody without the key can tell whose they are.

export interface PseudonymRules {
  /** 32 random bytes, kept in this browser until the upload has ended. */
  key: Uint8Array<ArrayBuffer>;
  /** shift: all dates of a patient move by the same number of days into the past. */
  dates: "keep" | "shift";
}

export function newRules(dates: PseudonymRules["dates"]): PseudonymRules {
  return { key: crypto.getRandomValues(new Uint8Array(32)), dates };
}

/** UIDs of the standard (SOP classes, transfer syntaxes, coding schemes): they mean the same everywhere. */
const standardRoot = "1.2.840.10008.";
const maxShiftDays = 3650;
const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford: none that is taken for another

export class Pseudonyms {
  private readonly uids = new Map<string, string>();

  private constructor(private readonly key: CryptoKey, readonly rules: PseudonymRules) {}

  static async make(rules: PseudonymRules): Promise<Pseudonyms> {
    const key = await crypto.subtle.importKey("raw", rules.key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return new Pseudonyms(key, rules);
  }

  private async digest(kind: string, value: string): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign("HMAC", this.key, new TextEncoder().encode(`${kind}\n${value}`)));
  }

  /** The number that a patient gets: "P-" and ten letters or digits. */
  async patient(patientId: string, patientName: string): Promise<string> {
    const bytes = await this.digest("patient", `${patientId}\n${patientName}`);
    return `P-${[...bytes.subarray(0, 10)].map((byte) => letters[byte % 32]).join("")}`;
  }

  /** Days by which the dates of a patient move: 0, or -1 to -3650. */
  async shift(patientId: string, patientName: string): Promise<number> {
    if (this.rules.dates === "keep") return 0;
    const bytes = await this.digest("dates", `${patientId}\n${patientName}`);
    return -1 - (new DataView(bytes.buffer).getUint32(0) % maxShiftDays);
  }

  /** A UID below 2.25 (PS3.5 B.2) for every UID that is not of the standard. */
  async uid(uid: string): Promise<string> {
    if (uid === "" || uid.startsWith(standardRoot)) return uid;
    let mapped = this.uids.get(uid);
    if (mapped === undefined) {
      const bytes = (await this.digest("uid", uid)).subarray(0, 16);
      const number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      this.uids.set(uid, (mapped = `2.25.${number}`));
    }
    return mapped;
  }
}

/** 20260131 moved by days; anything else becomes empty, for it cannot be moved. */
export function shiftDate(date: string, days: number): string {
  const found = /^(\d{4})\.?(\d\d)\.?(\d\d)$/.exec(date);
  if (!found) return "";
  const moved = new Date(Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3]) + days));
  return moved.toISOString().slice(0, 10).replaceAll("-", "");
}

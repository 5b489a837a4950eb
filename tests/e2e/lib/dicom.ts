/* Test studies and the scanners that send them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { join } from "node:path";
import { dimsePort, root } from "./product";

/**
 * Makes files by tests/data/make_dicom.py KIND …; returns their folder. The same options give the same bytes, so what was made once is
 * kept in build/test-data: the pixels of a large series take longer than the test that looks at them.
 */
export function makeDicom(kind: string, ...options: string[]): string {
    const kept = join(root, "build/test-data", [kind, ...options].join("").replace(/[^a-z0-9-]/gi, "_"));
    if (existsSync(kept)) return kept;
    mkdirSync(join(root, "build/test-data"), { recursive: true });
    const folder = mkdtempSync(`${kept}.`);
    execFileSync("/usr/bin/python3", [join(root, "tests/data/make_dicom.py"), kind, "--out", folder, ...options], {
        stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(folder, kept);
    return kept;
}

/** Where a scanner finds the product: the shared one when absent. `prefix` is a command in front, such as `ip netns exec NAME`. */
export interface Scanner {
    host: string;
    port: number;
    prefix: string[];
    /** The AE title that the product knows at that address, instead of the one of the shared product. */
    ae: string;
}

/** Sends a folder by C-STORE as a scanner does. */
export function sendByDimse(folder: string, callingAe: string, to?: Scanner): void {
    const { host, port, prefix, ae } = to ?? { host: "127.0.0.1", port: dimsePort(), prefix: [], ae: callingAe };
    const [program, ...options] = [...prefix, "dcmsend", "+sd", "+r", "+sp", "*.dcm", "-aet", ae, "-aec", "CONSILIUM", host, `${port}`, folder];
    execFileSync(program!, options, { stdio: ["ignore", "inherit", "inherit"] });
}

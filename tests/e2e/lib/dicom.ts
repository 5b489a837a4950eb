/* Test studies and the scanners that send them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dimsePort, root } from "./product";

/** Makes files by tests/data/make_dicom.py KIND …; returns their folder. */
export function makeDicom(kind: string, ...options: string[]): string {
    const folder = mkdtempSync(join(tmpdir(), `consilium-${kind}-`));
    execFileSync("/usr/bin/python3", [join(root, "tests/data/make_dicom.py"), kind, "--out", folder, ...options], {
        stdio: ["ignore", "ignore", "inherit"],
    });
    return folder;
}

/** Where a scanner finds the product: the shared one when absent. `prefix` is a command in front, such as `ip netns exec NAME`. */
export interface Scanner {
    host: string;
    port: number;
    prefix: string[];
}

/** Sends a folder by C-STORE as a scanner does. */
export function sendByDimse(folder: string, callingAe: string, to?: Scanner): void {
    const { host, port, prefix } = to ?? { host: "127.0.0.1", port: dimsePort(), prefix: [] };
    const [program, ...options] = [...prefix, "dcmsend", "+sd", "+r", "-aet", callingAe, "-aec", "CONSILIUM", host, `${port}`, folder];
    execFileSync(program!, options, { stdio: ["ignore", "inherit", "inherit"] });
}

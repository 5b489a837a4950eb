/* ./hub/up for browser tests: a data directory of its own, free ports, stopped at the end. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../../..");
export const password = "consilium-demo";
/** Seconds that access lasts after a case was closed, in the product of the tests. */
export const graceSeconds = 3;

const startSeconds = 180;
const stopSeconds = 20;

export interface Product {
    url: string;
    dimsePort: number;
    data: string;
    stop: () => Promise<void>;
}

export async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    await new Promise((done) => server.close(done));
    if (address === null || typeof address === "string") throw new Error("no free port");
    return address.port;
}

/**
 * Starts the product with further options of hub/up and waits until it says that it is ready. `prefix` is a command in front, such as
 * `ip netns exec NAME`.
 */
export async function startProduct(options: string[] = [], host = "127.0.0.1", prefix: string[] = []): Promise<Product> {
    const data = mkdtempSync(join(tmpdir(), "consilium-e2e-"));
    const [https, dimse, dimseTls, rtc] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const [program, ...before] = [...prefix, join(root, "hub/up")];
    const up = spawn(
        program!,
        [...before, "--no-build", "--data", data, "--host", host, "--https-port", `${https}`, "--dimse-port", `${dimse}`]
            .concat(["--dimse-tls-port", `${dimseTls}`, "--rtc-port", `${rtc}`])
            .concat(options),
        // short grace and fast ends, so that a test sees access end
        { cwd: root, env: { ...process.env, CONSILIUM_AUTH_GRANT_GRACE: `${graceSeconds}` }, stdio: ["ignore", "pipe", "pipe"] },
    );
    const lines: string[] = [];
    const ended = new Promise<number | null>((done) => up.once("exit", done));
    const ready = new Promise<boolean>((done) => {
        const onOutput = (chunk: Buffer) => {
            lines.push(chunk.toString());
            if (lines.length > 2000) lines.shift();
            if (/^consilium: ready /m.test(lines.slice(-3).join(""))) done(true);
        };
        up.stdout.on("data", onOutput);
        up.stderr.on("data", onOutput);
        void ended.then(() => done(false));
        setTimeout(() => done(false), startSeconds * 1000).unref();
    });
    const stop = async () => {
        up.kill("SIGTERM");
        const timer = setTimeout(() => up.kill("SIGKILL"), stopSeconds * 1000);
        await ended;
        clearTimeout(timer);
        if (!process.env.CONSILIUM_E2E_KEEP) rmSync(data, { recursive: true, force: true });
    };
    if (!(await ready)) {
        await stop();
        throw new Error(`hub/up did not get ready:\n${lines.join("").slice(-4000)}`);
    }
    return { url: `https://${host}:${https}`, dimsePort: dimse, data, stop };
}

function fromEnvironment(name: string): string {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set: run tests/e2e/run`);
    return value;
}

/** Address of the product that the tests share. */
export function productUrl(): string {
    return fromEnvironment("CONSILIUM_E2E_URL");
}

export function dimsePort(): number {
    return Number(process.env.CONSILIUM_E2E_DIMSE_PORT ?? 11112);
}

/** Runs the administration command on the product that the tests share; returns what it printed. */
export function consilium(words: string[], input = ""): string {
    return execFileSync(join(root, "build/bin/consilium"), [...words, "--data", fromEnvironment("CONSILIUM_E2E_DATA")], { input, encoding: "utf8" });
}

/** kill -9 of a program of the product that the tests share, at once. */
export function killProgram(name: "hub" | "media"): void {
    const data = fromEnvironment("CONSILIUM_E2E_DATA");
    const pids = readdirSync("/proc").filter((entry) => {
        if (!/^[0-9]+$/.test(entry)) return false;
        try {
            const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
            return words[0]!.endsWith(`/consilium-${name}`) && words.includes(data);
        } catch {
            return false; // it has ended meanwhile
        }
    });
    if (pids.length !== 1) throw new Error(`${pids.length} programs are called consilium-${name}`);
    process.kill(Number(pids[0]), "SIGKILL");
}

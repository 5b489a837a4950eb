/*
 * A network namespace for the product, joined to this one by a pair of virtual cables: for Firefox, which takes no part in a call over the
 * loopback address, and for networks that break. Needs root.
 */
import { execFileSync } from "node:child_process";

export interface Namespace {
    /** Address of the product, seen from both sides. */
    host: string;
    /** The command in front of whatever is to run inside. */
    prefix: string[];
    /** Pulls the cable at the product's end, or puts it back. */
    plug: (plugged: boolean) => void;
    remove: () => void;
}

const ip = (...words: string[]) => execFileSync("ip", words, { stdio: ["ignore", "ignore", "inherit"] });

export function makeNamespace(): Namespace {
    const name = `cons${process.pid}`;
    const [outside, inside] = [`${name}o`, `${name}i`];
    const subnet = `10.${77 + (process.pid % 100)}.${(process.pid >> 8) % 250}`;
    ip("netns", "add", name);
    try {
        ip("link", "add", outside, "type", "veth", "peer", "name", inside);
        ip("link", "set", inside, "netns", name);
        ip("address", "add", `${subnet}.2/24`, "dev", outside);
        ip("link", "set", outside, "up");
        ip("-n", name, "address", "add", `${subnet}.1/24`, "dev", inside);
        ip("-n", name, "link", "set", inside, "up");
        ip("-n", name, "link", "set", "lo", "up");
    } catch (error) {
        ip("netns", "delete", name);
        throw error;
    }
    return {
        host: `${subnet}.1`,
        prefix: ["ip", "netns", "exec", name],
        plug: (plugged) => ip("-n", name, "link", "set", inside, plugged ? "up" : "down"),
        remove: () => ip("netns", "delete", name), // takes both ends of the cable with it
    };
}

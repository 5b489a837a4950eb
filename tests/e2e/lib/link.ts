/*
 * A bad line between a browser and the product: a TCP relay with a rate for each direction, a delay, stalls (what lost packets are to
 * TCP) and cuts. The kernel of this machine has no netem.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface LinkOptions {
    /** Bits per second in each direction, for all connections together. */
    bitsPerSecond: number;
    /** Milliseconds that each piece is on its way. */
    delay?: number;
    /** Part of the pieces that must be sent again: each stalls its direction for retransmitMs. */
    loss?: number;
}

const pieceBytes = 1400;
const retransmitMs = 200;

/** One direction: pieces leave at the rate, one after the other, whoever sent them. */
class Direction {
    private free = 0;
    private dice = 1;

    constructor(public options: LinkOptions) {}

    /** When a piece of so many bytes has left, in milliseconds from now; then it is on its way for the delay. */
    take(bytes: number): number {
        const now = performance.now();
        this.free = Math.max(this.free, now) + (bytes * 8000) / this.options.bitsPerSecond;
        // the same dice in every run
        this.dice = (this.dice * 48_271) % 2_147_483_647;
        if (this.dice / 2_147_483_647 < (this.options.loss ?? 0)) this.free += retransmitMs;
        return this.free - now;
    }
}

export class Link {
    private readonly open = new Set<Socket>();
    private refusing = false;

    private constructor(
        private readonly server: Server,
        readonly url: string,
        private readonly directions: readonly [Direction, Direction],
    ) {}

    /** target: https://host:port of the product. */
    static async to(target: string, options: LinkOptions): Promise<Link> {
        const { hostname, port } = new URL(target);
        const directions = [new Direction(options), new Direction(options)] as const;
        const server = createServer({ noDelay: true });
        await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
        const address = server.address();
        if (address === null || typeof address === "string") throw new Error("no port");
        const link = new Link(server, `https://127.0.0.1:${address.port}`, directions);
        server.on("connection", (near) => {
            if (link.refusing) return near.destroy();
            const far = connect({ host: hostname, port: Number(port), noDelay: true });
            for (const [from, to, direction] of [[near, far, directions[0]], [far, near, directions[1]]] as const) {
                link.open.add(from);
                from.on("error", () => to.destroy());
                from.on("close", () => link.open.delete(from));
                void relay(from, to, direction);
            }
        });
        return link;
    }

    /** The line gets better or worse. */
    change(options: LinkOptions): void {
        for (const direction of this.directions) direction.options = options;
    }

    /** All connections break, and no new one comes up until mend(). */
    cut(): void {
        this.refusing = true;
        for (const socket of this.open) socket.destroy();
    }

    mend(): void {
        this.refusing = false;
    }

    async close(): Promise<void> {
        this.cut();
        await new Promise((done) => this.server.close(done));
    }
}

async function relay(from: Socket, to: Socket, direction: Direction): Promise<void> {
    try {
        for await (const chunk of from as AsyncIterable<Buffer>) {
            for (let at = 0; at < chunk.length; at += pieceBytes) {
                const piece = chunk.subarray(at, at + pieceBytes);
                await new Promise((done) => setTimeout(done, direction.take(piece.length)));
                // timers of one delay go off in their order
                setTimeout(() => to.destroyed || to.write(piece), direction.options.delay ?? 0);
            }
        }
        setTimeout(() => to.end(), direction.options.delay ?? 0);
    } catch {
        to.destroy();
    }
}

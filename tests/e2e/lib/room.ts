/* The consultation room as a person uses it, and what arrives there by the browser's own count. */
import { expect, type Locator, type Page } from "@playwright/test";

/** Frames decoded and audio received, summed over every connection of the page. */
export interface Received {
    frames: number;
    audio: number;
}

/** To be called before the page is opened: keeps hold of its peer connections, to read their statistics. */
export async function watchConnections(page: Page): Promise<void> {
    await page.addInitScript(() => {
        const all: RTCPeerConnection[] = [];
        const Original = window.RTCPeerConnection;
        window.RTCPeerConnection = class extends Original {
            constructor(configuration?: RTCConfiguration) {
                super(configuration);
                all.push(this);
            }
        };
        (window as unknown as { testConnections: RTCPeerConnection[] }).testConnections = all;
    });
}

/** Runs in the page. */
export async function countReceived(): Promise<Received> {
    const all = (window as unknown as { testConnections: RTCPeerConnection[] }).testConnections;
    const sum = { frames: 0, audio: 0 };
    for (const connection of all) {
        if (connection.connectionState === "closed") continue;
        for (const one of (await connection.getStats()).values()) {
            if (one.type !== "inbound-rtp") continue;
            if (one.kind === "video") sum.frames += one.framesDecoded ?? 0;
            else sum.audio += one.packetsReceived ?? 0;
        }
    }
    return sum;
}

/** Runs in the page. Pictures decoded by connections made after the first `known`. */
async function countNewFrames(known: number): Promise<number> {
    const all = (window as unknown as { testConnections: RTCPeerConnection[] }).testConnections;
    let frames = 0;
    for (const connection of all.slice(known)) {
        for (const one of (await connection.getStats()).values()) if (one.type === "inbound-rtp" && one.kind === "video") frames += one.framesDecoded ?? 0;
    }
    return frames;
}

export class RoomPage {
    constructor(readonly page: Page) {}

    /** How many peer connections the page has made so far. */
    connectionsMade(): Promise<number> {
        return this.page.evaluate(() => (window as unknown as { testConnections: RTCPeerConnection[] }).testConnections.length);
    }

    /** Resolves when pictures come by a connection made after the first `known`, with the seconds since the call. */
    async secondsUntilBack(known: number): Promise<number> {
        const began = Date.now();
        await expect.poll(() => this.page.evaluate(countNewFrames, known), { message: "pictures come again", timeout: 30_000, intervals: [100] }).toBeGreaterThan(2);
        return (Date.now() - began) / 1000;
    }

    /** Opens the room's page and goes through the device check. */
    async join(room: string): Promise<void> {
        await this.page.goto(`/rooms/${room}`);
        await this.enter();
    }

    async enter(): Promise<void> {
        await this.page.getByRole("button", { name: "Join", exact: true }).click();
        await expect(this.controls()).toBeVisible();
    }

    controls(): Locator {
        return this.page.getByRole("toolbar", { name: "Room controls" });
    }

    control(name: string): Locator {
        return this.controls().getByRole("button", { name });
    }

    /** The faces of the others that show a picture. */
    othersVideo(): Locator {
        return this.page.locator('figure[data-self="false"] video');
    }

    received(): Promise<Received> {
        return this.page.evaluate(countReceived);
    }

    /** Pictures and sound arrive now: both counts grow. */
    async expectMedia(what: { video?: boolean; audio?: boolean } = { video: true, audio: true }): Promise<void> {
        const before = await this.received();
        if (what.video) await expect.poll(async () => (await this.received()).frames, { message: "framesDecoded grows" }).toBeGreaterThan(before.frames + 5);
        if (what.audio) await expect.poll(async () => (await this.received()).audio, { message: "audio packets arrive" }).toBeGreaterThan(before.audio + 20);
    }

    /** No picture is decoded for a second and a half. */
    async expectNoVideo(): Promise<void> {
        await expect
            .poll(
                async () => {
                    const before = await this.received();
                    await this.page.waitForTimeout(1500); // the measure itself, not a wait for something
                    return (await this.received()).frames - before.frames;
                },
                { message: "framesDecoded stands still" },
            )
            .toBe(0);
    }

    /** The network changes under the page: requests fail for a moment, and the browser says so. Packets of the call are not held up. */
    async dropNetwork(): Promise<void> {
        const { page } = this;
        await page.context().setOffline(true);
        await page.evaluate(() => window.dispatchEvent(new Event("offline")));
        await page.context().setOffline(false);
        await page.evaluate(() => window.dispatchEvent(new Event("online")));
    }

    async say(text: string): Promise<void> {
        await this.page.getByRole("textbox", { name: "Write a message" }).fill(text);
        await this.page.getByRole("button", { name: "Send" }).click();
    }

    log(): Locator {
        return this.page.getByRole("log");
    }

    async leave(): Promise<void> {
        await this.control("Leave").click();
        await expect(this.page.getByText("You have left the room.")).toBeVisible();
    }
}

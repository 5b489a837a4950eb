/* The image viewer as a person uses it. */
import { expect, type Locator, type Page } from "@playwright/test";
import { difference, readPng, type Box, type Difference, type Picture } from "./pictures";

export class ViewerPage {
    readonly pane: Locator;

    constructor(readonly page: Page) {
        this.pane = page.getByRole("application");
    }

    async open(study: string): Promise<void> {
        await this.page.goto(`/studies/${study}/view`);
        await this.waitForImage();
    }

    /** The wished-for image is on the screen. */
    async waitForImage(timeout = 60_000): Promise<void> {
        await expect(this.pane).toHaveAttribute("data-ready", "true", { timeout });
    }

    /** Milliseconds from the click on a link to the first image on the screen. */
    openByClick(link: Locator): Promise<number> {
        return link.evaluate(
            (element) =>
                new Promise<number>((done) => {
                    const began = performance.now();
                    const look = () => {
                        if (document.querySelector('[role="application"][data-ready="true"]')) done(performance.now() - began);
                        else requestAnimationFrame(look);
                    };
                    (element as HTMLElement).click();
                    look();
                }),
        );
    }

    /** From 0. */
    async index(): Promise<number> {
        return Number(await this.pane.getAttribute("data-index"));
    }

    async expectIndex(index: number): Promise<void> {
        await expect(this.pane).toHaveAttribute("data-index", String(index));
        await this.waitForImage();
    }

    async middle(): Promise<{ x: number; y: number }> {
        const box = (await this.pane.boundingBox())!;
        return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }

    async wheel(notches: number): Promise<void> {
        const { x, y } = await this.middle();
        await this.page.mouse.move(x, y);
        for (let turn = 0; turn < Math.abs(notches); turn++) {
            const before = await this.index();
            await this.page.mouse.wheel(0, Math.sign(notches) * 120);
            await expect.poll(() => this.index()).not.toBe(before);
        }
        await this.waitForImage();
    }

    async drag(dx: number, dy: number, button: "left" | "middle" | "right" = "left"): Promise<void> {
        const { x, y } = await this.middle();
        await this.page.mouse.move(x, y);
        await this.page.mouse.down({ button });
        await this.page.mouse.move(x + dx, y + dy, { steps: 8 });
        await this.page.mouse.up({ button });
    }

    async dragBetween([fromX, fromY]: readonly [number, number], [toX, toY]: readonly [number, number]): Promise<void> {
        await this.page.mouse.move(fromX, fromY);
        await this.page.mouse.down();
        await this.page.mouse.move(toX, toY, { steps: 8 });
        await this.page.mouse.up();
    }

    /** The words of a measurement on the image. */
    drawn(words: string): Locator {
        return this.page.locator(".viewer-drawings text", { hasText: words });
    }

    async press(key: string): Promise<void> {
        await this.pane.focus();
        await this.page.keyboard.press(key);
    }

    /** Where an image of this size is drawn when the whole of it just fits. */
    async imageBox(width: number, height: number): Promise<Box> {
        const pane = (await this.pane.boundingBox())!;
        const scale = Math.min(pane.width / width, pane.height / height);
        const [w, h] = [width * scale, height * scale];
        return { x: pane.x + (pane.width - w) / 2, y: pane.y + (pane.height - h) / 2, width: w, height: h };
    }

    async differenceFrom(reference: Picture): Promise<Difference> {
        const box = await this.imageBox(reference.width, reference.height);
        return difference(readPng(await this.page.screenshot()), box, reference);
    }

    /** Polls, because the screen may still be drawing; the last figures are in the message. */
    async expectPicture(reference: Picture, limits: Difference = { mean: 2.5, p99: 14 }): Promise<void> {
        let last: Difference = { mean: 255, p99: 255 };
        await expect
            .poll(async () => {
                last = await this.differenceFrom(reference);
                return last.mean <= limits.mean && last.p99 <= limits.p99;
            }, { message: "the picture on the screen is DCMTK's", timeout: 30_000 })
            .toBe(true)
            .catch((error: Error) => {
                error.message += `\nmean ${last.mean.toFixed(2)} (limit ${limits.mean}), p99 ${last.p99.toFixed(2)} (limit ${limits.p99})`;
                throw error;
            });
    }

    windowText(): Locator {
        return this.page.getByText(/^W -?[\d.]+ L -?[\d.]+$/);
    }

    /** How many frames a second the running cine moves on, measured by what the pane shows over `ms`. */
    async cineRate(frames: number, ms: number): Promise<{ rate: number; changes: number }> {
        return this.pane.evaluate(
            (pane, { frames: total, ms: length }) =>
                new Promise<{ rate: number; changes: number }>((done) => {
                    const seen: [number, number][] = [];
                    const observer = new MutationObserver(() => {
                        const index = Number((pane as HTMLElement).dataset.index);
                        if (seen.at(-1)?.[1] !== index) seen.push([performance.now(), index]);
                    });
                    observer.observe(pane, { attributes: true, attributeFilter: ["data-index"] });
                    setTimeout(() => {
                        observer.disconnect();
                        let moved = 0;
                        for (let at = 1; at < seen.length; at++) moved += (seen[at]![1] - seen[at - 1]![1] + total) % total;
                        const [first, last] = [seen[0], seen.at(-1)];
                        const seconds = first && last ? (last[0] - first[0]) / 1000 : 0;
                        done({ rate: seconds > 0 ? moved / seconds : 0, changes: seen.length });
                    }, length);
                }),
            { frames, ms },
        );
    }
}

/* The viewer and the room once more in Firefox ESR: no WebGL there, another WebRTC, and the same pictures. */
import { expect, test } from "@playwright/test";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { claimedConsult, studyFromScanner } from "./lib/cases";
import { makeDicom, type Scanner } from "./lib/dicom";
import { makeNamespace, type Namespace } from "./lib/namespace";
import { apiOf } from "./lib/people";
import { difference, readPng, renderedByDcmtk } from "./lib/pictures";
import { root, startProduct, type Product } from "./lib/product";
import { countReceived, type Received } from "./lib/room";

const SLICES = 60;
/** On an address that others may reach the product wants its own password of the demo accounts. */
const SECRET = "firefox-in-a-namespace";
const WIDTH = 1280;
const HEIGHT = 800;

let space: Namespace;
let product: Product;
let scanner: Scanner;
let browser: Browser;

test.beforeAll(async () => {
    test.setTimeout(300_000);
    space = makeNamespace();
    product = await startProduct(["--demo-password", SECRET], space.host, space.prefix);
    // A plain AE is known by its address: here the one of the namespace.
    const ae = "FIREFOX_CT";
    execFileSync(join(root, "build/bin/consilium"), ["ae", "add", "--data", product.data, "--org", "COUNTY1", "--aet", ae, "--host", space.host], { stdio: ["ignore", "ignore", "inherit"] });
    scanner = { host: space.host, port: product.dimsePort, prefix: space.prefix, ae };
    browser = await puppeteer.launch({
        browser: "firefox",
        executablePath: "/usr/bin/firefox-esr",
        headless: true,
        protocol: "webDriverBiDi",
        acceptInsecureCerts: true,
        extraPrefsFirefox: {
            "media.navigator.streams.fake": true,
            "media.navigator.permission.disabled": true,
            "media.autoplay.default": 0,
            "media.peerconnection.ice.obfuscate_host_addresses": false,
        },
    });
});

test.afterAll(async () => {
    await browser?.close();
    await product?.stop();
    space?.remove();
});

/** A page of its own browser context, signed in and in English. */
async function signedIn(login: string): Promise<Page> {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width: WIDTH, height: HEIGHT });
    await page.evaluateOnNewDocument(() => {
        localStorage.setItem("consilium.language", "en");
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
    await page.goto(`${product.url}/sign-in`);
    const status = await page.evaluate(
        async (name, secret) => {
            const headers = { "Content-Type": "application/json", "X-Consilium": "1" };
            const answer = await fetch("/api/v1/session", { method: "POST", headers, body: JSON.stringify({ login: name, password: secret }) });
            await fetch("/api/v1/session", { method: "PATCH", headers, body: JSON.stringify({ language: "en" }) });
            return answer.status;
        },
        login,
        SECRET,
    );
    expect(status).toBe(200);
    return page;
}

const ready = (page: Page) => page.waitForSelector('[role="application"][data-ready="true"]', { timeout: 30_000 });

const attribute = (page: Page, name: string) => page.$eval('[role="application"]', (element, key) => element.getAttribute(key), name);

async function expectPicture(page: Page, file: string, window: { center: number; width: number }): Promise<void> {
    const reference = renderedByDcmtk(file, 1, window);
    const pane = (await (await page.$('[role="application"]'))!.boundingBox())!;
    const scale = Math.min(pane.width / reference.width, pane.height / reference.height);
    const [width, height] = [reference.width * scale, reference.height * scale];
    const box = { x: pane.x + (pane.width - width) / 2, y: pane.y + (pane.height - height) / 2, width, height };
    await expect
        .poll(async () => {
            const { mean, p99 } = difference(readPng(Buffer.from(await page.screenshot())), box, reference);
            return mean < 2.5 && p99 < 14 ? "alike" : `mean ${mean.toFixed(2)}, p99 ${p99.toFixed(2)}`;
        }, { message: "the picture on the screen is DCMTK's" })
        .toBe("alike");
}

test("images: the first by itself, the wheel, the windows, with DCMTK's grey levels", async () => {
    const county = await apiOf("county1.doctor", product.url, SECRET);
    const folder = makeDicom("ct", "--slices", `${SLICES}`, "--seed", "61");
    const files = readdirSync(folder).sort().map((name) => join(folder, name));
    const study = await studyFromScanner(county, folder, "COUNTY1_CT", "CT", SLICES, scanner);
    const page = await signedIn("county1.doctor");
    await page.goto(`${product.url}/studies/${study.id}/view`);
    await ready(page);
    expect(await attribute(page, "data-index")).toBe(String(SLICES / 2));
    await page.keyboard.press("1");
    await expectPicture(page, files[SLICES / 2]!, { center: 40, width: 400 });

    const pane = (await (await page.$('[role="application"]'))!.boundingBox())!;
    await page.mouse.move(pane.x + pane.width / 2, pane.y + pane.height / 2);
    for (let notch = 1; notch <= 5; notch++) {
        await page.mouse.wheel({ deltaY: 120 });
        await expect.poll(() => attribute(page, "data-index")).toBe(String(SLICES / 2 + notch));
    }
    await page.keyboard.press("2");
    await expectPicture(page, files[SLICES / 2 + 5]!, { center: -600, width: 1500 });
    await page.browserContext().close();
});

test("ultrasound plays", async () => {
    const county = await apiOf("county1.doctor", product.url, SECRET);
    const folder = makeDicom("us", "--frames", "60");
    const study = await studyFromScanner(county, join(folder, "US_bot.dcm"), "COUNTY1_US", "US", 1, scanner);
    const page = await signedIn("county1.doctor");
    await page.goto(`${product.url}/studies/${study.id}/view`);
    await ready(page);
    await page.keyboard.press(" ");
    const first = await attribute(page, "data-index");
    await expect.poll(() => attribute(page, "data-index")).not.toBe(first);
    await page.browserContext().close();
});

async function joinRoom(page: Page, room: string): Promise<void> {
    await page.goto(`${product.url}/rooms/${room}`);
    await page.locator('::-p-aria([name="Join"][role="button"])').setTimeout(30_000).click();
    await page.waitForSelector('[role="toolbar"][aria-label="Room controls"]');
}

async function expectMedia(page: Page): Promise<void> {
    const count = (): Promise<Received> => page.evaluate(countReceived);
    const before = await count();
    await expect.poll(async () => (await count()).frames, { message: "framesDecoded grows", timeout: 30_000 }).toBeGreaterThan(before.frames + 5);
    await expect.poll(async () => (await count()).audio, { message: "audio packets arrive" }).toBeGreaterThan(before.audio + 20);
}

test("room: both see and hear each other, write, and leave", async () => {
    const [county, lead] = [await apiOf("county1.doctor", product.url, SECRET), await apiOf("lead.specialist", product.url, SECRET)];
    const { consult } = await claimedConsult(county, lead, scanner);
    const doctor = await signedIn("county1.doctor");
    const specialist = await signedIn("lead.specialist");
    await joinRoom(doctor, consult.room!);
    await joinRoom(specialist, consult.room!);
    await expectMedia(doctor);
    await expectMedia(specialist);

    await doctor.locator('textarea[aria-label="Write a message"]').fill("Firefox 会诊");
    await doctor.locator('::-p-aria([name="Send"][role="button"])').click();
    await specialist.waitForFunction(() => document.querySelector('[role="log"]')?.textContent?.includes("Firefox 会诊"));

    await doctor.locator('::-p-aria([name="Leave"][role="button"])').click();
    await specialist.waitForFunction(() => document.body.textContent?.includes("1 present"));
    for (const page of [doctor, specialist]) await page.browserContext().close();
});

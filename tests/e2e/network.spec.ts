/* The room when the network between the browsers and the product really breaks: the product is behind a cable that is pulled. */
import { expect, test } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { claimedConsult } from "./lib/cases";
import { makeNamespace, type Namespace } from "./lib/namespace";
import { apiOf, signIn } from "./lib/people";
import { root, startProduct, type Product } from "./lib/product";
import { RoomPage, watchConnections } from "./lib/room";

/** On an address that others may reach the product wants its own password of the demo accounts. */
const SECRET = "behind-a-cable";
const CUT_MS = 8_000;

let space: Namespace;
let product: Product;

test.beforeAll(async () => {
    test.setTimeout(300_000);
    space = makeNamespace();
    product = await startProduct(["--demo-password", SECRET], space.host, space.prefix);
    execFileSync(join(root, "build/bin/consilium"), ["ae", "add", "--data", product.data, "--org", "COUNTY1", "--aet", "CABLE_CT", "--host", space.host], { stdio: ["ignore", "ignore", "inherit"] });
});

test.afterAll(async () => {
    await product?.stop();
    space?.remove();
});

test("the cable is pulled for 8 s: both see and hear each other again by themselves", async ({ browser }) => {
    const scanner = { host: space.host, port: product.dimsePort, prefix: space.prefix, ae: "CABLE_CT" };
    const { consult } = await claimedConsult(await apiOf("county1.doctor", product.url, SECRET), await apiOf("lead.specialist", product.url, SECRET), scanner);
    const people = await Promise.all(["county1.doctor", "lead.specialist"].map((login) => signIn(browser, login, { baseURL: product.url }, SECRET)));
    const rooms = people.map((one) => new RoomPage(one.page));
    for (const one of rooms) {
        await watchConnections(one.page);
        await one.join(consult.room!);
    }
    for (const one of rooms) await one.expectMedia();

    space.plug(false);
    const cut = Date.now();
    for (const one of rooms) await one.expectNoVideo();
    await expect.poll(() => Date.now() - cut, { timeout: CUT_MS + 5_000 }).toBeGreaterThan(CUT_MS);
    const before = await Promise.all(rooms.map((one) => one.received()));
    space.plug(true);
    const plugged = Date.now();
    for (const [index, one] of rooms.entries()) {
        await expect.poll(async () => (await one.received()).frames, { message: "pictures come again", timeout: 30_000, intervals: [100] }).not.toBe(before[index]!.frames);
    }
    console.log(`cable pulled for ${((plugged - cut) / 1000).toFixed(1)} s: pictures on both sides again ${((Date.now() - plugged) / 1000).toFixed(1)} s after`);
    for (const one of rooms) await one.expectMedia();
    await rooms[0]!.say("back");
    await expect(rooms[1]!.log().getByText("back").last()).toBeVisible();
    for (const one of people) await one.context.close();
});

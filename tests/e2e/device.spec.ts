/* An ultrasound machine that speaks RTSP, brought into the consultation by the county doctor and seen by the specialist. */
import { expect, test } from "@playwright/test";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { claimedConsult } from "./lib/cases";
import { apiOf, signIn } from "./lib/people";
import { freePort, root } from "./lib/product";
import { RoomPage, watchConnections } from "./lib/room";

const NAME = "Ultrasound, room 2";
let machine: ChildProcess;

test.beforeAll(async () => {
    const port = await freePort();
    machine = spawn("/usr/bin/python3", [join(root, "tests/lib/rtsp_machine.py"), `${port}`], { stdio: ["ignore", "pipe", "inherit"] });
    await once(machine.stdout!, "data"); // it listens
    execFileSync(join(root, "build/bin/consilium"), ["--data", process.env.CONSILIUM_E2E_DATA!, "device", "add", "--org", "COUNTY1", "--name", NAME, "--url", `rtsp://127.0.0.1:${port}/live`]);
});

test.afterAll(() => {
    machine.kill();
});

test("the doctor brings the machine in, the specialist sees its picture, and it goes again", async ({ browser }) => {
    const { consult } = await claimedConsult(await apiOf("county1.doctor"), await apiOf("lead.specialist"));
    const [doctor, specialist] = [await signIn(browser, "county1.doctor"), await signIn(browser, "lead.specialist")];
    for (const one of [doctor, specialist]) {
        await watchConnections(one.page);
        await new RoomPage(one.page).join(consult.room!);
    }
    const [doctorRoom, specialistRoom] = [new RoomPage(doctor.page), new RoomPage(specialist.page)];
    await expect(specialistRoom.control("Machines")).toHaveCount(0); // the lead hospital has none

    await doctorRoom.control("Machines").click();
    await doctor.page.getByRole("menuitem", { name: NAME }).click();
    for (const one of [doctor, specialist]) {
        const picture = one.page.locator(".stage-shared video");
        await expect.poll(() => picture.evaluate((video: HTMLVideoElement) => video.videoWidth), { timeout: 20_000 }).toBe(320);
        await expect(one.page.getByText("3 present")).toBeVisible();
    }
    await specialistRoom.expectMedia();
    await specialist.page.screenshot({ path: "../../build/e2e/device.png" });

    await doctorRoom.control("Machines").click();
    await doctor.page.getByRole("menuitem", { name: `Remove ${NAME}` }).click();
    for (const one of [doctor, specialist]) {
        await expect(one.page.getByText("2 present")).toBeVisible();
        await expect(one.page.locator(".stage-shared")).toHaveCount(0);
    }
    await doctor.context.close();
    await specialist.context.close();
});

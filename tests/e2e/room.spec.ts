/* The consultation room through the relay: both see and hear each other, also after the network was away. */
import { expect, test, type APIRequestContext } from "@playwright/test";
import { claimedConsult } from "./lib/cases";
import { apiOf, signIn, type Person } from "./lib/people";
import { killProgram } from "./lib/product";
import { RoomPage, watchConnections } from "./lib/room";
import { ViewerPage } from "./lib/viewer";

let county: APIRequestContext;
let lead: APIRequestContext;
let room: string;
let doctor: Person;
let specialist: Person;
let doctorRoom: RoomPage;
let specialistRoom: RoomPage;

test.beforeAll(async () => {
    county = await apiOf("county1.doctor");
    lead = await apiOf("lead.specialist");
    const { consult } = await claimedConsult(county, lead);
    expect(consult.room).not.toBeNull();
    room = consult.room!;
});

test.beforeEach(async ({ browser }) => {
    doctor = await signIn(browser, "county1.doctor");
    specialist = await signIn(browser, "lead.specialist");
    await watchConnections(doctor.page);
    await watchConnections(specialist.page);
    doctorRoom = new RoomPage(doctor.page);
    specialistRoom = new RoomPage(specialist.page);
    await doctorRoom.join(room);
    await specialistRoom.join(room);
});

test.afterEach(async () => {
    await doctor.context.close();
    await specialist.context.close();
});

const bothHearAndSee = async () => {
    await doctorRoom.expectMedia();
    await specialistRoom.expectMedia();
};

test("both see and hear each other; mute, camera off, leave", async () => {
    await bothHearAndSee();
    await expect(specialist.page.getByText("2 present")).toBeVisible();

    await doctorRoom.control("Mute").click();
    await expect(specialist.page.getByLabel("Muted")).toBeVisible();
    await doctorRoom.control("Unmute").click();
    await expect(specialist.page.getByLabel("Muted")).toHaveCount(0);

    await doctorRoom.control("Stop camera").click();
    await specialistRoom.expectNoVideo();
    await expect(specialistRoom.othersVideo()).toHaveCount(0);
    await specialistRoom.expectMedia({ audio: true });
    await doctorRoom.control("Start camera").click();
    await expect(specialistRoom.othersVideo()).toHaveCount(1);
    await specialistRoom.expectMedia();

    await doctorRoom.leave();
    await expect(specialist.page.getByText("1 present")).toBeVisible();
    await doctor.page.getByRole("button", { name: "Enter again" }).click();
    await doctorRoom.enter();
    await bothHearAndSee();
});

test("what is written is seen at once, and is still there with the case", async () => {
    const words = `结节 3 mm – ${Date.now()}`;
    await doctorRoom.say(words);
    await expect(specialistRoom.log().getByText(words)).toBeVisible();
    await specialistRoom.say("Seen.");
    await expect(doctorRoom.log().getByText("Seen.").last()).toBeVisible();

    const stored = (await (await lead.get(`/api/v1/rooms/${room}/messages`)).json()) as { items: { text: string }[] };
    expect(stored.items.map((one) => one.text)).toContain(words);
    await specialist.page.reload();
    await specialistRoom.enter();
    await expect(specialistRoom.log().getByText(words)).toBeVisible();
});

test("the screen is shared, and its end is seen", async () => {
    await doctorRoom.control("Share screen").click();
    await expect(specialist.page.getByLabel(/^Screen of /)).toBeVisible();
    await specialistRoom.expectMedia({ video: true });
    await doctorRoom.control("Stop sharing").click();
    await expect(specialist.page.getByLabel(/^Screen of /)).toHaveCount(0);
});

test("the images of the case open beside the faces", async () => {
    await specialistRoom.control("Images").click();
    const viewer = new ViewerPage(specialist.page);
    await viewer.waitForImage();
    await viewer.wheel(2);
    await expect(specialistRoom.othersVideo()).toBeVisible();
    await specialistRoom.expectMedia();
    // A key goes to the image; with Alt it goes to the room.
    await viewer.press("m");
    await expect(specialist.page.locator('[data-plane="axial"]')).toBeVisible();
    await expect(specialistRoom.control("Mute")).toBeVisible();
    await specialist.page.keyboard.press("Alt+m");
    await expect(specialistRoom.control("Unmute")).toBeVisible();
});

test("after a network drop both are back by themselves", async () => {
    await bothHearAndSee();
    await doctor.context.setOffline(true);
    // Cuts what setOffline leaves open: the connections of the page as they are.
    await doctor.page.evaluate(() => window.dispatchEvent(new Event("offline")));
    await doctor.context.setOffline(false);
    await doctor.page.evaluate(() => window.dispatchEvent(new Event("online")));
    await bothHearAndSee();
    await doctorRoom.say("back");
    await expect(specialistRoom.log().getByText("back").last()).toBeVisible();
});

for (const program of ["media", "hub"] as const) {
    test(`kill -9 of ${program}: both see and hear each other again by themselves`, async () => {
        await bothHearAndSee();
        const rooms = [doctorRoom, specialistRoom];
        const known = await Promise.all(rooms.map((one) => one.connectionsMade()));
        killProgram(program);
        const seconds = Math.max(...(await Promise.all(rooms.map((one, index) => one.secondsUntilBack(known[index]!)))));
        console.log(`kill -9 of ${program}: pictures on both sides again after ${seconds.toFixed(1)} s`);
        expect(seconds).toBeLessThan(20); // patience for a busy computer; 3 s are promised
        await bothHearAndSee();
        await expect(specialist.page.getByText("2 present")).toBeVisible();
    });
}

test("a stranger does not get in", async ({ browser }) => {
    const stranger = await signIn(browser, "county2.doctor");
    await stranger.page.goto(`/rooms/${room}`);
    await expect(stranger.page.getByRole("alert")).toContainText("There is no such thing, or you may not see it.");
    await stranger.context.close();
});

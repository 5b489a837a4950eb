/* One real case, as the persons of the demo consortium live it: images from the scanner and from a folder, a question, a
 * consultation with both at the same images, a signed opinion, a referral to its end, a lesson for the members; and
 * somebody whom none of it concerns. */
import { expect, test, type APIRequestContext, type Browser, type Locator, type Page } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { studyFromScanner, type SentStudy } from "./lib/cases";
import { makeDicom } from "./lib/dicom";
import { apiOf, signIn, type Person } from "./lib/people";
import { renderedByDcmtk } from "./lib/pictures";
import { dimsePort, graceSeconds, productUrl } from "./lib/product";
import { RoomPage, watchConnections } from "./lib/room";
import { ViewerPage } from "./lib/viewer";

const SLICES = Number(process.env.CONSILIUM_E2E_SLICES ?? 300);
const QUESTION = "右下肺结节：恶性吗？ Nodule, lower right lobe: malignant?";
const FINDINGS = "Solid nodule of 8 mm in segment 8.";
const IMPRESSION = "Probably benign.";
const ADVICE = "CT again in 3 months.";

test.describe.configure({ mode: "serial", timeout: 600_000 });

let ctFolder: string;
let ct: SentStudy;
let doctor: Person;
let specialist: Person;
let consultUrl: string;
let referralUrl: string;
let roomId: string;

const idOf = (url: string) => /[0-9a-f-]{36}/.exec(url)![0];

/** Somebody in a browser of their own, whose connections are watched. */
async function person(browser: Browser, login: string): Promise<Person> {
    const one = await signIn(browser, login);
    await watchConnections(one.page);
    return one;
}

/** Chooses from one of antd's drop-down lists by its label. */
async function choose(page: Page, label: string, option: RegExp): Promise<void> {
    await page.getByRole("combobox", { name: label }).click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option").filter({ hasText: option }).first().click();
}

const stateOf = (page: Page): Locator => page.locator(".case-facts .chip").first();

async function act(page: Page, action: string): Promise<void> {
    await page.locator(".action-bar").getByRole("button", { name: action, exact: true }).click();
}

/** The dialog in which an action asks for what it needs. */
const dialog = (page: Page): Locator => page.getByRole("dialog");

test.beforeAll(async ({ browser }) => {
    doctor = await person(browser, "county1.doctor");
    specialist = await person(browser, "lead.specialist");
});

test.afterAll(async () => {
    await doctor.context.close();
    await specialist.context.close();
});

test("the scanner sends a CT; the radiographer uploads an ultrasound", async ({ browser }) => {
    ctFolder = makeDicom("ct", "--slices", `${SLICES}`);
    ct = await studyFromScanner(doctor.context.request, ctFolder, "COUNTY1_CT", "CT", SLICES);

    const radiographer = await signIn(browser, "county1.radiographer");
    await radiographer.page.goto("/upload");
    const folder = makeDicom("us", "--frames", "48");
    await radiographer.page.locator('input[type="file"][webkitdirectory]').setInputFiles(folder);
    await expect(radiographer.page.getByText(/\d+ images/).first()).toBeVisible();
    await radiographer.page.getByRole("button", { name: /^Send/ }).click();
    await expect(radiographer.page.getByText("All was sent.")).toBeVisible({ timeout: 60_000 });
    await radiographer.page.goto("/studies");
    await expect(radiographer.page.getByText("US", { exact: true }).first()).toBeVisible();
    await radiographer.context.close();
});

test("the county doctor asks, and refers; both are on the specialist's list at once", async () => {
    await specialist.page.goto("/?view=unclaimed");
    await expect(specialist.page.getByRole("tab", { name: /Unclaimed/ })).toBeVisible();
    const rows = specialist.page.locator("tr[data-id]");
    const before = await rows.count();

    await doctor.page.goto(`/consults/new?study=${ct.id}`);
    await choose(doctor.page, "Hospital", /./);
    await choose(doctor.page, "Department", /放射|Radiology/i);
    await doctor.page.getByText("Urgent", { exact: true }).click();
    await doctor.page.getByLabel("Question").fill(QUESTION);
    await doctor.page.getByText("The patient agreed that this hospital sees these data").click();
    await doctor.page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(stateOf(doctor.page)).toHaveText(/Waiting/);
    consultUrl = new URL(doctor.page.url()).pathname;
    // no reload: the row comes by itself
    await expect(rows).toHaveCount(before + 1);

    await doctor.page.goto(`/referrals/new?study=${ct.id}`);
    await doctor.page.getByText("Urgent", { exact: true }).click();
    await doctor.page.getByLabel("Diagnosis").fill("Pulmonary nodule R91.1");
    await doctor.page.getByLabel("Reason for the referral").fill("Biopsy is not possible here.");
    await doctor.page.getByRole("button", { name: "Next" }).click();
    await choose(doctor.page, "Hospital", /./);
    await doctor.page.getByRole("button", { name: "Next" }).click();
    await doctor.page.getByRole("button", { name: "Next" }).click();
    await doctor.page.getByText("The patient agreed that this hospital sees these data").click();
    await doctor.page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(stateOf(doctor.page)).toHaveText(/Sent/);
    referralUrl = new URL(doctor.page.url()).pathname;
    await expect(rows).toHaveCount(before + 2);
});

test("the specialist takes the request and reads the images", async () => {
    const row = specialist.page.locator(`tr[data-id="${idOf(consultUrl)}"]`);
    await row.getByRole("button", { name: "Take" }).click();
    await expect(specialist.page).toHaveURL(new RegExp(consultUrl));
    await expect(stateOf(specialist.page)).toHaveText(/In work/);
    await expect(specialist.page.getByText(QUESTION)).toBeVisible();

    const link = specialist.page.locator(`a[href="/studies/${ct.id}/view"]`).first();
    await link.click();
    const viewer = new ViewerPage(specialist.page);
    await viewer.waitForImage();
    await viewer.expectIndex(SLICES / 2);
    const slice = (index: number) => join(ctFolder, readdirSync(ctFolder).sort()[index]!);
    await viewer.press("1");
    await viewer.expectPicture(renderedByDcmtk(slice(SLICES / 2), 1, { center: 40, width: 400 }));
    await viewer.wheel(5);
    await viewer.press("2");
    await expect(viewer.windowText()).toHaveText("W 1500 L -600");
    await viewer.expectPicture(renderedByDcmtk(slice(SLICES / 2 + 5), 1, { center: -600, width: 1500 }));
});

test("both meet in the room of the case, and come back after a loss", async () => {
    const consult = (await (await doctor.context.request.get(`/api/v1${consultUrl}`)).json()) as { room: string };
    roomId = consult.room;
    const rooms = [new RoomPage(doctor.page), new RoomPage(specialist.page)] as const;
    for (const one of rooms) await one.join(roomId);
    for (const one of rooms) await one.expectMedia();
    await rooms[0].say("请看右下肺。");
    await expect(rooms[1].log().getByText("请看右下肺。")).toBeVisible();

    await rooms[0].control("Mute").click();
    await expect(specialist.page.getByLabel("Muted")).toBeVisible();
    await rooms[0].control("Unmute").click();

    await doctor.context.setOffline(true);
    await doctor.page.evaluate(() => window.dispatchEvent(new Event("offline")));
    await doctor.context.setOffline(false);
    await doctor.page.evaluate(() => window.dispatchEvent(new Event("online")));
    for (const one of rooms) await one.expectMedia();
    for (const one of rooms) await one.leave();
});

test("the opinion is written, signed, read; the consultation closes", async () => {
    await doctor.page.goto(consultUrl);
    await specialist.page.goto(consultUrl);
    await specialist.page.getByLabel("Findings").fill(FINDINGS);
    await specialist.page.getByLabel("Impression").fill(IMPRESSION);
    await specialist.page.getByLabel("Advice").fill(ADVICE);
    await expect(specialist.page.getByText(/Draft saved at/)).toBeVisible();
    await expect(doctor.page.getByText(FINDINGS)).toHaveCount(0); // a draft is nobody else's
    await specialist.page.getByRole("button", { name: "Sign", exact: true }).click();
    await dialog(specialist.page).getByRole("button", { name: "Sign", exact: true }).click();
    await expect(stateOf(specialist.page)).toHaveText(/Signed/);

    await expect(doctor.page.getByText(FINDINGS)).toBeVisible(); // by itself
    await expect(stateOf(doctor.page)).toHaveText(/Signed/);
    await act(doctor.page, "I have read it");
    if (await dialog(doctor.page).isVisible()) await answerDialog(doctor.page, "I have read it");
    await expect(stateOf(doctor.page)).toHaveText(/Read/);
    await act(doctor.page, "Close");
    await answerDialog(doctor.page, "Close");
    await expect(stateOf(doctor.page)).toHaveText(/Closed/);
    for (const words of ["Created", "Send", "Take", "Sign", "read", "Close"])
        await expect(doctor.page.locator(".timeline")).toContainText(words);
});

/** Fills what the dialog of an action asks for, and confirms it. */
async function answerDialog(page: Page, action: string, fields: Record<string, string> = {}): Promise<void> {
    await expect(dialog(page)).toBeVisible();
    for (const [label, text] of Object.entries(fields)) await dialog(page).getByLabel(label).fill(text);
    const adopted = dialog(page).getByText("Yes", { exact: true });
    if (await adopted.isVisible()) await adopted.click();
    await dialog(page).getByRole("button", { name: action, exact: true }).click();
    await expect(dialog(page)).toHaveCount(0);
}

test("the referral is taken, accepted, booked, arrived, reported, closed", async ({ browser }) => {
    const coordinator = await signIn(browser, "lead.coordinator");
    await doctor.page.goto(referralUrl);

    await specialist.page.goto(referralUrl);
    await act(specialist.page, "Take");
    await expect(stateOf(specialist.page)).toHaveText(/Taken/);
    await act(specialist.page, "Accept");
    if (await dialog(specialist.page).isVisible()) await answerDialog(specialist.page, "Accept");
    await expect(stateOf(specialist.page)).toHaveText(/Accepted/);

    await coordinator.page.goto(referralUrl);
    await act(coordinator.page, "Book");
    await expect(dialog(coordinator.page)).toBeVisible();
    await dialog(coordinator.page).locator(".ant-picker input").fill("2031-03-04 09:30");
    await coordinator.page.keyboard.press("Enter");
    await dialog(coordinator.page).getByLabel("Place").fill("Building 2, room 305");
    await dialog(coordinator.page).getByRole("button", { name: "Book", exact: true }).click();
    await expect(stateOf(coordinator.page)).toHaveText(/Booked/);
    await expect(doctor.page.getByText("Building 2, room 305").first()).toBeVisible(); // by itself

    await act(coordinator.page, "Patient has arrived");
    await answerDialog(coordinator.page, "Patient has arrived", { "Visit number": "V-2031-17" });
    await expect(stateOf(coordinator.page)).toHaveText(/Arrived/);

    await expect(stateOf(specialist.page)).toHaveText(/Arrived/);
    await act(specialist.page, "Report");
    await answerDialog(specialist.page, "Report", { Report: "Biopsy done: hamartoma. Back to the county hospital." });
    await expect(stateOf(specialist.page)).toHaveText(/Reported/);

    await expect(stateOf(doctor.page)).toHaveText(/Reported/);
    await act(doctor.page, "Close");
    if (await dialog(doctor.page).isVisible()) await answerDialog(doctor.page, "Close");
    await expect(stateOf(doctor.page)).toHaveText(/Closed/);
    await coordinator.context.close();
});

test("who has nothing to do with it finds nothing, and leaves a trace", async ({ browser }) => {
    const stranger = await signIn(browser, "county2.doctor");
    const api = stranger.context.request;
    await stranger.page.goto("/");
    await expect(stranger.page.getByText("Nothing waits for you.")).toBeVisible();
    for (const path of [`/studies/${ct.id}`, `/studies/${ct.id}/manifest`, consultUrl, `${consultUrl}/events`, referralUrl, `/rooms/${roomId}`, `/rooms/${roomId}/messages`])
        expect((await api.get(`/api/v1${path}`)).status(), path).toBe(404);
    const manifest = (await (await doctor.context.request.get(`/api/v1/studies/${ct.id}/manifest`)).json()) as { study_uid: string; dicomweb: string };
    expect((await api.get(`/dicom-web/studies?StudyInstanceUID=${manifest.study_uid}`)).status()).toBe(200);
    expect(await (await api.get(`/dicom-web/studies?StudyInstanceUID=${manifest.study_uid}`)).json()).toEqual([]);
    expect((await api.get(`/dicom-web/studies/${manifest.study_uid}/metadata`)).status()).toBe(404);
    expect((await api.get(`${manifest.dicomweb}/metadata`)).status()).toBe(404);

    const found = execFileSync("findscu", ["-S", "-v", "-aet", "COUNTY2_CT", "-aec", "CONSILIUM", "-k", "0008,0052=STUDY",
        "-k", `0020,000D=${manifest.study_uid}`, "-k", "0010,0010", "127.0.0.1", `${dimsePort()}`], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    expect(found).not.toContain(manifest.study_uid);

    await stranger.page.goto(`/rooms/${roomId}`);
    await expect(stranger.page.getByRole("alert")).toBeVisible();
    await stranger.page.goto(`/studies/${ct.id}/view`);
    await expect(stranger.page.getByRole("alert").first()).toBeVisible();
    await stranger.context.close();
});

test("after the case and its grace time the specialist sees the images no more", async () => {
    await expect
        .poll(async () => (await specialist.context.request.get(`/api/v1/studies/${ct.id}`)).status(), { timeout: (graceSeconds + 20) * 1000 })
        .toBe(404);
    expect((await doctor.context.request.get(`/api/v1/studies/${ct.id}`)).status()).toBe(200);
});

test("a lesson: five members watch, one asks; it is recorded and can be watched again", async ({ browser }) => {
    const teacher = await person(browser, "lead.teacher");
    await teacher.page.goto("/teaching/new");
    const title = `Lung nodules ${Date.now()}`;
    await teacher.page.getByLabel("Title").fill(title);
    await teacher.page.getByRole("button", { name: "Create" }).click();
    await expect(stateOf(teacher.page)).toHaveText(/Draft/);
    const url = new URL(teacher.page.url()).pathname;
    await act(teacher.page, "Publish");
    await expect(stateOf(teacher.page)).toHaveText(/Announced/);
    await act(teacher.page, "Start");
    await expect(stateOf(teacher.page)).toHaveText(/Live/);
    await act(teacher.page, "Consent to recording");
    await dialog(teacher.page).getByRole("button", { name: "Consent to recording" }).click();
    await enterStage(teacher.page);

    const members: Person[] = [];
    for (const login of ["county1.doctor", "county2.doctor", "town1.doctor", "lead.specialist", "panel1.coordinator"]) {
        const member = await person(browser, login);
        members.push(member);
        await member.page.goto(url);
        await enterStage(member.page);
    }
    await act(teacher.page, "Record");
    await expect(teacher.page.getByRole("button", { name: "Stop recording" }).first()).toBeVisible();
    for (const member of members) await new RoomPage(member.page).expectMedia();

    const words = "Which follow-up interval?";
    await members[2]!.page.getByLabel("Your question to the teacher").fill(words);
    await members[2]!.page.getByRole("button", { name: "Ask", exact: true }).click();
    await expect(teacher.page.getByText(words)).toBeVisible();
    await teacher.page.getByRole("button", { name: "Mark as answered" }).click();
    await expect(members[0]!.page.getByText("Answered")).toBeVisible();
    for (const member of members) await new RoomPage(member.page).expectMedia();

    await act(teacher.page, "Stop recording");
    await act(teacher.page, "End");
    await dialog(teacher.page).getByRole("button", { name: "End" }).click();
    await expect(stateOf(teacher.page)).toHaveText(/Ended/);

    const viewer = members[0]!.page;
    const id = idOf(url);
    await expect
        .poll(async () => ((await (await members[0]!.context.request.get(`/api/v1/teaching/${id}`)).json()) as { recordings: { state: string }[] }).recordings.map((one) => one.state), { timeout: 60_000 })
        .toEqual(["ready"]);
    await viewer.goto(url);
    const video = viewer.locator("video").first();
    await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.duration), { timeout: 20_000 }).toBeGreaterThan(2);
    const end = await video.evaluate((element: HTMLVideoElement) => element.duration);
    await video.evaluate(async (element: HTMLVideoElement, at) => {
        element.muted = true;
        element.currentTime = at;
        await element.play();
    }, end / 2);
    await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime)).toBeGreaterThan(end / 2 + 0.5);
    expect(await video.evaluate((element: HTMLVideoElement) => element.videoWidth)).toBeGreaterThan(0);
    for (const member of members) await member.context.close();
    await teacher.context.close();
});

/** Goes through the device check when there is one. */
async function enterStage(page: Page): Promise<void> {
    const join_ = page.getByRole("button", { name: /^(Join|Go live|Watch)/ });
    await join_.click();
}

test("each attempt of the stranger is in the audit trail of its hospital", async () => {
    const rows = execFileSync(join(import.meta.dirname, "../../build/bin/consilium"), ["--data", process.env.CONSILIUM_E2E_DATA ?? "", "audit", "verify"], { encoding: "utf8" });
    expect(rows).toMatch(/intact|ok|unbroken|good/i);
    expect(productUrl()).toContain("https://");
    const auditor: APIRequestContext = await apiOf("auditor");
    expect((await auditor.get("/api/v1/audit?limit=5")).status()).toBe(200);
});

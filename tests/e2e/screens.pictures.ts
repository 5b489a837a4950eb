/* Pictures of every screen, for people to look at: build/pictures/<language>/<screen>-<desk|phone>.png.
 *   CONSILIUM_E2E_PICTURES=1 tests/e2e/run [-g en]
 * The cases are made over the API; the images come from a scanner and an upload. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test, type APIRequestContext, type Browser, type BrowserContext, type Page } from "@playwright/test";
import { studyFromScanner, type SentStudy } from "./lib/cases";
import { makeDicom, sendByDimse } from "./lib/dicom";
import { apiOf, signIn } from "./lib/people";
import { root } from "./lib/product";
import { ViewerPage } from "./lib/viewer";

const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const languages = ["en", "zh-CN"] as const;
type Language = (typeof languages)[number];

async function picture(page: Page, language: string, name: string): Promise<void> {
    const folder = join(root, "build/pictures", language);
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
}

/** Both sizes of the page that is open; `scroll` also shows what is below. */
async function both(page: Page, language: string, name: string): Promise<void> {
    for (const [size, viewport] of Object.entries(sizes)) {
        await page.setViewportSize(viewport);
        await settled(page);
        await picture(page, language, `${name}-${size}`);
        const content = page.locator(".content");
        if (size === "phone" && (await content.count()) > 0 && (await content.evaluate((e) => e.scrollHeight > e.clientHeight + 40))) {
            await content.evaluate((e) => e.scrollTo(0, e.scrollHeight));
            await picture(page, language, `${name}-${size}-end`);
            await content.evaluate((e) => e.scrollTo(0, 0));
        }
    }
    await page.setViewportSize(sizes.desk);
}

async function settled(page: Page): Promise<void> {
    await page.waitForLoadState("networkidle");
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
    await page.evaluate(() => document.fonts.ready);
}

async function as(browser: Browser, login: string, language: Language): Promise<{ page: Page; context: BrowserContext }> {
    const { page, context } = await signIn(browser, login, { locale: language });
    await context.request.patch("/api/v1/session", { headers: { "X-Consilium": "1" }, data: { language } });
    return { page, context };
}

interface Case {
    id: string;
    version: number;
    room: string | null;
}
const cases: Record<string, Case> = {};
let ct: SentStudy;
let us: SentStudy;
const apis: Record<string, APIRequestContext> = {};

async function act(login: string, kind: "consults" | "referrals" | "teaching", one: Case, action: string, data: object = {}): Promise<Case> {
    const answer = await apis[login]!.post(`/api/v1/${kind}/${one.id}/actions/${action}`, { headers: { "If-Match": `"${one.version}"` }, data });
    expect(answer.status(), `${action}: ${await answer.text()}`).toBe(200);
    return (await answer.json()) as Case;
}

test.beforeAll(async () => {
    test.setTimeout(300_000);
    for (const login of ["county1.doctor", "lead.specialist", "lead.coordinator", "lead.teacher", "town1.doctor"]) apis[login] = await apiOf(login);
    const county = apis["county1.doctor"]!;
    sendByDimse(makeDicom("names"), "COUNTY1_CT");
    sendByDimse(makeDicom("dx"), "COUNTY1_CT");
    ct = await studyFromScanner(county, makeDicom("ct", "--slices", "60", "--seed", "41"), "COUNTY1_CT", "CT", 60);
    us = await studyFromScanner(county, makeDicom("us", "--seed", "42"), "COUNTY1_US", "US", 4);
    const { items } = (await (await county.get("/api/v1/organisations")).json()) as {
        items: { id: string; code: string; departments: { id: string; code: string }[] }[];
    };
    const lead = items.find((one) => one.code === "LEAD")!;
    const department = (code: string) => lead.departments.find((one) => one.code === code)!.id;
    const patient = async (name: string, birth_date: string, sex: string, allergies?: string) => {
        const made = await county.post("/api/v1/patients", { data: { local_id: `P${Math.floor(Math.random() * 1e9)}`, name, birth_date, sex, ...(allergies ? { allergies } : {}) } });
        expect(made.status(), await made.text()).toBe(201);
        return ((await made.json()) as { id: string }).id;
    };
    const people = {
        chen: await patient("陈^美玲", "1971-09-02", "F"),
        zhao: await patient("赵^国强", "1958-03-12", "M", "青霉素、碘造影剂"),
        aisyah: await patient("Nur Aisyah^binti Abdullah", "1990-11-20", "F"),
        baby: await patient("李^小宝", "2026-11-02", "M"),
        long: await patient("阿卜杜热西提·艾合买提江·努尔买买提", "1946-01-30", "M"),
    };
    const consult = async (patient_: string, more: object) => {
        const made = await county.post("/api/v1/consults", {
            data: { patient: patient_, to_organisation: lead.id, to_department: department("radiology"), urgency: "routine", question: "?", studies: [], consent: true, submit: true, ...more },
        });
        expect(made.status(), await made.text()).toBe(201);
        return (await made.json()) as Case;
    };
    const referral = async (patient_: string, more: object) => {
        const made = await county.post("/api/v1/referrals", {
            data: {
                patient: patient_, direction: "up", path: "outpatient", to_organisation: lead.id, to_department: department("cardiology"), urgency: "soon", diagnosis: "不稳定型心绞痛",
                reason: "药物治疗后仍反复胸痛，请上级医院评估冠脉造影。", treatment: "阿司匹林 100 mg qd，阿托伐他汀 20 mg qn", studies: [], consent: true, submit: true, ...more,
            },
        });
        expect(made.status(), await made.text()).toBe(201);
        return (await made.json()) as Case;
    };
    const opinion = {
        findings: "右肺上叶见一枚实性结节，大小约 7 mm × 6 mm，边缘光整，未见毛刺及胸膜牵拉。余肺野清晰，纵隔淋巴结未见肿大。",
        impression: "右肺上叶实性结节（7 mm），Lung-RADS 3 类。",
        advice: "建议 6 个月后复查低剂量胸部 CT；如增大，请转诊至我院胸外科。",
        critical: false,
    };
    const question = { question: "右肺上叶结节，性质？是否需要增强检查或穿刺？", summary: "女，63 岁，体检发现右肺结节。无咳嗽、咯血。吸烟史 20 年。肿瘤标志物正常。", studies: [ct.id] };

    cases.draft = await consult(people.chen, { submit: false, question: "右肺结节，" });
    cases.waiting = await consult(ct.patient.id, { ...question, urgency: "urgent" });
    cases.ultrasound = await act("lead.specialist", "consults", await consult(us.patient.id, { question: "Mitral regurgitation, how severe?", studies: [us.id] }), "claim");
    cases.emergency = await consult(people.zhao, { urgency: "emergency", question: "突发左侧肢体无力 2 小时，CT 未见出血，是否可以溶栓？" });
    cases.assigned = await act("lead.specialist", "consults", await consult(ct.patient.id, { ...question, urgency: "urgent" }), "claim");
    cases.info = await act("lead.specialist", "consults", await consult(people.aisyah, { question: "Chest pain for two weeks, ECG normal. Is a stress test needed first?" }), "claim");
    cases.info = await act("lead.specialist", "consults", cases.info, "ask", { note: "Please attach the ECG and the troponin values." });
    const claimed = await act("lead.specialist", "consults", await consult(ct.patient.id, question), "claim");
    cases.signed = await act("lead.specialist", "consults", claimed, "sign", { opinion: { ...opinion, critical: true } });
    const again = await act("lead.specialist", "consults", await act("lead.specialist", "consults", await consult(people.long, { ...question, studies: [] }), "claim"), "sign", { opinion });
    cases.closed = await act("county1.doctor", "consults", await act("county1.doctor", "consults", again, "acknowledge"), "close", { adopted: "yes" });
    cases.declined = await act("lead.specialist", "consults", await consult(people.baby, { question: "新生儿黄疸，请看片。" }), "decline", { reason: "department", note: "请改送儿科。" });

    cases.sent = await referral(people.baby, { urgency: "emergency", diagnosis: "新生儿呼吸窘迫综合征", reason: "需要 NICU 支持。", path: "inpatient" });
    cases.claimed = await act("lead.coordinator", "referrals", await referral(people.zhao, {}), "claim");
    const booking = { at: new Date(Date.now() + 5 * 86_400_000).toISOString(), place: "门诊楼 3 层 心内科 12 诊室", instructions: "空腹；携带身份证、医保卡和既往心电图。" };
    const booked = async (patient_: string, more: object = {}) => {
        let one = await act("lead.specialist", "referrals", await referral(patient_, more), "claim");
        one = await act("lead.specialist", "referrals", one, "accept");
        return act("lead.coordinator", "referrals", one, "book", { booking });
    };
    cases.booked = await booked(ct.patient.id, { studies: [ct.id] });
    const arrived = await act("lead.specialist", "referrals", await booked(people.chen), "arrive", { visit: "O20261130-0042" });
    cases.reported = await act("lead.specialist", "referrals", arrived, "report", { report: "冠脉造影示前降支近段狭窄 80%，植入支架 1 枚。术后双联抗血小板治疗 12 个月，1 个月后在贵院复查血脂、肝功能。" });
    cases.draftReferral = await referral(people.aisyah, { submit: false });

    const lesson = async (title: string, description: string, starts_at?: string) => {
        const made = await apis["lead.teacher"]!.post("/api/v1/teaching", { data: { title, description, ...(starts_at ? { starts_at } : {}) } });
        expect(made.status(), await made.text()).toBe(201);
        return (await made.json()) as Case;
    };
    cases.lessonDraft = await lesson("早期胃癌内镜诊断", "典型病例 12 例，含放大内镜与 NBI。");
    cases.lessonNext = await act("lead.teacher", "teaching", await lesson("Reading chest CT in ten steps", "For doctors of county hospitals. Twelve de-identified cases, questions at the end.", new Date(Date.now() + 2 * 86_400_000).toISOString()), "publish");
    cases.lesson = await act("lead.teacher", "teaching", await lesson("Lung nodules: which follow-up?", "De-identified cases of the last year.", new Date().toISOString()), "publish");
});

for (const language of languages) {
    test(`sign-in in ${language}`, async ({ browser }) => {
        const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: process.env.CONSILIUM_E2E_URL, locale: language });
        const page = await context.newPage();
        await page.goto("/sign-in");
        await both(page, language, "signin");
        await page.locator("#login").fill("county2.doctor");
        await page.locator("#password").fill("wrong");
        await page.locator("button[type=submit]").click();
        await page.getByRole("alert").first().waitFor();
        await both(page, language, "signin-wrong");
        await context.close();
    });

    test(`county doctor in ${language}`, async ({ browser }) => {
        test.setTimeout(400_000);
        const { page, context } = await as(browser, "county1.doctor", language);
        const show = async (name: string, path: string) => {
            await page.goto(path);
            await page.locator("h1").first().waitFor();
            await both(page, language, name);
        };
        await show("work-county", "/work");
        await show("work-sent", "/work?view=sent");
        await show("studies", "/studies");
        await show("studies-none", "/studies?query=zzzz");
        await show("consult-new", `/consults/new?study=${ct.id}`);
        await page.locator(".form-actions .ant-btn-primary").click();
        await both(page, language, "consult-new-errors");
        for (const state of ["draft", "waiting", "info", "signed", "closed", "declined"]) await show(`consult-county-${state}`, `/consults/${cases[state]!.id}`);
        for (const state of ["draftReferral", "sent", "booked", "reported"]) await show(`referral-county-${state}`, `/referrals/${cases[state]!.id}`);
        await page.goto(`/referrals/${cases.draftReferral!.id}/edit`);
        await page.locator("h1").first().waitFor();
        for (const step of ["reason", "target", "attachments", "summary"]) {
            await both(page, language, `referral-edit-${step}`);
            if (step !== "summary") await page.locator(".form-actions .ant-btn-primary").click();
        }
        await show("teaching-county", "/teaching");
        await show("teaching-next", `/teaching/${cases.lessonNext!.id}`);
        await show("profile", "/profile");
        await show("notfound", "/nowhere");
        await show("consult-unknown", "/consults/00000000-0000-4000-8000-000000000000");
        // the room's device check
        await page.goto(`/rooms/${cases.assigned!.room}`);
        await page.locator(".prejoin video").first().waitFor();
        await both(page, language, "room-check");
        await page.goto("/work");
        await page.route("**/api/v1/worklist*", (route) => route.abort());
        await page.reload();
        await page.getByRole("alert").first().waitFor();
        await both(page, language, "work-failed");
        await page.unroute("**/api/v1/worklist*");
        await page.route("**/api/v1/worklist*", () => {}); // never answered
        await page.reload();
        await page.locator(".rows").waitFor();
        await picture(page, language, "work-loading-desk");
        await context.close();
    });

    test(`lead specialist in ${language}`, async ({ browser }) => {
        test.setTimeout(400_000);
        const { page, context } = await as(browser, "lead.specialist", language);
        const show = async (name: string, path: string) => {
            await page.goto(path);
            await page.locator("h1").first().waitFor();
            await both(page, language, name);
        };
        await show("work-lead-unclaimed", "/work?view=unclaimed");
        await page.locator("tbody tr").first().click();
        await settled(page);
        await picture(page, language, "work-lead-preview-desk");
        await show("work-lead", "/work");
        await show("studies-lead", "/studies");
        for (const state of ["waiting", "emergency", "assigned", "signed"]) await show(`consult-lead-${state}`, `/consults/${cases[state]!.id}`);
        await page.goto(`/consults/${cases.assigned!.id}`);
        await page.locator(".case-next .ant-btn-dangerous").first().click();
        await page.getByRole("dialog").waitFor();
        await both(page, language, "consult-dialog");
        for (const state of ["sent", "claimed"]) await show(`referral-lead-${state}`, `/referrals/${cases[state]!.id}`);
        const viewer = new ViewerPage(page);
        for (const [name, study] of [["ct", ct], ["us", us]] as const) {
            await viewer.open(study.id);
            for (const [size, viewport] of Object.entries(sizes)) {
                await page.setViewportSize(viewport);
                await viewer.waitForImage();
                await picture(page, language, `viewer-${name}-${size}`);
            }
            await page.setViewportSize(sizes.desk);
        }
        await page.keyboard.press("?");
        await page.getByRole("dialog").waitFor();
        await picture(page, language, "viewer-keys-desk");
        await context.close();
    });

    test(`coordinator, teacher, auditor in ${language}`, async ({ browser }) => {
        for (const [login, screens] of [
            ["lead.coordinator", { "work-coordinator": "/work", "referral-coordinator-booked": `/referrals/${cases.booked!.id}` }],
            ["lead.teacher", { "teaching-teacher": "/teaching", "teaching-new": "/teaching/new", "teaching-draft": `/teaching/${cases.lessonDraft!.id}` }],
            ["auditor", { audit: "/audit" }],
            ["panel1.coordinator", { "work-empty": "/work", "studies-empty": "/studies" }],
        ] as const) {
            const { page, context } = await as(browser, login, language);
            for (const [name, path] of Object.entries(screens)) {
                await page.goto(path);
                await page.locator("h1").first().waitFor();
                await both(page, language, name);
            }
            await context.close();
        }
    });

    test(`upload in ${language}`, async ({ browser }) => {
        const { page, context } = await as(browser, "county1.radiographer", language);
        await page.goto("/upload");
        await both(page, language, "upload-empty");
        await page.getByTestId("folder-input").setInputFiles(makeDicom("ct", "--slices", "60", "--seed", language === "en" ? "43" : "44"));
        await page.locator(".upload-patient").first().waitFor();
        await both(page, language, "upload-ready");
        const network = await context.newCDPSession(page);
        await network.send("Network.enable");
        await network.send("Network.emulateNetworkConditions", { offline: false, latency: 60, downloadThroughput: 500_000, uploadThroughput: 500_000 });
        await page.locator(".upload-controls .ant-btn-primary").click();
        await expect(page.locator(".upload-progress")).not.toHaveCount(0, { timeout: 60_000 });
        for (const [size, viewport] of Object.entries(sizes)) {
            await page.setViewportSize(viewport);
            await picture(page, language, `upload-sending-${size}`);
        }
        await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
        await page.locator(".upload-done").waitFor({ timeout: 90_000 });
        await both(page, language, "upload-done");
        await page.goto("/upload");
        await page.getByTestId("folder-input").setInputFiles(makeDicom("names"));
        await page.locator(".upload-patient").first().waitFor();
        await both(page, language, "upload-several");
        await context.close();
    });

    test(`room in ${language}`, async ({ browser }) => {
        const persons = [await as(browser, "county1.doctor", language), await as(browser, "lead.specialist", language)];
        for (const { page } of persons) {
            await page.goto(`/rooms/${cases.assigned!.room}`);
            await page.locator(".prejoin video").first().waitFor();
            await page.locator(".prejoin-actions .ant-btn-primary").click();
            await page.getByRole("toolbar").waitFor();
        }
        const [county, lead] = [persons[0]!.page, persons[1]!.page];
        await county.locator(".room-side textarea, .room-side input").first().fill(language === "en" ? "The nodule is on slice 34." : "结节在第 34 层。");
        await county.keyboard.press("Enter");
        await expect(lead.locator('figure[data-self="false"] video')).toHaveCount(1);
        await lead.waitForFunction(() => [...document.querySelectorAll("video")].every((v) => v.videoWidth > 0));
        await picture(lead, language, "room-faces-desk");
        await lead.getByRole("toolbar").getByRole("button").filter({ hasText: /Images|影像/ }).click();
        await expect(lead.getByRole("application")).toHaveAttribute("data-ready", "true", { timeout: 60_000 });
        await picture(lead, language, "room-images-desk");
        await lead.setViewportSize(sizes.phone);
        await expect(lead.getByRole("application")).toHaveAttribute("data-ready", "true");
        await picture(lead, language, "room-images-phone");
        await county.setViewportSize(sizes.phone);
        await picture(county, language, "room-chat-phone");
        await county.keyboard.press("Alt+c");
        await picture(county, language, "room-faces-phone");
        await county.locator(".controls button, [role=toolbar] button").last().click();
        await county.locator(".prejoin").waitFor();
        await picture(county, language, "room-left-phone");
        for (const { context } of persons) await context.close();
    });
}

test("lesson in both languages", async ({ browser }) => {
    test.setTimeout(300_000);
    let lesson = await act("lead.teacher", "teaching", cases.lesson!, "consent");
    lesson = await act("lead.teacher", "teaching", lesson, "start");
    const teacher = await as(browser, "lead.teacher", "en");
    const member = await as(browser, "county1.doctor", "zh-CN");
    await teacher.page.goto(`/teaching/${lesson.id}`);
    await teacher.page.locator(".live-idle .ant-btn-primary").waitFor();
    await picture(teacher.page, "en", "lesson-before-desk");
    await teacher.page.locator(".live-idle .ant-btn-primary").click();
    await member.page.goto(`/teaching/${lesson.id}`);
    await member.page.locator(".live video").first().waitFor();
    await apis["town1.doctor"]!.post(`/api/v1/teaching/${lesson.id}/questions`, { data: { text: "Which interval for a 5 mm nodule in a smoker?" } });
    const fresh = (await (await apis["lead.teacher"]!.get(`/api/v1/teaching/${lesson.id}`)).json()) as Case;
    await act("lead.teacher", "teaching", fresh, "record");
    await expect(member.page.locator(".lamp")).toBeVisible();
    const shown = () => member.page.locator(".live video").first().evaluate((video: HTMLVideoElement) => video.currentTime);
    const began = await shown();
    await expect.poll(shown, { message: "some seconds of the lesson", timeout: 60_000 }).toBeGreaterThan(began + 8);
    for (const [{ page }, language, name] of [[teacher, "en", "lesson-teacher"], [member, "zh-CN", "lesson-member"]] as const) {
        for (const [size, viewport] of Object.entries(sizes)) {
            await page.setViewportSize(viewport);
            await picture(page, language, `${name}-${size}`);
        }
        await page.setViewportSize(sizes.desk);
    }
    let after = (await (await apis["lead.teacher"]!.get(`/api/v1/teaching/${lesson.id}`)).json()) as Case;
    after = await act("lead.teacher", "teaching", after, "end");
    await expect.poll(async () => ((await (await apis["lead.teacher"]!.get(`/api/v1/teaching/${lesson.id}`)).json()) as { recordings: { state: string }[] }).recordings[0]?.state, { timeout: 60_000 }).toBe("ready");
    for (const [{ page }, language] of [[teacher, "en"], [member, "zh-CN"]] as const) {
        await page.goto(`/teaching/${lesson.id}`);
        const video = page.locator("video").first();
        await expect.poll(() => video.evaluate((v: HTMLVideoElement) => v.videoWidth), { timeout: 30_000 }).toBeGreaterThan(0);
        await both(page, language, "lesson-replay");
        await page.goto("/teaching");
        await page.locator("h1").first().waitFor();
        await both(page, language, "teaching-list");
    }
    await teacher.context.close();
    await member.context.close();
});

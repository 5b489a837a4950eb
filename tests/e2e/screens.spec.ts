/* Every screen, looked at by machines: no accessibility violations, no text outside the catalogues, no sideways scrolling
 * on a phone, small first visits; and what the screens promise when the password is wrong, the session ends, or a folder
 * is dropped twice. */
import { expect, test, type Page } from "@playwright/test";
import { violations } from "./lib/axe";
import { makeDicom } from "./lib/dicom";
import { apiOf, signIn } from "./lib/people";
import { password, productUrl } from "./lib/product";

/** Texts and labels that are neither data (translate="no") nor from a catalogue (marked by the pseudo language). antd
 * brings its own four catalogues; of those only the English words "OK", "Show" and "Hide" may show here. */
function strangers(page: Page): Promise<string[]> {
    return page.evaluate(() => {
        const found: string[] = [];
        const isData = (element: Element | null) => element?.closest('[translate="no"], script, style, .ant-picker') != null;
        const antd = new Set(["OK", "Show", "Hide"]);
        const isOurs = (text: string) => text.includes("⟦") || antd.has(text) || !/\p{L}{2}/u.test(text);
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const text = node.textContent?.trim() ?? "";
            if (text && !isData(node.parentElement) && !isOurs(text)) found.push(text);
        }
        for (const element of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]")) {
            for (const name of ["aria-label", "placeholder", "title", "alt"]) {
                const text = element.getAttribute(name)?.trim() ?? "";
                // antd's icons are named after themselves; they stand inside something that has a name
                if (text && element.getAttribute("role") !== "img" && !isData(element) && !isOurs(text)) found.push(`${name}=${text}`);
            }
        }
        return found;
    });
}

async function settled(page: Page, path: string): Promise<void> {
    await page.goto(path);
    await page.locator("h1").first().waitFor();
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
}

/** One case of each kind and a teaching session, so that the pages have something to show. */
let paths: string[] = [];

test.beforeAll(async () => {
    const doctor = await apiOf("county1.doctor");
    const directory = (await (await doctor.get("/api/v1/organisations")).json()) as {
        items: { id: string; code: string; departments: { id: string }[] }[];
    };
    const lead = directory.items.find((organisation) => organisation.code === "LEAD")!;
    const made = await doctor.post("/api/v1/patients", {
        data: { local_id: `E2E-${Date.now()}`, name: "王^小明", birth_date: "1958-03-12", sex: "M", allergies: "青霉素" },
    });
    expect(made.status(), await made.text()).toBe(201);
    const patient = ((await made.json()) as { id: string }).id;
    const shared = { patient, to_organisation: lead.id, to_department: lead.departments[0]!.id, studies: [], consent: true, submit: true };
    const consult = await doctor.post("/api/v1/consults", { data: { ...shared, urgency: "urgent", question: "溶栓？" } });
    expect(consult.status(), await consult.text()).toBe(201);
    const referral = await doctor.post("/api/v1/referrals", {
        data: { ...shared, urgency: "soon", direction: "up", path: "outpatient", reason: "上转", diagnosis: "脑梗死" },
    });
    expect(referral.status(), await referral.text()).toBe(201);
    const teacher = await apiOf("lead.teacher");
    const session = await teacher.post("/api/v1/teaching", { data: { title: "卒中影像" } });
    expect(session.status(), await session.text()).toBe(201);
    const id = async (answer: typeof consult) => ((await answer.json()) as { id: string }).id;
    paths = ["/work", "/studies", "/upload", "/consults/new", "/referrals/new", `/consults/${await id(consult)}`, `/referrals/${await id(referral)}`, "/teaching", "/profile", "/nowhere"];
    pathOfTeaching = `/teaching/${await id(session)}`;
});
let pathOfTeaching = "";

const others: [string, () => string[]][] = [
    ["lead.teacher", () => ["/teaching/new", pathOfTeaching, `${pathOfTeaching}/edit`]],
    ["auditor", () => ["/audit"]],
    ["panel1.coordinator", () => ["/work", "/studies"]], // a long name of a hospital, and nothing there yet
];

/** All that is wrong with the page that is open, in a desk's and in a phone's size. */
async function faults(page: Page, path: string): Promise<string[]> {
    const found = [...(await violations(page)), ...(await strangers(page))].map((text) => `${path} ${text}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await expect(page.locator("nav.rail")).toHaveCount(0);
    const over = await page.evaluate(() =>
        [document.documentElement, document.querySelector(".content")].some((e) => e !== null && e.scrollWidth > e.clientWidth),
    );
    if (over) found.push(`${path} scrolls sideways on a phone`);
    await page.setViewportSize({ width: 1440, height: 900 });
    return found;
}

const inPseudoLanguage = async (page: Page) => {
    await page.addInitScript(() => localStorage.setItem("consilium.language", "en-XA"));
};

test("no screen has an accessibility violation, a text outside the catalogues, or scrolls sideways on a phone", async ({ browser }) => {
    test.setTimeout(600_000);
    const found: string[] = [];
    for (const [login, list] of [["county1.doctor", () => paths], ...others] as [string, () => string[]][]) {
        const { page, context } = await signIn(browser, login);
        await inPseudoLanguage(page);
        for (const path of list()) {
            await settled(page, path);
            found.push(...(await faults(page, path)));
        }
        await context.close();
    }
    const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: productUrl() });
    const page = await context.newPage();
    await inPseudoLanguage(page);
    await settled(page, "/sign-in");
    found.push(...(await faults(page, "/sign-in")));
    await context.close();
    expect(found).toEqual([]);
});

/** Bytes that came over the network while doing something. */
async function transferred(page: Page, doing: () => Promise<void>): Promise<number> {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Network.enable");
    let bytes = 0;
    devtools.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
    await doing();
    await page.waitForLoadState("networkidle");
    return bytes;
}

test("first visits are small", async ({ browser }) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: productUrl(), locale: "zh-CN" });
    const fresh = await context.newPage();
    expect(await transferred(fresh, () => settled(fresh, "/sign-in"))).toBeLessThan(300_000);
    await context.close();
    const person = await signIn(browser, "lead.specialist");
    const bytes = await transferred(person.page, () => settled(person.page, "/work"));
    expect(bytes).toBeLessThan(450_000);
    expect(bytes).toBeGreaterThan(50_000); // the counter counts
    await person.context.close();
});

test("a wrong password says so and keeps the login", async ({ page }) => {
    await page.goto(`${productUrl()}/sign-in`);
    await page.getByLabel("Login").fill("county2.doctor");
    await page.getByLabel("Password").fill("not it");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toContainText("Login or password is not right");
    await expect(page.getByLabel("Login")).toHaveValue("county2.doctor");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page).toHaveURL(/\/work$/);
});

test("when the session ends, the page stays and so does what was typed", async ({ browser }) => {
    const { page, context } = await signIn(browser, "county1.doctor");
    await settled(page, "/consults/new");
    await page.getByLabel("Question").fill("typed before the session ended");
    const stored = await context.storageState();
    const cookie = stored.cookies.find((one) => one.name === "consilium_session")!;
    await context.request.delete("/api/v1/session", { headers: { "X-Consilium": "1" } });
    await context.clearCookies();
    await context.addCookies([cookie]); // the browser still holds it; the hub no longer knows it
    await page.getByLabel("Patient", { exact: true }).click();
    await page.keyboard.type("w");
    const dialog = page.getByRole("dialog", { name: "Sign in again" });
    await expect(dialog).toBeVisible();
    await dialog.getByLabel("Password").fill(password);
    await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(page.getByLabel("Question")).toHaveValue("typed before the session ended");
    await context.close();
});

test("a folder is shown before it is sent, and not sent twice", async ({ browser }) => {
    const folder = makeDicom("us");
    const { page, context } = await signIn(browser, "county1.radiographer");
    await settled(page, "/upload");
    await page.getByTestId("folder-input").setInputFiles(folder);
    const send = page.getByRole("button", { name: "Send", exact: true });
    await expect(send).toBeEnabled();
    await expect(page.locator(".upload-patient")).not.toHaveCount(0);
    await send.click();
    await expect(page.getByText("All was sent.")).toBeVisible();
    await expect(page.locator(".upload-counts")).toContainText(/\d+ (stored|were there already)/);
    await expect(page.locator(".upload-counts")).not.toContainText("failed");

    await settled(page, "/upload");
    await page.getByTestId("folder-input").setInputFiles(folder);
    await send.click();
    await expect(page.locator(".upload-counts")).toContainText("were there already");
    await expect(page.locator(".upload-counts")).not.toContainText("stored");

    await settled(page, "/studies");
    await expect(page.locator("tbody tr").first()).toBeVisible();
    await context.close();
});

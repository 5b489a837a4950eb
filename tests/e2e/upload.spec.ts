/*
 * The upload page on bad days: a thin line that breaks, a reload in the middle, archives, pseudonyms, photos and documents. What arrived is
 * looked at in the product, not on the page.
 */
import { expect, test, type APIRequestContext, type Page } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDicom } from "./lib/dicom";
import { Link } from "./lib/link";
import { signIn } from "./lib/people";
import { productUrl } from "./lib/product";

let folder: string;
test.beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "consilium-upload-"));
});
test.afterAll(() => rmSync(folder, { recursive: true }));

interface Study {
    id: string;
    study_uid: string;
    description: string;
    modalities: string[];
    instance_count: number;
    patient: { local_id: string; name: { alphabetic: string } };
}
async function studies(api: APIRequestContext, query: string): Promise<Study[]> {
    return ((await (await api.get(`/api/v1/studies?scope=own&limit=200&query=${query}`)).json()) as { items: Study[] }).items;
}
const python = (script: string, ...words: string[]) => execFileSync("/usr/bin/python3", ["-c", script, ...words], { encoding: "utf8" });

/** The folder lies in the browser's own file system: a handle as the folder dialogue gives one, which a browser without a window cannot show. */
async function putFolder(page: Page, name: string, from: string): Promise<void> {
    const files = readdirSync(from, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".dcm"))
        .map((file) => [file.replaceAll("/", "_"), readFileSync(join(from, file)).toString("base64")] as const);
    await page.evaluate(
        async ([name, files]) => {
            const directory = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
            for (const [file, content] of files) {
                const writable = await (await directory.getFileHandle(file, { create: true })).createWritable();
                await writable.write(Uint8Array.from(atob(content), (c) => c.charCodeAt(0)));
                await writable.close();
            }
        },
        [name, files] as const,
    );
}

test("a folder over a thin line that breaks, with a reload in the middle: everything arrives once", async ({ browser }) => {
    const source = makeDicom("scale", "--studies", "3", "--series", "1", "--instances", "60", "--seed", "41");
    const { page, context } = await signIn(browser, "county1.radiographer");
    const before = (await studies(context.request, "")).reduce((sum, study) => sum + study.instance_count, 0);
    const link = await Link.to(productUrl(), { bitsPerSecond: 3_000_000, delay: 20, loss: 0.02 });
    await page.addInitScript(() => Object.assign(window, { showDirectoryPicker: async () => (await navigator.storage.getDirectory()).getDirectoryHandle("DISC") }));
    await page.goto(`${link.url}/upload`);
    await putFolder(page, "DISC", source);
    await page.getByRole("button", { name: "Choose a folder" }).click();
    await expect(page.getByText(/^Images: 180/).first()).toBeVisible();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(page.locator(".upload-counts")).toContainText("stored");

    link.cut();
    await expect(page.getByText("The upload goes on by itself when it can.")).toBeVisible();
    link.mend();
    await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
    const stored = () => page.locator(".upload-counts").innerText().then((text) => Number(/(\d+) stored/.exec(text)?.[1] ?? 0));
    const atCut = await stored();
    await expect.poll(stored).toBeGreaterThan(atCut);

    page.on("dialog", (dialog) => void dialog.accept()); // "leave the page?"
    await page.reload();
    await page.getByRole("button", { name: "Go on with it" }).click();
    await expect(page.getByText("All was sent.")).toBeVisible({ timeout: 60_000 });
    await expect(page.locator(".upload-counts")).not.toContainText("failed");
    const after = (await studies(context.request, "")).reduce((sum, study) => sum + study.instance_count, 0);
    expect(after - before).toBe(180);
    await page.reload();
    await expect(page.getByTestId("drop-zone")).toBeVisible();
    await expect(page.getByText("An upload was interrupted")).toBeHidden();
    await context.close();
    await link.close();
});

test("an archive with pseudonyms: nothing in the product tells who it is", async ({ browser }) => {
    const source = makeDicom("ct", "--slices", "4", "--size", "64", "--seed", "43", "--patient", "ZIP7", "Zippo^Secret");
    const archive = join(folder, "disc.zip");
    python(
        `import sys, zipfile, pathlib
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for n, path in enumerate(sorted(pathlib.Path(sys.argv[2]).rglob("*.dcm"))): z.write(path, f"DISC/{n % 2}/IM{n}")
    z.writestr("DISC/readme.txt", "a letter")`,
        archive,
        source,
    );
    const { page, context } = await signIn(browser, "county1.radiographer");
    await page.goto("/upload");
    await page.getByTestId("files-input").setInputFiles(archive);
    await expect(page.getByText("not a DICOM file")).toBeVisible();
    const count = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".dcm")).length;
    await page.getByRole("switch", { name: "Send with pseudonyms" }).click();
    await expect(page.getByText(/Text burned into the pixels is not removed/)).toBeVisible();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the key table" }).click();
    const table = readFileSync(await (await download).path(), "utf8");
    const [, pseudonym] = /\n(P-[0-9A-Z]{10}),ZIP7,Zippo\^Secret/.exec(table) ?? [];
    expect(pseudonym).toBeDefined();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(page.getByText("All was sent.")).toBeVisible();
    expect(await studies(context.request, "ZIP7")).toEqual([]);
    const [study] = await studies(context.request, pseudonym!);
    expect(study).toMatchObject({ instance_count: count, patient: { local_id: pseudonym } });
    const metadata = await (await context.request.get(`/dicom-web/studies/${study!.study_uid}/metadata`, { headers: { Accept: "application/dicom+json" } })).text();
    expect(metadata).not.toMatch(/Zippo|Secret|ZIP7/);
    expect(metadata).toMatch(/"00120062":\{"vr":"CS","Value":\["YES"\]\}/);
    await context.close();
});

test("a photo held sideways and a PDF become part of a patient's study; HEIC is refused with a word", async ({ browser }) => {
    const photo = join(folder, "wound.jpg");
    python(
        `import sys
from PIL import Image
exif = Image.Exif(); exif[0x0112] = 6
Image.effect_noise((160, 96), 60).convert("RGB").save(sys.argv[1], exif=exif)`,
        photo,
    );
    const pdf = join(folder, "letter.pdf");
    writeFileSync(pdf, "%PDF-1.4\n%%EOF\n");
    const heic = join(folder, "phone.heic");
    writeFileSync(heic, "\0\0\0\x18ftypheic\0\0\0\0");
    const { page, context } = await signIn(browser, "county1.radiographer");
    await page.goto("/upload");
    await page.getByRole("button", { name: "Photo or PDF" }).click();
    await page.getByRole("button", { name: "New patient" }).click();
    await page.getByLabel("Patient number").fill("PHOTO1");
    await page.getByLabel("Name", { exact: true }).fill("Foto^Test");
    await page.getByRole("button", { name: "Create the patient" }).click();
    await expect(page.getByRole("region", { name: "Patient on this page" })).toContainText("Foto");
    await page.getByLabel("What it shows").fill("Wound, left hand");
    await page.getByTestId("document-input").setInputFiles([photo, pdf, heic]);
    await expect(page.getByText("HEIC photos cannot be sent.")).toBeVisible();
    await expect(page.getByText(/^Images: 2/).first()).toBeVisible();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(page.getByText("All was sent.")).toBeVisible();

    const [study] = await studies(context.request, "PHOTO1");
    expect(study).toMatchObject({ instance_count: 2, description: "Wound, left hand", patient: { local_id: "PHOTO1" } });
    expect([...study!.modalities].sort()).toEqual(["DOC", "XC"]);
    const metadata = (await (await context.request.get(`/dicom-web/studies/${study!.study_uid}/metadata`, { headers: { Accept: "application/dicom+json" } })).json()) as Record<string, { Value?: unknown[] }>[];
    const picture = metadata.find((one) => one["00080060"]?.Value?.[0] === "XC")!;
    expect([picture["00280011"]?.Value?.[0], picture["00280010"]?.Value?.[0]], "upright").toEqual([96, 160]);
    const rendered = await context.request.get(`/dicom-web/studies/${study!.study_uid}/series/${picture["0020000E"]!.Value![0]}/instances/${picture["00080018"]!.Value![0]}/rendered`, { headers: { Accept: "image/jpeg" } });
    expect(rendered.status()).toBe(200);
    await context.close();
});

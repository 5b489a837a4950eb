/* Persons of the demo consortium in browsers of their own. */
import { request, type APIRequestContext, type Browser, type BrowserContext, type Page } from "@playwright/test";
import { password, productUrl } from "./product";

export interface Person {
    login: string;
    context: BrowserContext;
    page: Page;
}

/** A new browser context in which login is signed in (by the API, as the sign-in page does). */
export async function signIn(browser: Browser, login: string, options: Record<string, unknown> = {}, secret = password): Promise<Person> {
    const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        baseURL: productUrl(),
        locale: "en",
        permissions: ["camera", "microphone"],
        ...options,
    });
    const answer = await context.request.post("/api/v1/session", {
        headers: { "X-Consilium": "1" },
        data: { login, password: secret },
    });
    if (!answer.ok()) throw new Error(`${login} cannot sign in: ${answer.status()} ${await answer.text()}`);
    // the tests read English; the person's own language would win over the browser's
    await context.request.patch("/api/v1/session", { headers: { "X-Consilium": "1" }, data: { language: "en" } });
    return { login, context, page: await context.newPage() };
}

/** The API as login sees it, without a browser. */
export async function apiOf(login: string, url = productUrl(), secret = password): Promise<APIRequestContext> {
    const api = await request.newContext({
        baseURL: url,
        ignoreHTTPSErrors: true,
        extraHTTPHeaders: { "X-Consilium": "1" },
    });
    const answer = await api.post("/api/v1/session", { data: { login, password: secret } });
    if (!answer.ok()) throw new Error(`${login} cannot sign in: ${answer.status()}`);
    return api;
}

/* Accessibility, looked at by axe-core. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
    id: string;
    impact: string | null;
    nodes: { html: string }[];
}

/** axe-core without a script element, which the page's policy would refuse. */
async function found(page: Page): Promise<Violation[]> {
    await page.evaluate(axe);
    return page.evaluate(async () => {
        const run = (window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe;
        return (await run.run()).violations;
    });
}

const words = (violation: Violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`;

export async function violations(page: Page): Promise<string[]> {
    return (await found(page)).map(words);
}

/** Without those that axe itself calls minor or moderate, e.g. the lack of a heading on a page that is one picture. */
export async function seriousViolations(page: Page): Promise<string[]> {
    return (await found(page)).filter((one) => one.impact === "serious" || one.impact === "critical").map(words);
}

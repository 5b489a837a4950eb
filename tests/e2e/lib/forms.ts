/* The pages of a case and their forms, as a person uses them. */
import { expect, type Locator, type Page } from "@playwright/test";

/** Chooses from one of the drop-down lists by its label. */
export async function choose(page: Page, label: string, option: RegExp): Promise<void> {
    await page.getByRole("combobox", { name: label }).click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option").filter({ hasText: option }).first().click();
}

/** The state of the case, or of the teaching session, that is open. */
export const stateOf = (page: Page): Locator => page.locator(".case-facts .chip").first();

/** The dialog in which a step asks for what it needs. */
export const dialog = (page: Page): Locator => page.getByRole("dialog");

/** Does a step that asks nothing. */
export async function act(page: Page, action: string): Promise<void> {
    await page.locator(".action-bar").getByRole("button", { name: action, exact: true }).click();
}

/** Does a step whose dialog asks; `fill` answers it. */
export async function actWith(page: Page, action: string, fill: (dialog: Locator) => Promise<void>): Promise<void> {
    await act(page, action);
    await expect(dialog(page)).toBeVisible();
    await fill(dialog(page));
    await dialog(page).getByRole("button", { name: action, exact: true }).click();
    await expect(dialog(page)).toHaveCount(0);
}

export const timeline = (page: Page): Locator => page.getByRole("list", { name: "Timeline" }).getByRole("listitem");

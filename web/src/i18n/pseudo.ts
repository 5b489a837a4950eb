type Catalogue = { [key: string]: string | Catalogue };

/** ⟦…⟧ around every text, half as long again: shows untranslated text and layouts that break with long words. */
export function pseudo(catalogue: Catalogue): Catalogue {
  return Object.fromEntries(
    Object.entries(catalogue).map(([key, value]) => [
      key,
      typeof value === "string" ? `⟦${value}${"·".repeat(Math.ceil(value.length / 3))}⟧` : pseudo(value),
    ]),
  );
}

/** More than one upload may hold: refused with a message instead of a frozen page. */
export class TooMuch extends Error {}

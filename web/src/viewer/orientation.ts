/** The letters at the edges of an image: to which side of the patient each edge looks (PS3.3 C.7.6.1.1.1: L, P, H are positive). */
export type Vector = readonly [number, number, number];

const AXES: readonly (readonly [string, string])[] = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
];
const NEGLIGIBLE = 0.25;

/** Main direction first, then a second letter when the image is oblique, e.g. "LP". */
export function letters(direction: Vector): string {
  return AXES.map(([positive, negative], axis) => {
    const part = direction[axis] ?? 0;
    return { letter: part >= 0 ? positive : negative, size: Math.abs(part) };
  })
    .filter(({ size }) => size > NEGLIGIBLE)
    .sort((a, b) => b.size - a.size)
    .slice(0, 2)
    .map(({ letter }) => letter)
    .join("");
}

export interface EdgeLetters {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

const negative = (vector: Vector): Vector => [-vector[0], -vector[1], -vector[2]];

/** `row` and `column` are the direction cosines of the image as drawn: to the right and downward. */
export function edgeLetters(row: Vector, column: Vector): EdgeLetters {
  return {
    right: letters(row),
    left: letters(negative(row)),
    bottom: letters(column),
    top: letters(negative(column)),
  };
}

/** Direction cosines as drawn, after the image was mirrored and then turned clockwise by `rotation` degrees (a multiple of 90). */
export function turned(
  row: Vector,
  column: Vector,
  rotation: number,
  flipHorizontal: boolean,
  flipVertical: boolean,
): { row: Vector; column: Vector } {
  let right = flipHorizontal ? negative(row) : row;
  let down = flipVertical ? negative(column) : column;
  const quarters = (((Math.round(rotation / 90) % 4) + 4) % 4) as 0 | 1 | 2 | 3;
  for (let turn = 0; turn < quarters; turn++) {
    // Clockwise: what looked up looks right, what looked right looks down.
    [right, down] = [negative(down), right];
  }
  return { row: right, column: down };
}

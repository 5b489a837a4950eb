/** In which order the slices of a volume are read: first a few over the whole length, so that every plane is seen at once, then finer. */
const COARSEST = 16;

export function coarseOrder(slots: readonly number[]): number[] {
  const order: number[] = [];
  const taken = new Set<number>();
  const middle = Math.floor(slots.length / 2);
  for (let stride = COARSEST; stride >= 1; stride /= 2) {
    for (let at = middle % stride; at < slots.length; at += stride) {
      if (taken.has(at)) continue;
      taken.add(at);
      order.push(slots[at]!);
    }
  }
  return order;
}

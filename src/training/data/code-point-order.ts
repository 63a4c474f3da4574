/** Compares two texts by code points, as Python sorts them; for `Array.sort`. */
export function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

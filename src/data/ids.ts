/**
 * A stimulus_id, neuroid_id or class label as the file gives it: a number where the column is an
 * integer column (every entry an integer in a CSV, an integer dtype in netCDF), else a string.
 */
export type Id = string | number;

/** Ascending order as numpy and Python sort: numbers by value, strings by code point (not UTF-16 unit). */
export function compareIds(a: Id, b: Id): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareCodePoints(String(a), String(b));
}

/** Compares two strings by Unicode code point, as Python does. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate stands for a code point above every BMP unit, though its own unit is below U+E000.
    const xs = x >= 0xd800 && x <= 0xdfff;
    const ys = y >= 0xd800 && y <= 0xdfff;
    return xs === ys ? x - y : xs ? 1 : -1;
  }
  return a.length - b.length;
}

/** Positions that sort `ids` ascending (stable). */
export function ascending(ids: readonly Id[]): number[] {
  return ids.map((_, i) => i).sort((i, j) => compareIds(ids[i], ids[j]) || i - j);
}

/**
 * Natural order of names: runs of digits by their number, all else by code point, so that `frame2` is before `frame10`. Names that
 * differ in zeros before a number alone are in the order of their code points.
 */
export function compareNaturally(a: string, b: string): number {
  const [x, y] = [a, b].map((name) => name.match(/\d+|\D+/g) ?? []);
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const order = compareRuns(x[i], y[i]);
    if (order !== 0) return order;
  }
  return x.length - y.length || compareCodePoints(a, b);
}

function compareRuns(a: string, b: string): number {
  if (!/^\d/.test(a) || !/^\d/.test(b)) return compareCodePoints(a, b);
  const [x, y] = [a, b].map((digits) => digits.replace(/^0+(?=\d)/, ''));
  return x.length - y.length || compareCodePoints(x, y);
}

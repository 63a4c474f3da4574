/** Tables that depend on sizes only, kept between the images of a stimulus set. */

/** How many tables one cache holds before it starts afresh (stimulus sets have few sizes). */
const capacity = 128;

/** A cache of what `make` gives for a pair of sizes and a word. */
export function sizeCache<W extends string, T>(
  make: (from: number, to: number, word: W) => T,
): (from: number, to: number, word: W) => T {
  const tables = new Map<string, T>();
  return (from, to, word) => {
    const key = `${from} ${to} ${word}`;
    const known = tables.get(key);
    if (known !== undefined) return known;
    if (tables.size >= capacity) tables.clear();
    const table = make(from, to, word);
    tables.set(key, table);
    return table;
  };
}

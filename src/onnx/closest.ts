/** Longest names and most candidates that are compared: enough for any network, bounded for any file. */
const MAX_LENGTH = 200;
const MAX_CANDIDATES = 20_000;

/**
 * The candidates nearest to `name`, at most `count`, nearest first: by Levenshtein's distance
 * without regard to case, within half the length of the name; candidates that end or begin with
 * the whole name count as near.
 */
export function closest(name: string, candidates: readonly string[], count = 3): string[] {
  const wanted = name.slice(0, MAX_LENGTH).toLowerCase();
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return [...new Set(candidates.slice(0, MAX_CANDIDATES))]
    .map((candidate) => ({ candidate, distance: distanceTo(wanted, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

function distanceTo(wanted: string, candidate: string): number {
  const other = candidate.slice(0, MAX_LENGTH).toLowerCase();
  if (other.endsWith(`.${wanted}`) || other.startsWith(`${wanted}.`)) return 1;
  return editDistance(wanted, other);
}

/** Levenshtein's distance by the two-row method. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

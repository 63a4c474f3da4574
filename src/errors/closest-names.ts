import { distance } from 'fastest-levenshtein';

/** Longer names are not compared: a distance costs the product of both lengths. */
const MOST_CHARACTERS = 500;

/** The candidates nearest to an unknown name, best first, for error messages. */
export function closestNames(wanted: string, candidates: Iterable<string>, most = 3): string[] {
  if (wanted.length > MOST_CHARACTERS) return [];
  const bound = Math.max(2, Math.ceil(wanted.length / 2));
  return [...new Set(candidates)]
    .map((name) => ({ name, far: farness(wanted, name, bound) }))
    .filter(({ far }) => Number.isFinite(far))
    .sort((a, b) => a.far - b.far)
    .slice(0, most)
    .map(({ name }) => name);
}

/** Letters to change; infinite if that is more than `bound` and neither holds the other. */
function farness(wanted: string, name: string, bound: number): number {
  const longer = Math.abs(name.length - wanted.length);
  if (name.includes(wanted) || wanted.includes(name)) return longer;
  if (longer > bound) return Number.POSITIVE_INFINITY;
  const far = distance(wanted.toLowerCase(), name.toLowerCase());
  return far <= bound ? far : Number.POSITIVE_INFINITY;
}

/** `; did you mean a, b or c?`, or nothing where no name is near. */
export function didYouMean(wanted: string, candidates: Iterable<string>): string {
  const names = closestNames(wanted, candidates).map((name) => `"${name}"`);
  if (names.length === 0) return '';
  const last = names.pop();
  return `; did you mean ${names.length > 0 ? `${names.join(', ')} or ` : ''}${last}?`;
}

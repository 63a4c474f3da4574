import { distance } from 'fastest-levenshtein';

/** The candidates nearest to a name that is not there, best first: what an error offers instead. */
export function closestNames(wanted: string, candidates: Iterable<string>, most = 3): string[] {
  const bound = Math.max(2, Math.ceil(wanted.length / 2));
  return [...new Set(candidates)]
    .map((name) => ({ name, far: distance(wanted.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, far }) => far <= bound || name.includes(wanted) || wanted.includes(name))
    .sort((a, b) => a.far - b.far)
    .slice(0, most)
    .map(({ name }) => name);
}

/** `; did you mean a, b or c?`, or nothing where no name is near. */
export function didYouMean(wanted: string, candidates: Iterable<string>): string {
  const names = closestNames(wanted, candidates).map((name) => `"${name}"`);
  if (names.length === 0) return '';
  const last = names.pop();
  return `; did you mean ${names.length > 0 ? `${names.join(', ')} or ` : ''}${last}?`;
}

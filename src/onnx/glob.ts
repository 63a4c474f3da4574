/** Characters of a glob, and stars beyond which it says nothing more. */
const MOST_CHARACTERS = 200;
const MOST_ALTERNATIVES = 64;

/** One element of a pattern: any run of characters, or one character that a rule allows. */
type Place = 'run' | ((character: string) => boolean);

/**
 * What a glob over names of layers or modules matches: `*` any run of characters, `?` one, `[abc]`, `[a-c]` and
 * `[^abc]` one of a set, `{a,b}` either. A name takes time in proportion to its length and that of the glob, whatever both
 * are. @returns undefined for a glob that is none of that: it is too long, has too many alternatives, or patterns in parentheses
 */
export function globOf(glob: string): ((name: string) => boolean) | undefined {
  if (glob.length > MOST_CHARACTERS) return undefined;
  const alternatives = alternativesOf(glob);
  const patterns = alternatives?.map(placesOf);
  if (!patterns || patterns.includes(undefined)) return undefined;
  return (name) => (patterns as Place[][]).some((places) => fits(places, name));
}

/** The patterns that braces expand to. */
function alternativesOf(glob: string): string[] | undefined {
  const found = /\{([^{}]*,[^{}]*)\}/.exec(glob);
  if (!found) return [glob];
  const before = glob.slice(0, found.index);
  const after = glob.slice(found.index + found[0].length);
  const all: string[] = [];
  for (const choice of found[1].split(',')) {
    const rest = alternativesOf(`${before}${choice}${after}`);
    if (!rest || all.length + rest.length > MOST_ALTERNATIVES) return undefined;
    all.push(...rest);
  }
  return all;
}

function placesOf(pattern: string): Place[] | undefined {
  const places: Place[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '(' || character === ')') return undefined;
    if (character === '*') {
      if (places.at(-1) !== 'run') places.push('run');
      continue;
    }
    if (character === '?') {
      places.push(() => true);
      continue;
    }
    const set = character === '[' ? setAt(pattern, at) : undefined;
    if (set) {
      places.push((found) => set.holds.test(found));
      at = set.end;
      continue;
    }
    if (character === '\\' && at + 1 < pattern.length) at++;
    const exactly = pattern[at];
    places.push((found) => found === exactly);
  }
  return places;
}

/** `[a-c]` at a position; undefined if the bracket is literal. */
function setAt(pattern: string, at: number): { holds: RegExp; end: number } | undefined {
  const end = pattern.indexOf(']', at + 2);
  if (end < 0) return undefined;
  const inner = pattern.slice(at + 1, end);
  const isNot = inner.startsWith('^');
  const members = (isNot ? inner.slice(1) : inner).replaceAll(/[\\\]^[]/g, '\\$&');
  try {
    return { holds: new RegExp(`^[${isNot ? '^' : ''}${members}]$`), end };
  } catch {
    // A range that runs backwards.
    return undefined;
  }
}

/** Goes back to the last run alone: no run before it has to change for the rest to fit. */
function fits(places: readonly Place[], name: string): boolean {
  let place = 0;
  let at = 0;
  let run = -1;
  let from = 0;
  while (at < name.length) {
    const wanted = places[place];
    if (wanted === 'run') {
      run = place++;
      from = at;
    } else if (wanted?.(name[at])) {
      place++;
      at++;
    } else if (run >= 0) {
      place = run + 1;
      at = ++from;
    } else return false;
  }
  while (places[place] === 'run') place++;
  return place === places.length;
}

import { quoted } from '../../errors/quoted.js';
import { type BenchmarkProblem, type BenchmarkText, problem } from './benchmark-text.js';

/** One benchmark of a file that has `expand`. */
export interface ExpandedText {
  readonly text: BenchmarkText;
  /** Where a value of it stands in the file. */
  pointer(own: string): string;
}

/** Every combination of rows, or what is wrong with the table. */
export interface Expansion {
  readonly texts: readonly ExpandedText[];
  readonly problems: readonly BenchmarkProblem[];
}

/** Benchmarks that one file makes at most. */
const MOST_BENCHMARKS = 1000;
/** Characters of all of them together before substitution, and of a variable: a small file must not expand into a huge one. */
const MOST_CHARACTERS = 2 ** 20;
const MOST_WORD = 200;

/** A name in braces. */
const BRACES = /\{(\w+)\}/g;

type Row = Readonly<Record<string, unknown>>;
interface Chosen {
  /** The name in braces, the row that is chosen, and where it stands. */
  readonly name: string;
  readonly value: string;
  readonly row: Row;
  readonly pointer: string;
}

/**
 * The benchmarks of a file, one for each combination of the rows of `expand`; the file itself without that key. `{NAME}`
 * is replaced by the name of the chosen row in every text. Keys of benchmark files in a row replace those of the file; any
 * other key is a variable, whose name in braces is replaced by its value.
 * @param known the keys of benchmark files
 */
export function expandBenchmark(text: BenchmarkText, known: ReadonlySet<string>): Expansion {
  const { expand, ...rest } = text;
  if (expand === undefined)
    return { texts: [{ text, pointer: (own: string) => own }], problems: [] };
  const tables = Object.entries(expand).map(([name, rows]) => rowsOf(name, rows));
  const count = tables.reduce((product, rows) => product * rows.length, 1);
  if (count > MOST_BENCHMARKS)
    return refused(`expand: expected at most ${MOST_BENCHMARKS} benchmarks, found ${count}`);
  const template = JSON.stringify(rest);
  const rows = tables.map(writtenRows);
  if (!rows.every((written) => written !== undefined))
    return refused('expand: a row contains itself');
  // Each row of a table is in as many benchmarks as the others have combinations.
  const characters = tables.reduce(
    (sum, { length }, i) => sum + (rows[i].length * count) / length,
    count * template.length,
  );
  if (characters > MOST_CHARACTERS)
    return refused(
      `expand: expected at most ${MOST_CHARACTERS} characters of benchmarks, found ${Math.round(characters)}`,
    );
  const problems = Object.entries(expand).flatMap(([name]) =>
    text.identifier.includes(`{${name}}`)
      ? []
      : problem(
          '/identifier',
          `identifier: expected {${name}} in it because "expand" has ${name}, found "${text.identifier}"`,
        ),
  );
  const wrong = wrongWord(tables.flat(), template + rows, known);
  if (wrong) problems.push(wrong);
  if (problems.length > 0) return { texts: [], problems };
  return distinct(combinations(tables).map((chosen) => filled(rest, chosen, known)));
}

const refused = (sentence: string): Expansion => ({
  texts: [],
  problems: problem('/expand', sentence),
});

function rowsOf(
  name: string,
  rows: readonly string[] | Readonly<Record<string, Row | null>>,
): Chosen[] {
  const entries: [string, Row | null][] = Array.isArray(rows)
    ? rows.map((value) => [value, {}])
    : Object.entries(rows);
  return entries.map(([value, row]) => ({
    name,
    value,
    row: row ?? {},
    pointer: Array.isArray(rows) ? `/expand/${name}` : `/expand/${name}/${escaped(value)}`,
  }));
}

const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** The rows as text; none where an alias leads a row into itself. */
function writtenRows(rows: readonly Chosen[]): string | undefined {
  try {
    return rows.map(({ row }) => JSON.stringify(row)).join();
  } catch {
    return undefined;
  }
}

/** A variable that no text contains is a misspelt key; its value is a short text or a number. */
function wrongWord(
  rows: readonly Chosen[],
  texts: string,
  known: ReadonlySet<string>,
): BenchmarkProblem | undefined {
  const filled = new Set(Array.from(texts.matchAll(BRACES), ([, name]) => name));
  for (const { row, pointer } of rows)
    for (const [key, word] of Object.entries(row)) {
      if (known.has(key)) continue;
      const at = `${pointer}/${escaped(key)}`;
      if (!filled.has(key))
        return {
          pointer: at,
          sentence: `expand: ${quoted(key)} is not a key of benchmark files, and no text contains {${key.slice(0, MOST_WORD)}}`,
        };
      if (typeof word === 'object' || String(word).length > MOST_WORD)
        return {
          pointer: at,
          sentence: `expand: ${quoted(key)} replaces {${key.slice(0, MOST_WORD)}}: expected a text of at most ${MOST_WORD} characters or a number`,
        };
    }
  return undefined;
}

function combinations(tables: readonly (readonly Chosen[])[]): Chosen[][] {
  return tables.reduce<Chosen[][]>(
    (made, rows) => made.flatMap((before) => rows.map((row) => [...before, row])),
    [[]],
  );
}

function filled(
  rest: Omit<BenchmarkText, 'expand'>,
  chosen: readonly Chosen[],
  known: ReadonlySet<string>,
): ExpandedText {
  const words = new Map<string, string>();
  const replaced: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  for (const { name, value, row, pointer } of chosen) {
    words.set(name, value);
    for (const [key, own] of Object.entries(row)) {
      if (known.has(key)) {
        replaced[key] = own;
        origins.set(key, `${pointer}/${escaped(key)}`);
      } else words.set(key, String(own));
    }
  }
  const text = withWords({ ...rest, ...replaced }, words) as BenchmarkText;
  return {
    text,
    pointer(own) {
      const [, key, ...below] = own.split('/');
      const origin = origins.get(key);
      return origin === undefined ? own : [origin, ...below].join('/');
    },
  };
}

/** Substitutes once: braces within a value stay text. */
function withWords(value: unknown, words: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return withNames(value, words);
  if (Array.isArray(value)) return value.map((each) => withWords(each, words));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withWords(each, words)]),
  );
}

const withNames = (text: string, words: ReadonlyMap<string, string>) =>
  text.replaceAll(BRACES, (braces, name: string) => words.get(name) ?? braces);

function distinct(texts: readonly ExpandedText[]): Expansion {
  const seen = new Set<string>();
  for (const { text } of texts) {
    if (seen.has(text.identifier))
      return refused(`expand: expected distinct identifiers, found "${text.identifier}" twice`);
    seen.add(text.identifier);
  }
  return { texts, problems: [] };
}

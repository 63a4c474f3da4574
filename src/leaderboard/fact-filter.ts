import { quoted } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import type { ModelFacts } from '../scoring/model/model-facts.js';

/** The word for what neither card nor graph says. */
const UNKNOWN = 'unknown';
/** The word for a network that was trained on nothing. */
const NONE = 'none';

/** One of the choices of a filter, between commas. */
export interface Choice {
  /** Whether models that it fits are left out. */
  readonly not: boolean;
  /** `unknown`: what is not said; `none`: trained on nothing. */
  readonly is: 'unknown' | 'none' | 'word' | 'range';
  /** In lower case. */
  readonly text: string;
  /** Ends of a range of numbers in full, or of dates; an open end is empty. */
  readonly from?: string;
  readonly to?: string;
}

/** Choices by fact. A model is shown if it fits any that is not negated and none that is. */
export type FactFilter = { readonly [K in keyof ModelFacts]?: readonly Choice[] };

/** Filters as a query has them: names of HTTP and of the command line. */
export interface FactQuery {
  readonly weights?: string;
  readonly parameters?: string;
  readonly family?: string;
  readonly training_data?: string;
  readonly date?: string;
  readonly licence?: string;
}

/** Their names, each with its fact and what it takes. */
export const factNames = {
  weights: ['weights', 'word'],
  parameters: ['parameters', 'number'],
  family: ['family', 'word'],
  training_data: ['trainingData', 'word'],
  date: ['date', 'date'],
  licence: ['licence', 'word'],
} as const satisfies Readonly<
  Record<keyof FactQuery, readonly [keyof ModelFacts, 'word' | 'number' | 'date']>
>;

/** Whether a word is the name of a fact. */
export const isFactName = (name: string): name is keyof FactQuery => Object.hasOwn(factNames, name);

/** Choices of one filter. */
const MOST = 50;

/**
 * Reads the filters of a query: choices with commas between them, each a word, for `parameters` and `date` also a
 * range `1M..30M`, `2019..`; `!` before it leaves models out, `unknown` is what is not said.
 * @throws VentralError `invalid-request` with the name of the filter
 */
export function readFactFilter(query: FactQuery): FactFilter {
  return Object.fromEntries(
    Object.keys(factNames)
      .filter(isFactName)
      .flatMap((name) => {
        const text = query[name];
        return text === undefined ? [] : [[factNames[name][0], choicesOf(name, text)]];
      }),
  );
}

function choicesOf(name: keyof FactQuery, text: string): Choice[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > MOST) throw refusal(name, `at most ${MOST} choices`, `${parts.length}`);
  return parts.map((part) => {
    const not = part.startsWith('!');
    const word = (not ? part.slice(1) : part).trim().toLowerCase();
    return { not, ...readers[factNames[name][1]](name, word) };
  });
}

type Reader = (name: keyof FactQuery, text: string) => Omit<Choice, 'not'>;

const readers: Readonly<Record<'word' | 'number' | 'date', Reader>> = {
  word(name, text) {
    if (text === '' || /[!\p{Cc}]/u.test(text))
      throw refusal(name, 'words with commas between them, ! before one to leave it out', text);
    const none = text === NONE && name === 'training_data';
    return { text, is: text === UNKNOWN ? 'unknown' : none ? 'none' : 'word' };
  },
  number: ranges(
    /^(\d{1,15}(?:\.\d{1,6})?)([kmb]?)$/,
    'a number or a range such as 1M..30M',
    (found) => String(Math.round(Number(found[1]) * scales[found[2]])),
  ),
  date: ranges(
    /^\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?$/,
    'a date such as 2019 or 2019-05, or a range such as 2015..2019-06',
    ([whole]) => whole,
  ),
};

const scales: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, b: 1e9 };

function ranges(
  pattern: RegExp,
  expected: string,
  read: (found: RegExpExecArray) => string,
): Reader {
  return (name, text) => {
    if (text === UNKNOWN) return { text, is: 'unknown' };
    const ends = text.split('..');
    const [from, to = from] = ends.map((end) => {
      const found = pattern.exec(end.trim());
      if (found) return read(found);
      if (end.trim() === '' && ends.length === 2) return '';
      throw refusal(name, expected, text);
    });
    const turned = from !== '' && to !== '' && isAfter(from, to);
    if (ends.length > 2 || (from === '' && to === '') || turned)
      throw refusal(name, expected, text);
    return { text, is: 'range', from, to };
  };
}

/** Numbers by size; dates as far as both are said. */
const isAfter = (from: string, to: string): boolean =>
  from.includes('-') || to.includes('-')
    ? cut(from, to) > cut(to, from)
    : Number(from) > Number(to);

const cut = (date: string, other: string) => date.slice(0, other.length);

const refusal = (name: keyof FactQuery, expected: string, found: string) =>
  new VentralError('invalid-request', `${name}: expected ${expected}, found ${quoted(found)}`, {
    field: `/query/${name}`,
    expected,
    found,
  });

/** Whether a model is shown. */
export function fitsFacts(filter: FactFilter): (facts: ModelFacts) => boolean {
  const tests = Object.entries(filter).map(([name, choices]) => {
    const key = name as keyof ModelFacts;
    const wanted = choices.filter(({ not }) => !not);
    const refused = choices.filter(({ not }) => not);
    return (facts: ModelFacts) => {
      const is = (choice: Choice) => fits(key, facts, choice);
      return (wanted.length === 0 || wanted.some(is)) && !refused.some(is);
    };
  });
  return (facts) => tests.every((test) => test(facts));
}

function fits(
  key: keyof ModelFacts,
  facts: ModelFacts,
  { is, text, from = '', to = '' }: Choice,
): boolean {
  const value = facts[key];
  if (is === 'unknown') return value === null;
  if (value === null) return false;
  if (key === 'trainingData') {
    const data = facts.trainingData ?? [];
    return is === 'none' ? data.length === 0 : data.some((one) => one.toLowerCase() === text);
  }
  if (typeof value === 'number') return value >= Number(from) && (to === '' || value <= Number(to));
  if (key !== 'date') return String(value).toLowerCase() === text;
  const date = String(value);
  return cut(date, from) >= cut(from, date) && (to === '' || cut(date, to) <= cut(to, date));
}

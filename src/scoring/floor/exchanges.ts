import type { Id } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import type { PreparedBenchmark } from '../measure/loaded-benchmark.js';

/** A null that exchanges stimuli: within strata, or of all strata. */
export type ExchangeNull = 'rows' | 'labels';

/** Exchanges of the stimuli of a benchmark. */
export interface Exchanges {
  /** Pictures that are in more than one stimulus set: of a read-out, in what it is fitted on and in what it is tested on. */
  readonly shared: number;
  /**
   * A seeded exchange: for each row of all stimulus sets, one below the other, the row whose features it gets.
   * Rows stay in their set.
   */
  rows(seed: number, run: number): Int32Array;
}

/** Rows of one picture, in the order of {@link profile}. */
interface Picture {
  /** Set and stratum of each row. */
  readonly profile: string;
  readonly rows: readonly number[];
}

/** Exchanges below which no p reaches .05. */
const LEAST_EXCHANGES = 20;

/**
 * The exchanges of a benchmark's pictures. Copies of a picture, in one stimulus set or in several, go together, so that what
 * a copy gives away is in the null, too. Pictures change places where they have as many rows in each set and,
 * of `rows`, in each stratum (`cross_validation.stratify_on`).
 * @param pictures what tells pictures apart, for each row of each stimulus set
 * @throws VentralError `benchmark-invalid` where single units are compared, `stimuli-too-few` where fewer than 20 exchanges exist
 */
export function exchangesOf(
  loaded: PreparedBenchmark,
  kind: ExchangeNull,
  pictures: readonly (readonly Id[])[],
): Exchanges {
  refuseUnits(loaded, kind);
  const all = picturesOf(loaded, kind, pictures);
  const alike = new Map<string, Picture[]>();
  for (const picture of all) {
    const others = alike.get(picture.profile) ?? [];
    others.push(picture);
    alike.set(picture.profile, others);
  }
  const classes = [...alike.values()];
  const count = pictures.reduce((sum, set) => sum + set.length, 0);
  let exchanges = 1;
  for (const { length } of classes)
    for (let k = 2; k <= length && exchanges < LEAST_EXCHANGES; k++) exchanges *= k;
  if (exchanges < LEAST_EXCHANGES) {
    const { id, file } = loaded.benchmark;
    throw new VentralError(
      'stimuli-too-few',
      `${id}: --null ${kind} has ${exchanges} ways to exchange the stimuli${kind === 'rows' ? ' within strata' : ''}: expected at least ${LEAST_EXCHANGES}`,
      { file, expected: `at least ${LEAST_EXCHANGES} exchanges`, found: String(exchanges) },
    );
  }
  return {
    shared: all.filter(({ profile }) => setsIn(profile) > 1).length,
    rows(seed, run) {
      const random = randomStream(seed, `${kind} ${run}`);
      const from = new Int32Array(count);
      for (const members of classes) {
        const order = random.permutation(members.length);
        members.forEach(({ rows }, i) => {
          rows.forEach((row, k) => {
            from[row] = members[order[i]].rows[k];
          });
        });
      }
      return from;
    },
  };
}

/** @throws VentralError `benchmark-invalid` where stimuli cannot be exchanged, before any work */
export function refuseUnits({ benchmark, form }: PreparedBenchmark, kind: ExchangeNull): void {
  if (form(1) !== 'units') return;
  throw new VentralError(
    'benchmark-invalid',
    `--null ${kind} does not apply to properties of single units: their gratings are not a sample`,
    { file: benchmark.file, field: '--null', found: kind },
  );
}

function picturesOf(
  { benchmark, shown }: PreparedBenchmark,
  kind: ExchangeNull,
  pictures: readonly (readonly Id[])[],
): Picture[] {
  const { stratifyOn } = benchmark.crossValidation;
  const places = new Map<string, { readonly place: string; readonly row: number }[]>();
  let row = 0;
  pictures.forEach((names, set) => {
    const strata = kind === 'rows' ? shown[set].stimuli.columns.get(stratifyOn ?? '') : undefined;
    names.forEach((name, at) => {
      const rows = places.get(String(name)) ?? [];
      rows.push({ place: JSON.stringify([set, strata?.values[at] ?? null]), row: row++ });
      places.set(String(name), rows);
    });
  });
  return [...places.values()].map((rows) => {
    const ordered = rows.toSorted((a, b) => (a.place < b.place ? -1 : Number(a.place > b.place)));
    return {
      profile: `[${ordered.map(({ place }) => place).join()}]`,
      rows: ordered.map((each) => each.row),
    };
  });
}

const setsIn = (profile: string): number =>
  new Set((JSON.parse(profile) as [number, unknown][]).map(([set]) => set)).size;

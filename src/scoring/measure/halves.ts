import { ascending, compareIds, type Id } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { benchmarkSplits } from '../../metrics/cross-validation.js';
import { RandomState } from '../../numerics/random/random-state.js';
import type { PreparedBenchmark } from './loaded-benchmark.js';

/** A half of a benchmark's stimuli: one to choose a layer on, the other to score it on. */
export type Half = 'choice' | 'test';

/** Seed of the halves. */
export const HALVES_SEED = 0;

const made = new WeakMap<PreparedBenchmark, Map<Half, PreparedBenchmark>>();

/**
 * The benchmark itself, or on one of two random halves of its stimuli (a read-out's test stimuli), as
 * `restrict` makes it, once: equal shares of every class where the benchmark is stratified, or of every
 * `image_label` for a read-out; whole groups where its splits are of groups. The halves depend on ids, classes,
 * groups and nothing else.
 * @throws VentralError `benchmark-invalid` where a benchmark cannot be restricted, `stimuli-too-few`
 */
export function partOf(loaded: PreparedBenchmark, half: Half | undefined): PreparedBenchmark {
  if (half === undefined) return loaded;
  const halves = made.get(loaded) ?? new Map<Half, PreparedBenchmark>();
  made.set(loaded, halves);
  const part = halves.get(half) ?? restricted(loaded, half);
  halves.set(half, part);
  return part;
}

function restricted(loaded: PreparedBenchmark, half: Half): PreparedBenchmark {
  if (!loaded.restrict) {
    throw new VentralError(
      'benchmark-invalid',
      `${loaded.benchmark.id} cannot be divided into a half to choose on and a half to score on`,
      { file: loaded.benchmark.file, field: 'holdout' },
    );
  }
  const { ids } = judgedStimuli(loaded);
  // Recordings may hold the same ids in another type.
  const chosen = new Set(rowsOfHalf(loaded, half).map((row) => String(ids[row])));
  return loaded.restrict((stimulus) => chosen.has(String(stimulus)));
}

/** The stimuli that a benchmark's numbers rest on: of a read-out those that it tests on. */
export const judgedStimuli = ({ shown }: PreparedBenchmark) => shown[shown.length - 1].stimuli;

/** Rows of {@link judgedStimuli} that belong to a half, in no order. */
export function rowsOfHalf(loaded: PreparedBenchmark, half: Half): number[] {
  const { ids, columns } = judgedStimuli(loaded);
  const classes = columns.get(loaded.stratum ?? '')?.values;
  const rows = ascending(ids);
  const groups = columns.get(loaded.group ?? '')?.values;
  if (groups) return rowsOfGroups(rows, (row) => classOf(groups[row]), half);
  const strata = classes && rows.map((row): Id => classOf(classes[row]));
  const [{ train, test }] = benchmarkSplits(rows.length, strata, {
    splits: 1,
    seed: HALVES_SEED,
    trainSize: 0.5,
  });
  return (half === 'choice' ? train : test).map((i) => rows[i]);
}

/** Rows whose groups are in a half: groups are shuffled, and each goes to the half that has fewer rows. */
function rowsOfGroups(rows: readonly number[], groupOf: (row: number) => Id, half: Half): number[] {
  const groups = [...new Set(rows.map(groupOf))].sort(compareIds);
  const order = new RandomState(HALVES_SEED).permutation(groups.length);
  const halves: [number[], number[]] = [[], []];
  for (const at of order) {
    const members = rows.filter((row) => groupOf(row) === groups[at]);
    halves[halves[0].length <= halves[1].length ? 0 : 1].push(...members);
  }
  return halves[half === 'choice' ? 0 : 1];
}

const classOf = (value: unknown): Id => (typeof value === 'number' ? value : String(value));

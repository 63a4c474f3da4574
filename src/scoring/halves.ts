import { ascending, type Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { benchmarkSplits } from '../metrics/cross-validation.js';
import type { PreparedBenchmark } from './loaded-benchmark.js';

/** A half of a benchmark's stimuli: one to choose a layer on, the other to score it on. */
export type Half = 'choice' | 'test';

/** Seed of the halves. */
export const HALVES_SEED = 0;

/**
 * The benchmark on one of two random halves of its stimuli (a read-out's test stimuli), as
 * `restrict` makes it: equal shares of every class where the benchmark is stratified, or of every
 * `image_label` for a read-out. The halves depend on ids, classes and nothing else.
 * Throws `benchmark-invalid` where a benchmark cannot be restricted, `stimuli-too-few`.
 */
export function onHalf(loaded: PreparedBenchmark, half: Half): PreparedBenchmark {
  if (!loaded.restrict) {
    throw new VentralError(
      'benchmark-invalid',
      `${loaded.benchmark.id} cannot be divided into a half to choose on and a half to score on`,
      { file: loaded.benchmark.file, field: 'holdout' },
    );
  }
  const chosen = new Set(halfOf(loaded, half));
  return loaded.restrict((stimulus) => chosen.has(String(stimulus)));
}

/** Stimuli of a half, as text: recordings may hold the same ids in another type. */
function halfOf({ benchmark, shown, reads }: PreparedBenchmark, half: Half): string[] {
  const { stimuli } = shown[shown.length - 1];
  const name = benchmark.crossValidation.stratifyOn ?? (reads === 'readout' ? 'image_label' : '');
  const classes = stimuli.columns.get(name)?.values;
  const rows = ascending(stimuli.ids);
  const strata = classes && rows.map((row): Id => classOf(classes[row]));
  const [{ train, test }] = benchmarkSplits(rows.length, strata, {
    splits: 1,
    seed: HALVES_SEED,
    trainSize: 0.5,
  });
  return (half === 'choice' ? train : test).map((i) => String(stimuli.ids[rows[i]]));
}

const classOf = (value: unknown): Id => (typeof value === 'number' ? value : String(value));

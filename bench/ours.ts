import { behaviourCeiling, behaviourScore, ceiledBehaviour } from '../src/metrics/i1i2.js';
import { pls } from '../src/metrics/pls.js';
import { denseFeatures } from '../src/numerics/algebra/features.js';
import { matrix } from '../src/numerics/algebra/matrix.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { peakRssMiB } from '../src/runtime/peak-memory.js';
import { type Arrays, readArrays } from './arrays.js';
import { regressionScores } from './regressions-ours.js';

/** One process of ours: seconds of the first call and of later ones, peak memory, the numbers. */
export interface Measurement {
  readonly value: number;
  readonly splits: readonly number[];
  readonly firstCall: number;
  readonly laterCalls: number;
  readonly peakMiB: number;
}

/** What a later call has in store is code that runs and sessions that are open: none of that is seen beside minutes. */
const LATER_CALLS = 5;
const LONG_SECONDS = 3;

/** Times our metric on the arrays of a folder, from memory to score. */
export async function measureOurs(kind: Arrays['kind'], folder: string): Promise<Measurement> {
  const arrays = readArrays(kind, folder);
  const score =
    kind === 'pls'
      ? plsScore(arrays)
      : kind === 'i2n'
        ? i2nScore(arrays)
        : regressionScores[kind](arrays);
  const seconds: number[] = [];
  let result = { value: Number.NaN, splits: [] as readonly number[] };
  for (let call = 0; call <= LATER_CALLS; call++) {
    const begin = performance.now();
    result = await score();
    seconds.push((performance.now() - begin) / 1000);
    if (call === 1 && seconds[0] > LONG_SECONDS) break;
  }
  const { value, splits } = result;
  return {
    value,
    splits,
    firstCall: seconds[0],
    laterCalls: median(seconds.slice(1)),
    peakMiB: peakRssMiB(),
  };
}

function plsScore({ arrays, rest }: Arrays) {
  const { stimulusIds, strata, options } = rest as {
    stimulusIds: string[];
    strata: string[];
    options: { splits: number; trainSize: number; seed: number; components: number };
  };
  const [rows, units] = arrays.features.shape;
  const [, neuroids] = arrays.targets.shape;
  const target = {
    stimulusIds,
    neuroidIds: Array.from({ length: neuroids }, (_, k) => k),
    values: matrix(rows, neuroids, arrays.targets.values as Float64Array),
    strata,
  };
  const features = denseFeatures(rows, units, arrays.features.values);
  return async () => {
    const { components, ...crossValidation } = options;
    const result = await pls({ stimulusIds, features }, target, { components, crossValidation });
    return { value: result.value, splits: result.splits };
  };
}

function i2nScore({ arrays, rest }: Arrays) {
  const { trials, images, choices } = rest as {
    trials: { stimulus: string[]; sample: string[]; dist: string[]; choice: string[] };
    images: string[];
    choices: string[];
  };
  const { stimulus, sample, dist, choice } = trials;
  const human = { stimulusIds: stimulus, sample, dist, choice };
  const [rows, cols] = arrays.probabilities.shape;
  const values = matrix(rows, cols, arrays.probabilities.values as Float64Array);
  const options = { repetitions: 2, seed: 0, skipna: false };
  return async () => {
    const fresh = { ...human }; // what was counted is kept by object
    const raw = behaviourScore('i2n', { stimulusIds: images, choices, values }, fresh, options);
    const ceiling = behaviourCeiling('i2n', fresh, options);
    const { value, splits } = ceiledBehaviour(raw.splits, ceiling.splits);
    return { value, splits };
  };
}

import { behaviourCeiling, behaviourScore, ceiledBehaviour } from '../src/metrics/i1i2.js';
import { pls } from '../src/metrics/pls.js';
import { denseFeatures } from '../src/numerics/algebra/features.js';
import { matrix } from '../src/numerics/algebra/matrix.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { peakRssMiB } from '../src/runtime/peak-memory.js';
import { type Arrays, readArrays } from './arrays.js';
import { regressionScores } from './regressions-ours.js';

/** Seconds of a call: by the clock, and of the processor on all threads, which another process disturbs less. */
export interface Seconds {
  readonly wall: number;
  readonly processor: number;
}

/** One process of ours: seconds of the first call and of later ones, peak memory, the numbers. */
export interface Measurement {
  readonly value: number;
  readonly splits: readonly number[];
  readonly firstCall: number;
  readonly laterCalls: number;
  readonly processor: { readonly firstCall: number; readonly laterCalls: number };
  readonly peakMiB: number;
}

/** What a later call has in store is code that runs and sessions that are open: none of that is seen beside minutes. */
const LATER_CALLS = 5;
const LONG_SECONDS = 3;
/** From here on there is one call alone. */
const VERY_LONG_SECONDS = 30;

/** Times our metric on the arrays of a folder, from memory to score. */
export async function measureOurs(kind: Arrays['kind'], folder: string): Promise<Measurement> {
  const arrays = readArrays(kind, folder);
  const score =
    kind === 'pls'
      ? plsScore(arrays)
      : kind === 'i2n'
        ? i2nScore(arrays)
        : regressionScores[kind](arrays);
  const calls: Seconds[] = [];
  let result = { value: Number.NaN, splits: [] as readonly number[] };
  for (let call = 0; call <= LATER_CALLS; call++) {
    const [begin, used] = [performance.now(), process.cpuUsage()];
    result = await score();
    const { user, system } = process.cpuUsage(used);
    calls.push({ wall: (performance.now() - begin) / 1000, processor: (user + system) / 1e6 });
    if (call === 1 && calls[0].wall > LONG_SECONDS) break;
    if (calls[0].wall > VERY_LONG_SECONDS) break;
  }
  const { value, splits } = result;
  const later = calls.length > 1 ? calls.slice(1) : calls;
  return {
    value,
    splits,
    firstCall: calls[0].wall,
    laterCalls: median(later.map(({ wall }) => wall)),
    processor: {
      firstCall: calls[0].processor,
      laterCalls: median(later.map(({ processor }) => processor)),
    },
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

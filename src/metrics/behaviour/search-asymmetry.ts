/**
 * Search asymmetry: whether a model finds the odd one among many as much easier than its opposite as people do
 * (Ferguson et al. 2024; Brain-Score vision `benchmarks/ferguson2024`, `metrics/value_delta`; spec Appendix C).
 */
import { RandomState } from '../../numerics/random/random-state.js';
import { mean, stdDdof0 } from '../../numerics/statistics/statistics.js';
import type { MetricDefinition } from '../metric.js';
import { type SampledResult, sampledWhole } from './behaviour-metric.js';

/** Trials of people, or answers of a model: one entry each of equally long lists. */
export interface SearchTrials {
  readonly subject: readonly string[];
  readonly correct: readonly boolean[];
  /** Images beside the odd one. */
  readonly distractors: readonly number[];
  readonly block: readonly string[];
  /** Whether the trial counts; checks of attention do not. */
  readonly counts: readonly boolean[];
}

/** How accuracies become a similarity. */
export interface SearchOptions {
  /** Lapse rate: share of the trials that people answer without looking. */
  readonly lapse: number;
  /** How fast the similarity falls with the difference of the integrals. */
  readonly scale: number;
}

/** The blocks that are compared: what is odd in one surrounds it in the other. */
export const SEARCH_BLOCKS: readonly string[] = ['first', 'second'];

/** Accuracies corrected for lapses, of each subject: one a block and number of distractors; NaN without trials. */
export interface SearchProfile {
  /** Ascending. */
  readonly distractors: readonly number[];
  readonly subjects: readonly (readonly (readonly number[])[])[];
}

/** (p − λ/2) / (1 − λ) of each subject's accuracy p, by block and number of distractors. */
export function searchProfile(
  trials: SearchTrials,
  { lapse }: Pick<SearchOptions, 'lapse'>,
  rows: readonly number[] = [...trials.subject.keys()],
): SearchProfile {
  const distractors = [...new Set(trials.distractors)].sort((a, b) => a - b);
  const cellOf = new Map(distractors.map((count, i) => [count, i]));
  const known = new Map<string, { right: number[]; all: number[] }>();
  for (const row of rows) {
    const block = SEARCH_BLOCKS.indexOf(trials.block[row]);
    if (!trials.counts[row] || block < 0) continue;
    const cells = SEARCH_BLOCKS.length * distractors.length;
    const own = known.get(trials.subject[row]) ?? {
      right: Array(cells).fill(0),
      all: Array(cells).fill(0),
    };
    known.set(trials.subject[row], own);
    const cell = block * distractors.length + (cellOf.get(trials.distractors[row]) as number);
    own.all[cell]++;
    if (trials.correct[row]) own.right[cell]++;
  }
  const subjects = Array.from(known.values(), ({ right, all }) =>
    SEARCH_BLOCKS.map((_, block) =>
      distractors.map((_, i) => {
        const cell = block * distractors.length + i;
        return (right[cell] / all[cell] - lapse / 2) / (1 - lapse);
      }),
    ),
  );
  return { distractors, subjects };
}

/** Means over the subjects that have trials, a block × number of distractors. */
export const searchMeans = ({ distractors, subjects }: SearchProfile): number[][] =>
  SEARCH_BLOCKS.map((_, block) =>
    distractors.map((_, i) => {
      const values = subjects.flatMap((own) => (Number.isNaN(own[block][i]) ? [] : own[block][i]));
      return mean(values);
    }),
  );

/** How much better the second block is than the first, integrated over the number of distractors. */
export function searchIntegral(profile: SearchProfile): number {
  const [first, second] = searchMeans(profile);
  const differences = second.map((value, i) => value - first[i]);
  return integral(profile.distractors, differences);
}

/**
 * The area below a broken line, as the original rounds it: slopes and intercepts to 10 decimals, the sum to 4
 * decimals and then to the bits of a decimal number with so many digits (sympy's `round`).
 */
export function integral(at: readonly number[], values: readonly number[]): number {
  const decimals = (value: number) => Number(value.toFixed(10));
  let area = 0;
  for (let i = 1; i < at.length; i++) {
    const slope = (values[i] - values[i - 1]) / (at[i] - at[i - 1]);
    const intercept = decimals(values[i - 1] - slope * at[i - 1]);
    area += (decimals(slope) * (at[i] ** 2 - at[i - 1] ** 2)) / 2 + intercept * (at[i] - at[i - 1]);
  }
  return shortFloat(area);
}

const BITS_PER_DIGIT = 3.3219280948873626;

function shortFloat(value: number): number {
  const rounded = fourDecimals(value);
  if (!Number.isFinite(rounded) || rounded === 0) return rounded + 0;
  let magnitude = Math.ceil(Math.log10(Math.abs(value)));
  if (Math.abs(value) / 10 ** magnitude >= 1) magnitude++;
  const digits = Math.max(1, Math.min(magnitude + 4, 15));
  const bits = Math.round((digits + 1) * BITS_PER_DIGIT);
  // Bits before the point, so that the mantissa has `bits` of them.
  const unit = 2 ** (bits - 1 - Math.floor(Math.log2(Math.abs(rounded))));
  return Math.round(rounded * unit) / unit;
}

/** Rounds the first 15 digits of a number, as decimals, to 4 behind the point, half to even. */
function fourDecimals(value: number): number {
  if (!Number.isFinite(value)) return value;
  const [mantissa, exponent] = Math.abs(value).toExponential(14).split('e');
  const dropped = 14 - Number(exponent) - 4;
  const digits = BigInt(mantissa.replace('.', ''));
  if (dropped <= 0) return value;
  const step = 10n ** BigInt(dropped);
  const [whole, rest] = [digits / step, digits % step];
  const up = 2n * rest > step || (2n * rest === step && whole % 2n === 1n);
  return (Math.sign(value) * Number(whole + (up ? 1n : 0n))) / 1e4;
}

/** exp(−scale · |a − b|): 1 where two integrals are equal. */
export const valueDelta = (a: number, b: number, scale: number): number =>
  Math.exp(-scale * Math.abs(a - b));

/** Similarity of the asymmetry of a model to that of the mean subject, without an error. */
export function searchAsymmetry(
  model: SearchTrials,
  people: SearchTrials,
  options: SearchOptions,
): SampledResult {
  const own = searchIntegral(searchProfile(model, options));
  const { distractors, subjects } = searchProfile(people, options);
  const likeness = (drawn: SearchProfile['subjects']) =>
    valueDelta(own, searchIntegral({ distractors, subjects: drawn }), options.scale);
  return sampledWhole(subjects.length, (drawn) => likeness(drawn.map((i) => subjects[i])));
}

/**
 * Mean similarity of random halves of the trials, half i drawn by `RandomState(i)`, with their standard deviation (ddof 0).
 * A resample of the subjects has the same value.
 */
export function searchCeiling(
  people: SearchTrials,
  options: SearchOptions & { readonly repetitions: number },
): SampledResult {
  const count = people.subject.length;
  const splits = Array.from({ length: options.repetitions }, (_, seed) => {
    const order = new RandomState(seed).permutation(count);
    const middle = Math.floor(count / 2);
    const [a, b] = [order.slice(0, middle), order.slice(middle)].map((rows) =>
      searchIntegral(searchProfile(people, options, rows)),
    );
    return valueDelta(a, b, options.scale);
  });
  const value = mean(splits);
  return {
    value,
    error: stdDdof0(splits),
    errorKind: 'std over repetitions',
    splits,
    warnings: [],
    samples: new Set(people.subject).size,
    resample: () => value,
  };
}

/** The metric `search-asymmetry`. */
export const searchAsymmetryMetric: MetricDefinition & { readonly kind: 'search' } = {
  kind: 'search',
  version: 1,
  defaults: { scale: 0.75, repetitions: 500 },
  required: ['lapse'],
  normalisation: 'clipped',
  text: {
    name: 'Search asymmetry',
    words:
      'Search asymmetry: how much easier it is to find an odd image among its opposites than the reverse, integrated over the number of distractors; a read-out of the layer is compared with people.',
    raw: 'exp(−scale · difference of the integrals)',
  },
};

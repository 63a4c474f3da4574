/**
 * Psychometric curves: the share of correct answers between two choices as a function of the size of what is judged, and
 * the size at which it reaches a given accuracy (Brain-Score vision `metrics/threshold`; spec Appendix C).
 */
import { normalCdf, normalQuantile } from '../../numerics/statistics/normal.js';
import { mean, stdDdof0 } from '../../numerics/statistics/statistics.js';

/** p(x) = ½ + (½ − lapse) Φ(slope · (x − centre)). */
export interface PsychometricCurve {
  readonly slope: number;
  readonly centre: number;
  /** Share of errors however large x is, .03 to .5. */
  readonly lapse: number;
}

/** Shares of correct answers at sizes, ascending. */
export interface Rates {
  readonly x: readonly number[];
  readonly rate: readonly number[];
}

const LAPSES = [0.03, 0.5] as const;
/** Slopes of the starts, `numpy.logspace(-3, 1, 50)`. */
const SLOPES = Array.from({ length: 50 }, (_, i) => 10 ** (-3 + (4 * i) / 49));
/** Sizes that starts have their centre at, at most. */
const CENTRES = 50;
/** Starts that are followed to their optimum, the likeliest first: the others end at the same ones. */
const FOLLOWED = 40;

/** The share of correct answers at each size. */
export function ratesOf(x: readonly number[], correct: readonly boolean[]): Rates {
  const answers = new Map<number, number[]>();
  x.forEach((size, i) => {
    const known = answers.get(size) ?? [];
    answers.set(size, known);
    known.push(correct[i] ? 1 : 0);
  });
  const sizes = [...answers.keys()].sort((a, b) => a - b);
  return { x: sizes, rate: sizes.map((size) => mean(answers.get(size) as number[])) };
}

/** There may be more sizes than a call takes arguments. */
const largestOf = (rate: readonly number[]) =>
  rate.reduce((largest, value) => Math.max(largest, value), Number.NEGATIVE_INFINITY);

/**
 * The rates up to where accuracy falls for good: from the first behind the largest from which on all are at least one
 * standard deviation (ddof 0, of all rates) below it.
 */
export function beforeTheFall({ x, rate }: Rates): Rates {
  const largest = largestOf(rate);
  const limit = largest - stdDdof0(rate);
  const end =
    Math.max(
      rate.findLastIndex((value) => !(value <= limit)),
      rate.indexOf(largest),
    ) + 1;
  return end === rate.length ? { x, rate } : { x: x.slice(0, end), rate: rate.slice(0, end) };
}

/** The share of correct answers that a curve expects. */
export const expectedRate = ({ slope, centre, lapse }: PsychometricCurve, x: number): number =>
  0.5 + (0.5 - lapse) * normalCdf(slope * (x - centre));

/** −Σ y ln p + (1 − y) ln(1 − p), each size with the same weight. */
export function unlikelihood(curve: PsychometricCurve, { x, rate }: Rates): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const p = expectedRate(curve, x[i]);
    sum -= rate[i] * Math.log(p) + (1 - rate[i]) * Math.log(1 - p);
  }
  return sum;
}

/** The likeliest curve, of starts at 50 slopes with each size as the centre, or with sizes between where there are many. */
export function fitCurve(rates: Rates): PsychometricCurve {
  const [least, most] = LAPSES;
  const lapse = Math.min(most, Math.max(least, 1 - largestOf(rates.rate)));
  const every = Math.ceil(rates.x.length / CENTRES);
  const starts = SLOPES.flatMap((slope) =>
    rates.x.flatMap((centre, i) => {
      if (i % every > 0) return [];
      const curve = { slope, centre, lapse };
      return { curve, cost: unlikelihood(curve, rates) };
    }),
  );
  const ends = starts
    .sort((a, b) => a.cost - b.cost)
    .slice(0, FOLLOWED)
    .map(({ curve, cost }) => descended(curve, cost, rates));
  return ends.reduce((best, end) => (end.cost < best.cost ? end : best)).curve;
}

/** 1 − residual / total sum of squares of the rates; NaN if they do not vary and are met. */
export function explained(curve: PsychometricCurve, { x, rate }: Rates): number {
  const centre = mean(rate);
  const sum = (of: (value: number, i: number) => number) =>
    rate.reduce((total, value, i) => total + of(value, i) ** 2, 0);
  return 1 - sum((value, i) => value - expectedRate(curve, x[i])) / sum((value) => value - centre);
}

/** The size at which a curve reaches an accuracy; NaN where it never does. */
export const thresholdOf = ({ slope, centre, lapse }: PsychometricCurve, accuracy: number) =>
  centre + normalQuantile((accuracy - 0.5) / (0.5 - lapse)) / slope;

/** A threshold, or why there is none. */
export type Threshold = { readonly value: number } | { readonly why: string };

/** The size at which answers are correct in 75 % of the cases, as the original accepts it. */
export function measuredThreshold(x: readonly number[], correct: readonly boolean[]): Threshold {
  const share = mean(correct.map(Number));
  if (!(share >= 0.6)) return { why: `${percent(share)} of the answers are right, 60 % expected` };
  const all = ratesOf(x, correct);
  const rates = beforeTheFall(all);
  if (rates.x.length < all.x.length / 3)
    return { why: 'accuracy falls for good before a third of the sizes' };
  const curve = fitCurve(rates);
  if (explained(curve, rates) < 0.4) return { why: 'no psychometric curve fits (r² below 0.4)' };
  const value = thresholdOf(curve, 0.75);
  if (value <= all.x[all.x.length - 1]) return { value };
  return { why: '75 % would be reached beyond the largest size' };
}

const percent = (share: number) => `${Math.floor(100 * share)} %`;

/** Levenberg and Marquardt's descent on the likelihood (Fisher scoring); the lapse keeps within its bounds. */
function descended(start: PsychometricCurve, cost: number, rates: Rates) {
  let [curve, damping] = [start, 1e-3];
  for (let step = 0; step < 200 && damping < 1e12; step++) {
    const { gradient, curvature } = derivatives(curve, rates);
    const [least, most] = LAPSES;
    const held =
      (curve.lapse <= least && gradient[2] > 0) || (curve.lapse >= most && gradient[2] < 0);
    const [slope, centre, lapse] = damped(gradient, curvature, damping, held ? 2 : 3);
    const next = {
      slope: curve.slope - slope,
      centre: curve.centre - centre,
      lapse: Math.min(most, Math.max(least, curve.lapse - lapse)),
    };
    const reached = unlikelihood(next, rates);
    if (!(reached < cost)) {
      damping *= 10;
      continue;
    }
    const gained = cost - reached;
    [curve, cost, damping] = [next, reached, damping / 10];
    if (gained < 1e-15 * cost) break;
  }
  return { curve, cost };
}

/** Gradient of {@link unlikelihood} by slope, centre and lapse, and its expected curvature. */
function derivatives(curve: PsychometricCurve, { x, rate }: Rates) {
  const gradient = [0, 0, 0];
  const curvature = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  const { slope, centre, lapse } = curve;
  for (let i = 0; i < x.length; i++) {
    const z = slope * (x[i] - centre);
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    const share = normalCdf(z);
    const p = 0.5 + (0.5 - lapse) * share;
    const weight = 1 / (p * (1 - p));
    const by = [
      (0.5 - lapse) * density * (x[i] - centre),
      -(0.5 - lapse) * density * slope,
      -share,
    ];
    for (let a = 0; a < 3; a++) {
      gradient[a] += weight * (p - rate[i]) * by[a];
      for (let b = 0; b < 3; b++) curvature[a][b] += weight * by[a] * by[b];
    }
  }
  return { gradient, curvature };
}

/** Solves (C + damping · diag C) step = gradient for the first `size` parameters; the others do not move. */
function damped(
  gradient: readonly number[],
  curvature: readonly (readonly number[])[],
  damping: number,
  size: number,
): number[] {
  const rows = curvature
    .slice(0, size)
    .map((row, a) => [
      ...row.slice(0, size).map((value, b) => (a === b ? value * (1 + damping) + 1e-300 : value)),
      gradient[a],
    ]);
  for (let a = 0; a < size; a++)
    for (let below = a + 1; below < size; below++) {
      const factor = rows[below][a] / rows[a][a];
      for (let k = a; k <= size; k++) rows[below][k] -= factor * rows[a][k];
    }
  const step = [0, 0, 0];
  for (let a = size - 1; a >= 0; a--) {
    let rest = rows[a][size];
    for (let b = a + 1; b < size; b++) rest -= rows[a][b] * step[b];
    step[a] = rest / rows[a][a];
  }
  return step.map((value) => (Number.isFinite(value) ? value : 0));
}

import { stdDdof1 } from './bootstrap-error.js';
import { percentile } from './statistics.js';
import { twoFactorVariance } from './two-factor-variance.js';

/** Values of models with draws that are the same for all of them. */
export interface PairedFamily {
  readonly values: ArrayLike<number>;
  /** By model; NaN where a draw gave none. */
  readonly both: readonly Float32Array[];
  /** Of two factors each alone. */
  readonly first?: readonly Float32Array[];
  readonly second?: readonly Float32Array[];
  /** How many units each factor has, within a group; undefined where the draws are corrected already. */
  readonly sizes?: { readonly first: number; readonly second?: number } | undefined;
}

/** Every pair of models, row-major in squares; the diagonal is 0. */
export interface PairStatistics {
  readonly models: number;
  /** Corrected variances of the differences; NaN where fewer than half of the draws have both. */
  readonly variances: Float64Array;
  /** |difference| / √variance; 0 for equal models, Infinity where a difference does not vary, NaN without a variance. */
  readonly t: Float64Array;
  /** Standard deviations of the differences over draws of all factors; 0 for pairs that are in no maximum. */
  readonly deviations: Float64Array;
}

/** A standard error this small beside the values is rounding: draws are kept in float32. */
const ROUNDING = 1e-6;

/** Variances and studentised differences of all pairs. A thousand models of a thousand draws take about a second. */
export function pairStatistics({
  values,
  both,
  first,
  second,
  sizes,
}: PairedFamily): PairStatistics {
  const models = values.length;
  const drawn = [both, first, second].map((of) => of && drawnVariances(of));
  const size = models * models;
  const found = {
    models,
    variances: new Float64Array(size),
    t: new Float64Array(size),
    deviations: new Float64Array(size),
  };
  const correction = (n: number | undefined) => (n === undefined ? 1 : n / (n - 1));
  const [all, one, other] = drawn;
  const two =
    sizes?.second === undefined ? undefined : { first: sizes.first, second: sizes.second };
  for (let i = 0; i < models; i++) {
    for (let j = i + 1; j < models; j++) {
      const at = i * models + j;
      const joint = (all as Float64Array)[at];
      const variance =
        one && other
          ? twoFactorVariance({ both: joint, first: one[at], second: other[at] }, two)
          : joint * correction(sizes?.first);
      const rounding = ROUNDING * Math.max(Math.abs(values[i]), Math.abs(values[j]));
      const difference = Math.abs(values[i] - values[j]);
      const se = Math.sqrt(variance);
      const flat = se <= rounding;
      const t = !flat ? difference / se : difference <= rounding ? 0 : Number.POSITIVE_INFINITY;
      const below = j * models + i;
      found.variances[at] = found.variances[below] = flat ? 0 : variance;
      found.t[at] = found.t[below] = t;
      found.deviations[at] = found.deviations[below] = flat || !(joint > 0) ? 0 : Math.sqrt(joint);
    }
  }
  return found;
}

/** Variances (ddof 1) of the differences of all pairs of rows: upper half of a square. */
function drawnVariances(rows: readonly Float32Array[]): Float64Array {
  const models = rows.length;
  const draws = rows[0]?.length ?? 0;
  const whole = rows.map((row) => row.every(Number.isFinite));
  const products = crossProducts(centred(rows, whole), models, draws);
  const variances = new Float64Array(models * models);
  for (let i = 0; i < models; i++) {
    for (let j = i + 1; j < models; j++) {
      const at = i * models + j;
      variances[at] =
        whole[i] && whole[j]
          ? Math.max(0, products[i * models + i] + products[j * models + j] - 2 * products[at]) /
            (draws - 1)
          : partialVariance(rows[i], rows[j]);
    }
  }
  return variances;
}

/** Over the draws that both have; NaN where these are fewer than half. */
function partialVariance(a: Float32Array, b: Float32Array): number {
  const finite = Float64Array.from(a, (value, r) => value - b[r]).filter(Number.isFinite);
  return finite.length < Math.max(2, a.length / 2) ? Number.NaN : stdDdof1(finite) ** 2;
}

/** Rows less their means, one behind the other; zeros for those that are not whole. */
function centred(rows: readonly Float32Array[], whole: readonly boolean[]): Float64Array {
  const draws = rows[0]?.length ?? 0;
  const data = new Float64Array(rows.length * draws);
  rows.forEach((row, i) => {
    if (!whole[i]) return;
    let sum = 0;
    for (const value of row) sum += value;
    for (let r = 0; r < draws; r++) data[i * draws + r] = row[r] - sum / draws;
  });
  return data;
}

/** Products of all pairs of rows: upper half of a square. Two rows meet four at a time: a load serves several products. */
function crossProducts(data: Float64Array, models: number, draws: number): Float64Array {
  const products = new Float64Array(models * models);
  const single = (i: number, j: number) => {
    let sum = 0;
    for (let r = 0; r < draws; r++) sum += data[i * draws + r] * data[j * draws + r];
    products[i * models + j] = sum;
  };
  for (let i = 0; i < models; i += 2) {
    const pairEnd = Math.min(i + 2, models);
    for (let k = i; k < pairEnd; k++) for (let j = k; j < pairEnd; j++) single(k, j);
    let j = i + 2;
    for (; i + 1 < models && j + 4 <= models; j += 4) block(data, draws, i, j, products, models);
    for (; j < models; j++) for (let k = i; k < pairEnd; k++) single(k, j);
  }
  return products;
}

function block(
  data: Float64Array,
  draws: number,
  i: number,
  j: number,
  products: Float64Array,
  models: number,
): void {
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let b0 = 0;
  let b1 = 0;
  let b2 = 0;
  let b3 = 0;
  const x = i * draws;
  const y = x + draws;
  const from = j * draws;
  for (let r = 0; r < draws; r++) {
    const a = data[x + r];
    const b = data[y + r];
    const at = from + r;
    const c = data[at];
    const d = data[at + draws];
    const e = data[at + 2 * draws];
    const f = data[at + 3 * draws];
    a0 += a * c;
    a1 += a * d;
    a2 += a * e;
    a3 += a * f;
    b0 += b * c;
    b1 += b * d;
    b2 += b * e;
    b3 += b * f;
  }
  products.set([a0, a1, a2, a3], i * models + j);
  products.set([b0, b1, b2, b3], (i + 1) * models + j);
}

/** Width of a bin of studentised differences, and how many there are; the last one is open. */
const BIN = 1 / 8;
const BINS = 96;
const binOf = (t: number) => Math.min(BINS - 1, Math.floor(t / BIN));

/**
 * The quantile of the largest studentised deviation |D(r) − mean D| / sd(D) over pairs, as a function of which pairs are left:
 * those whose t is at most `most`. Pairs are visited once; what is left is put together from bins of t.
 */
export function largestDeviations(
  { both }: Pick<PairedFamily, 'both'>,
  { models, t, deviations }: PairStatistics,
): (most: number, level: number) => number {
  const draws = both[0]?.length ?? 0;
  const whole = both.map((row) => row.every(Number.isFinite));
  const data = centred(both, whole);
  const bins: (Float64Array | undefined)[] = new Array(BINS);
  const visit = (i: number, j: number, into: Float64Array) => {
    const scale = 1 / deviations[i * models + j];
    if (whole[i] && whole[j]) raise(into, data, i * draws, j * draws, scale);
    else raisePartly(into, both[i], both[j], scale);
  };
  const varies = (at: number) => deviations[at] > 0 && !Number.isNaN(t[at]);
  for (let i = 0; i < models; i++) {
    for (let j = i + 1; j < models; j++) {
      const at = i * models + j;
      if (!varies(at)) continue;
      const bin = binOf(t[at]);
      bins[bin] ??= new Float64Array(draws);
      visit(i, j, bins[bin]);
    }
  }
  return (most, level) => {
    const largest = new Float64Array(draws);
    const last = binOf(most);
    const before = most === Number.POSITIVE_INFINITY ? BINS : last;
    for (const bin of bins.slice(0, before))
      if (bin) for (let r = 0; r < draws; r++) if (bin[r] > largest[r]) largest[r] = bin[r];
    if (before < BINS && bins[last]) {
      for (let i = 0; i < models; i++) {
        for (let j = i + 1; j < models; j++) {
          const at = i * models + j;
          if (varies(at) && t[at] <= most && binOf(t[at]) === last) visit(i, j, largest);
        }
      }
    }
    return largest.every((value) => value === 0) ? 0 : percentile(largest, 100 * (1 - level));
  };
}

function raise(into: Float64Array, data: Float64Array, i: number, j: number, scale: number): void {
  const draws = into.length;
  for (let r = 0; r < draws; r++) {
    const deviation = Math.abs(data[i + r] - data[j + r]) * scale;
    if (deviation > into[r]) into[r] = deviation;
  }
}

function raisePartly(into: Float64Array, a: Float32Array, b: Float32Array, scale: number): void {
  const drawn = Float64Array.from(a, (value, r) => value - b[r]);
  const finite = drawn.filter(Number.isFinite);
  const centre = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  for (let r = 0; r < drawn.length; r++) {
    const deviation = Math.abs(drawn[r] - centre) * scale;
    if (deviation > into[r]) into[r] = deviation;
  }
}

import { stdDdof1 } from './bootstrap-error.js';
import { twoFactorVariance, type VarianceFloor } from './two-factor-variance.js';

/** Values of models with draws that are the same for all of them. */
export interface PairedFamily {
  readonly values: ArrayLike<number>;
  /** By model; NaN where a draw gave none. */
  readonly both: readonly Float32Array[];
  /** Of two factors each alone. */
  readonly first?: readonly Float32Array[];
  readonly second?: readonly Float32Array[];
  /** How many units each factor has, within a group; undefined where the draws are corrected already. */
  readonly sizes?: UnitSizes | undefined;
}

/** Units of one factor or of two, within a group. */
export interface UnitSizes {
  readonly first: number;
  readonly second?: number;
  /** What the variance of two is at least (see {@link VarianceFloor}); default `larger`. */
  readonly floor?: VarianceFloor | undefined;
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
  /** Variances of the drawn differences, of both factors and of each alone: upper halves of squares. */
  readonly drawn: readonly Float64Array[];
}

/** Statistics of a family that shares rows with another. */
export interface FormerPairs {
  readonly pairs: PairStatistics;
  /** Where each row of the new family stood; −1 where it is new (see {@link formerPlaces}). */
  readonly places: Int32Array;
}

/** Where each row of a family stood in a former one: the same arrays and the same value; −1 for the others. */
export function formerPlaces(family: PairedFamily, former: PairedFamily): Int32Array {
  const places = new Int32Array(family.values.length).fill(-1);
  const [a, b] = [family.sizes, former.sizes];
  if (a?.first !== b?.first || a?.second !== b?.second || a?.floor !== b?.floor) return places;
  const placeOf = new Map(former.both.map((row, i) => [row, i]));
  for (let i = 0; i < places.length; i++) {
    const place = placeOf.get(family.both[i]);
    if (place === undefined) continue;
    const same =
      former.values[place] === family.values[i] &&
      former.first?.[place] === family.first?.[i] &&
      former.second?.[place] === family.second?.[i];
    if (same) places[i] = place;
  }
  return places;
}

/** A standard error this small beside the values is rounding: draws are kept in float32. */
const ROUNDING = 1e-6;

/**
 * Variances and studentised differences of all pairs. A thousand models of a thousand draws take about a second.
 * @param former of a family of mostly the same rows, whose variances are taken over
 */
export function pairStatistics(
  { values, both, first, second, sizes }: PairedFamily,
  former?: FormerPairs,
): PairStatistics {
  const models = values.length;
  const drawn = [both, first, second].flatMap((of, factor) => {
    const known = former?.pairs.drawn[factor];
    return of ? [known ? renewedVariances(of, known, former) : drawnVariances(of)] : [];
  });
  const size = models * models;
  const found = {
    models,
    variances: new Float64Array(size),
    t: new Float64Array(size),
    deviations: new Float64Array(size),
    drawn,
  };
  const correction = (n: number | undefined) => (n === undefined ? 1 : n / (n - 1));
  const [all, one, other] = drawn;
  const two = sizes?.second === undefined ? undefined : { ...sizes, second: sizes.second };
  for (let i = 0; i < models; i++) {
    for (let j = i + 1; j < models; j++) {
      const at = i * models + j;
      const joint = all[at];
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

/** The same, of which most are known. The sums are those of {@link drawnVariances}, to the last bit. */
function renewedVariances(
  rows: readonly Float32Array[],
  known: Float64Array,
  { pairs, places }: FormerPairs,
): Float64Array {
  const models = rows.length;
  const draws = rows[0]?.length ?? 0;
  const whole = rows.map((row) => row.every(Number.isFinite));
  const data = centred(rows, whole);
  const squares = Float64Array.from(rows, (_, i) => product(data, draws, i, i));
  const variances = new Float64Array(models * models);
  for (let i = 0; i < models; i++) {
    for (let j = i + 1; j < models; j++) {
      const [a, b] = [Math.min(places[i], places[j]), Math.max(places[i], places[j])];
      variances[i * models + j] =
        a >= 0 && a !== b
          ? known[a * pairs.models + b]
          : whole[i] && whole[j]
            ? Math.max(0, squares[i] + squares[j] - 2 * product(data, draws, i, j)) / (draws - 1)
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
export function centred(rows: readonly Float32Array[], whole: readonly boolean[]): Float64Array {
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
    products[i * models + j] = product(data, draws, i, j);
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

function product(data: Float64Array, draws: number, i: number, j: number): number {
  let sum = 0;
  for (let r = 0; r < draws; r++) sum += data[i * draws + r] * data[j * draws + r];
  return sum;
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

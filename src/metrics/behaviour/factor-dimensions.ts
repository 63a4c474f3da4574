/**
 * Factor dimensionality: how many dimensions of a layer follow the shape, and how many the texture, of stimuli that combine
 * both (Islam et al. 2021; Brain-Score vision `benchmarks/islam2021`, `metrics/dimensionality`; spec Appendix C).
 */
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { columnBlocks } from '../../numerics/algebra/column-blocks.js';
import type { Features } from '../../numerics/algebra/features.js';
import { PythonRandom } from '../../numerics/random/python-random.js';
import type { MetricDefinition } from '../metric.js';

/** What stays the same within a pair of stimuli. */
export const FACTORS = ['shape', 'texture'] as const;

/** A factor, or what no factor explains. */
export type Factor = (typeof FACTORS)[number] | 'residual';

/** What each stimulus shows. */
export interface FactorStimuli {
  readonly shape: readonly string[];
  readonly texture: readonly string[];
  /** The image that was given a texture: equal for stimuli of one shape in other textures. */
  readonly original: readonly string[];
}

/** Two stimuli (rows) that agree in a factor. */
export interface FactorPair {
  readonly row: number;
  readonly factor: (typeof FACTORS)[number];
  readonly partner: number;
}

/**
 * A partner for each stimulus, by Python's `random.Random(seed)`: of the same original in another texture, or of the same texture and another
 * shape. The factor is drawn for each stimulus.
 * @throws VentralError `stimuli-mismatch` where no stimulus can be the partner
 */
export function factorPairs(stimuli: FactorStimuli, seed: number): FactorPair[] {
  const random = new PythonRandom(seed);
  const { shape, texture, original } = stimuli;
  const [shapes, textures] = [shape, texture].map((names) => [...new Set(names)].sort());
  const byOriginal = positions(original.map((name, row) => key(name, texture[row])));
  const byShape = positions(texture.map((name, row) => key(name, shape[row])));
  return shape.map((_, row) => {
    const factor = random.choice(FACTORS);
    const [others, own, held, found] =
      factor === 'shape'
        ? ([textures, texture[row], original[row], byOriginal] as const)
        : ([shapes, shape[row], texture[row], byShape] as const);
    const other = others.filter((name) => name !== own);
    if (other.length === 0) throw alone(factor === 'shape' ? 'texture' : 'shape');
    const name = random.choice(other);
    const candidates = found.get(key(held, name));
    if (candidates === undefined) throw lacking(factor, held, name);
    // Of one original there is one stimulus a texture, and none is drawn.
    return { row, factor, partner: factor === 'shape' ? candidates[0] : random.choice(candidates) };
  });
}

const key = (a: string, b: string) => JSON.stringify([a, b]);

function positions(names: readonly string[]): ReadonlyMap<string, number[]> {
  const found = new Map<string, number[]>();
  names.forEach((name, row) => {
    const known = found.get(name);
    if (known) known.push(row);
    else found.set(name, [row]);
  });
  return found;
}

const alone = (column: string) =>
  new VentralError(
    'stimuli-mismatch',
    `Pairs that differ in ${column} need at least two values of it, found one`,
    { field: column, expected: 'at least 2 values', found: '1' },
  );

function lacking(factor: string, held: string, name: string): VentralError {
  const wanted =
    factor === 'shape'
      ? `original_image_id ${quoted(held)} with the texture ${quoted(name)}`
      : `texture ${quoted(held)} with the shape ${quoted(name)}`;
  return new VentralError('stimuli-mismatch', `There is no stimulus of ${wanted}`, {
    field: 'stimuli',
    expected: 'every pair of factors',
    found: 'none',
  });
}

/** What a layer gives for pairs: summed over units. */
export interface PairSums {
  readonly units: number;
  /** Product of the centred activations of each pair. */
  readonly products: Float64Array;
  /** Mean of their squared distances from the mean over all pairs. */
  readonly squares: Float64Array;
}

/**
 * Sums over the units of a layer (stimulus × unit): products of each pair around the mean of its factor, and its squares around the mean of
 * all. The original takes units in place of stimuli where a model gives stimulus × unit; these are stimuli.
 */
export async function pairSums(
  features: Features,
  pairs: readonly FactorPair[],
): Promise<PairSums> {
  const products = new Float64Array(pairs.length);
  const squares = new Float64Array(pairs.length);
  for (const [from, to] of columnBlocks(features)) {
    const block = { values: await features.columns(from, to), width: to - from };
    const centres = FACTORS.map((factor) =>
      centresOf(
        block,
        pairs.filter((pair) => pair.factor === factor),
      ),
    );
    const all = centresOf(block, pairs);
    pairs.forEach(({ row, partner, factor }, i) => {
      const centre = centres[FACTORS.indexOf(factor)];
      products[i] += productOf(block, row, partner, centre);
      squares[i] += (productOf(block, row, row, all) + productOf(block, partner, partner, all)) / 2;
    });
  }
  return { units: features.cols, products, squares };
}

/** Some columns of all rows. */
interface Block {
  readonly values: Float32Array | Float64Array;
  readonly width: number;
}

/** Mean of each unit over both stimuli of the pairs. */
function centresOf({ values, width }: Block, pairs: readonly FactorPair[]): Float64Array {
  const sums = new Float64Array(width);
  for (const { row, partner } of pairs)
    for (let unit = 0; unit < width; unit++)
      sums[unit] += values[row * width + unit] + values[partner * width + unit];
  return sums.map((sum) => sum / (2 * pairs.length));
}

/** Σ over units of (a − m)(b − m) of two rows. */
function productOf({ values, width }: Block, a: number, b: number, centre: Float64Array): number {
  let sum = 0;
  for (let unit = 0; unit < width; unit++)
    sum += (values[a * width + unit] - centre[unit]) * (values[b * width + unit] - centre[unit]);
  return sum;
}

/** Covariance of the pairs of a factor as a share of the variance, for some pairs (positions, with repeats). */
export function factorShares(
  { products, squares }: PairSums,
  pairs: readonly FactorPair[],
  drawn: readonly number[] = [...pairs.keys()],
): number[] {
  let variance = 0;
  for (const i of drawn) variance += squares[i];
  variance /= drawn.length;
  return FACTORS.map((factor) => {
    let [sum, count] = [0, 0];
    for (const i of drawn) {
      if (pairs[i].factor !== factor) continue;
      sum += products[i];
      count++;
    }
    return sum / count / variance;
  });
}

/**
 * The share of the units that follows a factor: ⌊softmax · units⌋ / units over the shares of the factors and a
 * residual of 1, which takes the rest.
 */
export function dimensionShare(shares: readonly number[], units: number, factor: Factor): number {
  const powers = [...shares, 1].map(Math.exp);
  const total = powers.reduce((sum, power) => sum + power, 0);
  const dimensions = powers.slice(0, -1).map((power) => Math.floor((power / total) * units));
  if (factor !== 'residual') return dimensions[FACTORS.indexOf(factor)] / units;
  return (units - dimensions.reduce((sum, count) => sum + count, 0)) / units;
}

/** The metric `factor-dimensions`. */
export const factorDimensionsMetric: MetricDefinition & { readonly kind: 'factors' } = {
  kind: 'factors',
  version: 1,
  defaults: { seed: 1751 },
  required: ['factor'],
  normalisation: 'raw',
  text: {
    name: 'Dimensionality of a factor',
    words:
      'The share of a layer’s dimensions that follow the shape, the texture, or neither, of stimuli that combine both; it is not compared with recordings.',
    raw: 'share of dimensions',
  },
};

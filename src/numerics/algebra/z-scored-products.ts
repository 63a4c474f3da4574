import { gramBlockWidth } from './block-width.js';
import { denseFeatures, type Features } from './features.js';
import { matmul, widenedProduct } from './gemm.js';
import { GramSum } from './gram.js';
import { type Matrix, matrix } from './matrix.js';
import { fitScaler, type Scaler, scaled } from './standard-scaler.js';

/** Products of z-scored rows in float64. */
export interface ZScoredProducts {
  /** fitting row × fitting row */
  readonly fitting: Matrix;
  /** test row × fitting row */
  readonly cross: Matrix;
}

/**
 * Products of rows from which the mean of the fitting rows is taken, column by column: all that principal components of wide
 * features need. Values are float64 from the subtraction on; memory is one block of either set beside the result.
 */
export async function centredProducts(fitting: Features, test: Features): Promise<ZScoredProducts> {
  return scaledProducts(inFloat64(fitting), inFloat64(test), async (known) => {
    const scaler = await fitScaler(known);
    return { ...scaler, scale: scaler.scale.fill(1) };
  });
}

const inFloat64 = (features: Features): Features => ({
  ...features,
  dtype: 'float64',
  columns: async (from, to) => Float64Array.from(await features.columns(from, to)),
});

/**
 * The products that a read-out needs of wide features (spec §2.7): each column of both sets is z-scored
 * by the moments of the fitting set, as standard-scaler.ts does it. One walk over the columns; memory is
 * one block of either set beside the result.
 */
export async function zScoredProducts(fitting: Features, test: Features): Promise<ZScoredProducts> {
  return scaledProducts(fitting, test, fitScaler);
}

async function scaledProducts(
  fitting: Features,
  test: Features,
  momentsOf: (features: Features) => Promise<Scaler>,
): Promise<ZScoredProducts> {
  const own = new GramSum(fitting.rows);
  const cross = matrix(test.rows, fitting.rows);
  const width = gramBlockWidth(fitting.rows);
  for (let from = 0; from < fitting.cols; from += width) {
    const to = Math.min(fitting.cols, from + width);
    const known = await columnBlock(fitting, from, to);
    const scaler = await momentsOf(known);
    const z = await columnBlock(scaled(known, scaler), 0, to - from);
    await own.add(await z.columns(0, z.cols), 'as is');
    const probe = scaled(await columnBlock(test, from, to), scaler);
    addInto(cross.data, (await crossProducts(probe, z)).data);
  }
  return { fitting: own.finish(), cross };
}

/** Some columns, read once, as features of their own. */
async function columnBlock(features: Features, from: number, to: number): Promise<Features> {
  return denseFeatures(features.rows, to - from, await features.columns(from, to));
}

/** a bᵀ of features narrow enough to are in memory. */
async function crossProducts(a: Features, b: Features): Promise<Matrix> {
  const [x, y] = [await a.columns(0, a.cols), await b.columns(0, b.cols)];
  if (x instanceof Float32Array && y instanceof Float32Array) return widenedProduct(x, y, a.cols);
  return matmul(float64(a, x), float64(b, y), { transposeB: true });
}

function float64({ rows, cols }: Features, values: Float32Array | Float64Array): Matrix {
  return matrix(rows, cols, values instanceof Float64Array ? values : Float64Array.from(values));
}

/** Apart from the asynchronous loop, where the engine does not optimise it. */
function addInto(sum: Float64Array, part: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += part[i];
}

/**
 * Ridge regression with a free intercept where neither the products of the training rows nor those of the units fit memory
 * (spec §1.10): the smaller of the two is made in tiles, factored there, and the features are read by column blocks. The
 * arithmetic depends on the shape alone, not on where the tiles are kept.
 */

import { type ColumnSource, setColumns } from '../algebra/column-source.js';
import type { Features } from '../algebra/features.js';
import { matmul } from '../algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../algebra/matrix.js';
import { tiledCholesky, tiledForwardSolve, tiledSolve } from '../algebra/tiled-cholesky.js';
import {
  type TiledMatrix,
  type Tiles,
  tileBounds,
  tileBytes,
  tileCount,
} from '../algebra/tiles.js';
import { shiftColumns } from './ridge.js';

/** Where tiles are kept, and how many at once. */
export interface TiledRoom {
  /** Opens the tiles of one more matrix of that many bytes. */
  open(bytes: number): Tiles;
  /** Bytes that sums of products may take while the features are read once. */
  readonly sums: number;
  /** Told now and then; throws to end the work. */
  readonly step?: () => void;
}

/** What is solved over: products of training rows, or of units. */
export type RidgeForm = 'dual' | 'primal';

/** How a regression of this shape is computed. */
export interface RidgeTiling {
  readonly form: RidgeForm;
  /** Rows of the matrix that is factored. */
  readonly order: number;
  readonly size: number;
  /** Columns of the features that are read at once. */
  readonly width: number;
}

/** Rows of a tile: its products take far longer than adding them up. */
const TILE = 1024;
/** Values of the training rows in one block: 128 MiB of float64. */
const BLOCK_VALUES = 1 << 24;

/** The tiling of a shape; a smaller `tile` is for tests. */
export function ridgeTiling(
  { rows, units }: { readonly rows: number; readonly units: number },
  tile = TILE,
): RidgeTiling {
  const width = Math.max(1, Math.min(tile, Math.floor(BLOCK_VALUES / rows)));
  return units < rows
    ? { form: 'primal', order: units, size: width, width }
    : { form: 'dual', order: rows, size: tile, width };
}

/** Features, the rows of them that are fitted on, and the tiling of their shape. */
export interface TiledSource {
  readonly features: Features;
  readonly train: readonly number[];
  readonly tiling: RidgeTiling;
}

/** A regression with one penalty, whatever the targets. Close it when done. */
export interface TiledRidge {
  /** Predictions (test row × target) for targets (training row × target). */
  predict(test: readonly number[], y: ColumnSource): Promise<Matrix>;
  close(): void;
}

/** Factors the products of the features with one penalty. */
export async function tiledRidge(
  source: TiledSource,
  alpha: number,
  room: TiledRoom,
): Promise<TiledRidge> {
  const { tiling } = source;
  const factor: TiledMatrix = { ...tiling, tiles: room.open(tileBytes(tiling)) };
  await products(source, factor, room);
  await addToDiagonal(factor, alpha);
  if (!(await tiledCholesky(factor, room.step)))
    throw new RangeError(`The products plus ${alpha} are not positive definite`);
  return {
    async predict(test, y) {
      const predicted = matrix(test.length, y.cols);
      const most = Math.max(1, Math.floor(BLOCK_VALUES / y.rows));
      const fitted = { source, factor, room };
      const cross = isCrossed(tiling, test, y)
        ? await crossProducts(source, test, room)
        : undefined;
      for (let from = 0; from < y.cols; from += most) {
        const some = y.columns(from, Math.min(y.cols, from + most));
        const values = cross
          ? await predictCrossed(fitted, cross, some)
          : await predictSome(fitted, test, some);
        setColumns(predicted, from, values);
      }
      return predicted;
    },
    close: () => factor.tiles.close(),
  };
}

interface Fitted {
  readonly source: TiledSource;
  readonly factor: TiledMatrix;
  readonly room: TiledRoom;
}

/** Whether products of test rows with training rows take less than a weight of each unit for each target. */
const isCrossed = ({ form }: RidgeTiling, test: readonly number[], y: ColumnSource): boolean =>
  form === 'dual' && test.length < y.cols && test.length * y.rows <= BLOCK_VALUES;

/** test row × training row */
async function crossProducts(
  source: TiledSource,
  test: readonly number[],
  room: TiledRoom,
): Promise<Matrix> {
  const sum = matrix(test.length, source.train.length);
  for await (const { x, probe } of blocksOf(source, test)) {
    room.step?.();
    addInto(sum.data, (await matmul(probe, x, { transposeB: true })).data);
  }
  return sum;
}

async function predictCrossed({ factor }: Fitted, cross: Matrix, y: Matrix): Promise<Matrix> {
  const means = columnMeans(y);
  const solved = await tiledSolve(factor, shiftColumns(y, means, -1));
  return shiftColumns(await matmul(cross, solved), means, 1);
}

async function predictSome(
  { source, factor, room }: Fitted,
  test: readonly number[],
  y: Matrix,
): Promise<Matrix> {
  const means = columnMeans(y);
  const centred = shiftColumns(y, means, -1);
  const dual = source.tiling.form === 'dual';
  const solved = await tiledSolve(factor, dual ? centred : await pulled(source, centred, room));
  const sum = matrix(test.length, y.cols);
  for await (const { from, to, x, probe } of blocksOf(source, test)) {
    room.step?.();
    const weights = dual
      ? await matmul(x, solved, { transposeA: true })
      : matrix(to - from, y.cols, solved.data.subarray(from * y.cols, to * y.cols));
    addInto(sum.data, (await matmul(probe, weights)).data);
  }
  return shiftColumns(sum, means, 1);
}

/** Xᵀ Y */
async function pulled(source: TiledSource, y: Matrix, room: TiledRoom): Promise<Matrix> {
  const all = matrix(source.features.cols, y.cols);
  for await (const { from, x } of blocksOf(source, [])) {
    room.step?.();
    all.data.set((await matmul(x, y, { transposeA: true })).data, from * y.cols);
  }
  return all;
}

/** The penalties to choose from, and the targets of each choice (training row × target). */
export interface Choices {
  readonly alphas: readonly number[];
  readonly targets: readonly ColumnSource[];
}

/**
 * For each set of targets the penalty whose leave-one-out predictions are nearest, as `penaltyChoice` has it: the products
 * of the training rows are made once, and factored for each penalty, since only that takes no more than their tiles. The
 * tiling must be that of the dual form.
 */
export async function tiledPenalties(
  source: TiledSource,
  { alphas, targets }: Choices,
  room: TiledRoom,
): Promise<number[]> {
  const { tiling } = source;
  const [kernel, work] = [0, 1].map(
    (): TiledMatrix => ({ ...tiling, tiles: room.open(tileBytes(tiling)) }),
  );
  await products(source, kernel, room);
  const total = await trace(kernel);
  // Along the vector of ones, on which the intercept is not penalised, next to nothing is left of the inverse.
  const lift = (total > 0 ? 2 * total : 1) / tiling.order;
  const best = targets.map(() => ({ alpha: alphas[0], error: Number.POSITIVE_INFINITY }));
  for (const [index, alpha] of alphas.entries()) {
    await copyShifted(kernel, work, lift);
    await addToDiagonal(work, alpha);
    if (!(await tiledCholesky(work, room.step)))
      throw new RangeError(`The kernel plus ${alpha} is not positive definite`);
    const leverage = await inverseDiagonal(work, room);
    for (let i = 0; i < leverage.length; i++)
      leverage[i] -= 1 / tiling.order / (lift * tiling.order + alpha);
    for (const [k, y] of targets.entries()) {
      let error = 0;
      const most = Math.max(1, Math.floor(BLOCK_VALUES / y.rows));
      for (let from = 0; from < y.cols; from += most) {
        room.step?.();
        const some = y.columns(from, Math.min(y.cols, from + most));
        const residual = await tiledSolve(work, shiftColumns(some, columnMeans(some), -1));
        error += squaredShares(residual, leverage);
      }
      if (index === 0 || error < best[k].error) best[k] = { alpha, error };
    }
  }
  for (const { tiles } of [kernel, work]) tiles.close();
  return best.map(({ alpha }) => alpha);
}

function squaredShares({ cols, data }: Matrix, of: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] / of[Math.floor(i / cols)]) ** 2;
  return sum;
}

/** The diagonal of (L Lᵀ)⁻¹: squared lengths of the columns of L⁻¹. */
async function inverseDiagonal(factor: TiledMatrix, room: TiledRoom): Promise<Float64Array> {
  const diagonal = new Float64Array(factor.order);
  for (let tile = 0; tile < tileCount(factor); tile++) {
    room.step?.();
    const [from, to] = tileBounds(factor, tile);
    const unit = matrix(factor.order, to - from);
    for (let k = from; k < to; k++) unit.data[k * unit.cols + k - from] = 1;
    const { data } = await tiledForwardSolve(factor, unit, tile);
    for (let i = from * unit.cols; i < data.length; i++)
      diagonal[from + (i % unit.cols)] += data[i] ** 2;
  }
  return diagonal;
}

/** The products of the centred training rows, or of the units over them. */
async function products(source: TiledSource, into: TiledMatrix, room: TiledRoom): Promise<void> {
  if (source.tiling.form === 'dual') return productsOfRows(source, into, room);
  for await (const { x: right, index: col } of blocksOf(source, []))
    for await (const { x: left, index: row } of blocksOf(source, [], col)) {
      room.step?.();
      await into.tiles.write(row, col, (await matmul(left, right, { transposeA: true })).data);
    }
}

/** As many tiles as there is room for are summed up while the features are read once. */
async function productsOfRows(
  source: TiledSource,
  into: TiledMatrix,
  room: TiledRoom,
): Promise<void> {
  const count = tileCount(into);
  const places = Array.from({ length: count }, (_, row) =>
    Array.from({ length: row + 1 }, (_, col) => [row, col] as const),
  ).flat();
  const most = Math.max(1, Math.floor(room.sums / (8 * into.size ** 2)));
  for (let start = 0; start < places.length; start += most) {
    const some = places.slice(start, start + most);
    const sums: (Float64Array | undefined)[] = some.map(() => undefined);
    for await (const { x } of blocksOf(source, [])) {
      room.step?.();
      const rows = (index: number) => {
        const [from, to] = tileBounds(into, index);
        return matrix(to - from, x.cols, x.data.subarray(from * x.cols, to * x.cols));
      };
      for (const [k, [row, col]] of some.entries()) {
        const { data } = await matmul(rows(row), rows(col), { transposeB: true });
        const sum = sums[k];
        if (sum) addInto(sum, data);
        else sums[k] = data;
      }
    }
    for (const [k, [row, col]] of some.entries())
      await into.tiles.write(row, col, sums[k] as Float64Array);
  }
}

/** Some columns: the training rows and rows to predict, both without the means of the training rows. */
interface Block {
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly x: Matrix;
  readonly probe: Matrix;
}

async function* blocksOf(
  { features, train, tiling: { width } }: TiledSource,
  test: readonly number[],
  first = 0,
): AsyncGenerator<Block> {
  for (let from = first * width; from < features.cols; from += width) {
    const to = Math.min(features.cols, from + width);
    const block = await features.columns(from, to);
    const x = picked(block, train, to - from);
    const means = columnMeans(x);
    centre(x, means);
    const probe = picked(block, test, to - from);
    centre(probe, means);
    yield { index: from / width, from, to, x, probe };
  }
}

function picked(block: Float32Array | Float64Array, rows: readonly number[], width: number) {
  const some = matrix(rows.length, width);
  rows.forEach((row, i) => {
    some.data.set(block.subarray(row * width, (row + 1) * width), i * width);
  });
  return some;
}

function centre({ rows, cols, data }: Matrix, means: Float64Array): void {
  for (let row = 0, i = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) data[i++] -= means[col];
}

async function addToDiagonal(a: TiledMatrix, alpha: number): Promise<void> {
  for (let k = 0; k < tileCount(a); k++) {
    const tile = (await a.tiles.read(k, k)).slice();
    const step = Math.sqrt(tile.length) + 1;
    for (let i = 0; i < tile.length; i += step) tile[i] += alpha;
    await a.tiles.write(k, k, tile);
  }
}

async function trace(a: TiledMatrix): Promise<number> {
  let sum = 0;
  for (let k = 0; k < tileCount(a); k++) {
    const tile = await a.tiles.read(k, k);
    const step = Math.sqrt(tile.length) + 1;
    for (let i = 0; i < tile.length; i += step) sum += tile[i];
  }
  return sum;
}

async function copyShifted(from: TiledMatrix, to: TiledMatrix, by: number): Promise<void> {
  for (let row = 0; row < tileCount(from); row++)
    for (let col = 0; col <= row; col++)
      await to.tiles.write(
        row,
        col,
        (await from.tiles.read(row, col)).map((value) => value + by),
      );
}

/** Apart from the asynchronous loops, where the engine does not optimise it. */
function addInto(sum: Float64Array, part: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += part[i];
}

import { defaultThreads, Session, type Tensor } from '../../runtime/session.js';
import { type Matrix, matrix } from './matrix.js';
import {
  gramTileGraph,
  productGraph,
  tileName,
  upperTiles,
  widenedProductGraph,
} from './product-graph.js';

/** Sessions by kind of product; they hold no weights and live as long as the process. */
const sessions = new Map<string, Promise<Session>>();

/** Multiplications below which a second thread costs more to wake than it takes over. */
const ONE_THREAD = 5e7;

function session(kind: string, work: number, graph: () => Uint8Array): Promise<Session> {
  const threads = work < ONE_THREAD ? 1 : defaultThreads();
  const key = `${kind} ${threads}`;
  let open = sessions.get(key);
  if (!open) {
    open = Session.open(graph(), { name: `the ${kind} graph`, threads, spinning: false });
    sessions.set(key, open);
  }
  return open;
}

/** Which factor of a product is transposed. */
export interface Transposes {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/**
 * The matrix product op(A) op(B) in float64, computed by ONNX Runtime; op transposes where asked.
 * @throws RangeError where the inner dimensions differ
 */
export async function matmul(a: Matrix, b: Matrix, transposes: Transposes = {}): Promise<Matrix> {
  const { transposeA = false, transposeB = false } = transposes;
  const [rows, inner] = transposeA ? [a.cols, a.rows] : [a.rows, a.cols];
  const [innerB, cols] = transposeB ? [b.cols, b.rows] : [b.rows, b.cols];
  if (inner !== innerB)
    throw new RangeError(`${rows} × ${inner} and ${innerB} × ${cols} cannot be multiplied`);
  if (rows * cols * inner === 0) return matrix(rows, cols);
  const kind = `product ${transposeA} ${transposeB}`;
  const product = await session(kind, rows * cols * inner, () =>
    productGraph(transposeA, transposeB),
  );
  const found = matrix(rows, cols);
  await product.run({ A: tensor(a), B: tensor(b) }, { C: tensor(found) });
  return found;
}

/** Results are written where they stay: memory of the runtime's own would be kept by its sessions, and be copied. */
const tensor = ({ rows, cols, data }: Matrix) =>
  ({ dtype: 'float64', dims: [rows, cols], data }) as const;

/** A tile of a symmetric product: its place among tiles, at or right of the diagonal, and its values. */
export type Tile = readonly [above: number, across: number, values: Float64Array];

/** Room for the tiles of a symmetric matrix whose rows fall into tiles of `heights`. */
export const tilesOf = (heights: readonly number[]): Tile[] =>
  upperTiles(heights.length).map(
    ([above, across]): Tile => [above, across, new Float64Array(heights[above] * heights[across])],
  );

/**
 * The tiles of A Aᵀ on and above the diagonal in float64, of a row-major block whose rows fall into tiles
 * of `heights`. float32 is widened inside the graph: no float64 copy of the block is made in JavaScript.
 * `centred` takes the mean over the rows from each column first.
 */
export async function gramTiles(
  block: Float32Array | Float64Array,
  heights: readonly number[],
  { form, tiles }: { readonly form: 'as is' | 'centred'; readonly tiles: readonly Tile[] },
): Promise<void> {
  const rows = heights.reduce((sum, height) => sum + height);
  const width = block.length / rows;
  const dtype = block instanceof Float32Array ? 'float32' : 'float64';
  const product = await session(`gram ${form} ${dtype} ${rows}`, rows * rows * width, () =>
    gramTileGraph(heights, { dtype, centred: form === 'centred' }),
  );
  const outputs = tiles.map(([above, across, values]) => [
    tileName(above, across),
    tensor(matrix(heights[above], heights[across], values)),
  ]);
  await product.run(
    { A: { dtype, dims: [rows, width], data: block } },
    Object.fromEntries(outputs) as Record<string, Tensor>,
  );
}

/**
 * A Bᵀ in float64 of row-major float32 blocks of `width` columns, widened inside the graph as in
 * {@link gramTiles}.
 */
export async function widenedProduct(
  a: Float32Array,
  b: Float32Array,
  width: number,
): Promise<Matrix> {
  const [rows, cols] = [a.length / width, b.length / width];
  const product = await session('widened product', rows * cols * width, widenedProductGraph);
  const found = matrix(rows, cols);
  await product.run(
    {
      A: { dtype: 'float32', dims: [rows, width], data: a },
      B: { dtype: 'float32', dims: [cols, width], data: b },
    },
    { C: tensor(found) },
  );
  return found;
}

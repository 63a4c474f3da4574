import { Session } from '../runtime/session.js';
import { type Matrix, matrix } from './matrix.js';
import { productGraph, widenedProductGraph } from './product-graph.js';

/** Sessions by kind of product; they hold no weights and live as long as the process. */
const sessions = new Map<string, Promise<Session>>();

function session(kind: string, graph: () => Uint8Array): Promise<Session> {
  let open = sessions.get(kind);
  if (!open) {
    open = Session.open(graph(), { name: `the ${kind} graph` });
    sessions.set(kind, open);
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
 * Throws RangeError where the inner dimensions differ.
 */
export async function matmul(a: Matrix, b: Matrix, transposes: Transposes = {}): Promise<Matrix> {
  const { transposeA = false, transposeB = false } = transposes;
  const [rows, inner] = transposeA ? [a.cols, a.rows] : [a.rows, a.cols];
  const [innerB, cols] = transposeB ? [b.cols, b.rows] : [b.rows, b.cols];
  if (inner !== innerB)
    throw new RangeError(`${rows} × ${inner} times ${innerB} × ${cols} is no product`);
  if (rows * cols * inner === 0) return matrix(rows, cols);
  const product = await session(`product ${transposeA} ${transposeB}`, () =>
    productGraph(transposeA, transposeB),
  );
  const { C } = await product.run({
    A: { dtype: 'float64', dims: [a.rows, a.cols], data: a.data },
    B: { dtype: 'float64', dims: [b.rows, b.cols], data: b.data },
  });
  return matrix(rows, cols, C.data as Float64Array);
}

/**
 * A Bᵀ in float64 of row-major float32 blocks `a` (rows × inner) and `b`, widened inside the graph:
 * no float64 copy of either is made in JavaScript.
 */
export async function widenedProduct(
  a: Float32Array,
  b: Float32Array,
  inner: number,
): Promise<Matrix> {
  const rows = a.length / inner;
  const cols = b.length / inner;
  const product = await session('widened product', widenedProductGraph);
  const { C } = await product.run({
    A: { dtype: 'float32', dims: [rows, inner], data: a },
    B: { dtype: 'float32', dims: [cols, inner], data: b },
  });
  return matrix(rows, cols, C.data as Float64Array);
}

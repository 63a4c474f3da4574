import type { StaticGraph, Value } from '../graph/static-graph.js';

/** A product with one side transposed, which the runtime's own operator need not write out. */
export function transposedProduct(
  graph: StaticGraph,
  a: Value,
  b: Value,
  dims: readonly number[],
  side: 'transA' | 'transB',
): Value {
  if (!graph.portable)
    return graph.emit('FusedMatMul', [a, b], dims, { [side]: { int: 1 } }, 'com.microsoft');
  const swap = (value: Value) => graph.transpose(value, [0, 2, 1]);
  const [left, right] = side === 'transA' ? [swap(a), b] : [a, swap(b)];
  return graph.emit('MatMul', [left, right], dims);
}

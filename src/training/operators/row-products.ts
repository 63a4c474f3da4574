import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';

/** Fewer values a row are multiplied and summed quicker one by one. */
const LEAST = 100;

/**
 * Σ a·b over all axes behind the first two: products of rows are three times as quick as a product and its sum.
 * @returns [N, C]
 */
export function rowProduct(graph: StaticGraph, a: Value, b: Value): Value {
  const [count, channels, ...rest] = a.dims;
  const places = sizeOf(rest);
  if (graph.portable || places < LEAST)
    return graph.sum(
      graph.multiply(a, b),
      rest.map((_, axis) => axis + 2),
    );
  const [left, right] = [a, b].map((value) => graph.reshape(value, [count * channels, 1, places]));
  const transB = { transB: { int: 1 } };
  const dims = [count * channels, 1, 1];
  const product = graph.emit('FusedMatMul', [left, right], dims, transB, 'com.microsoft');
  return graph.reshape(product, [count, channels]);
}

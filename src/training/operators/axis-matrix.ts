import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';

/**
 * Operators that are linear along each axis by itself, such as Resize: their matrix for an axis is what they make of
 * the unit matrix, so that the gradient follows the runtime's own rules of rounding and of borders.
 */

/** The unit matrix of these many rows. */
export const unitMatrix = (graph: StaticGraph, size: number): Value =>
  graph.constant(
    [size, size],
    Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
  );

/**
 * Takes the gradient back along one axis: Σ over the places of the output of gradient · matrix.
 * @param matrix [places of the input, places of the output]
 */
export function alongAxis(graph: StaticGraph, gradient: Value, axis: number, matrix: Value): Value {
  const { dims } = gradient;
  const [before, after] = [dims.slice(0, axis), dims.slice(axis + 1)];
  const [inputs, outputs] = matrix.dims;
  const whole = [...before, inputs, ...after];
  if (sizeOf(after) === 1) {
    const rows = graph.reshape(gradient, [sizeOf(before), outputs]);
    const turned = graph.transpose(matrix, [1, 0]);
    const found = graph.emit('MatMul', [rows, turned], [sizeOf(before), inputs]);
    return graph.reshape(found, whole);
  }
  const flat = graph.reshape(gradient, [sizeOf(before), outputs, sizeOf(after)]);
  const found = graph.emit('MatMul', [matrix, flat], [sizeOf(before), inputs, sizeOf(after)]);
  return graph.reshape(found, whole);
}

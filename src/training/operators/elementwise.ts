import { broadcast, type StaticGraph, type Value } from '../graph/static-graph.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';
import { rowProduct } from './row-products.js';

/** Arithmetic of two tensors, which broadcast, and of one. */

/** How the gradient reaches each side before what broadcasting spread is summed. */
type Sides = (
  graph: StaticGraph,
  gradient: Value,
  call: OperatorCall,
) => readonly [() => Value, () => Value];

const binary = (sides: Sides): Operator => ({
  shapes: (call) => [broadcast(call.input(0).dims, call.input(1).dims)],
  gradients: (call, gradient, wanted, graph) =>
    sides(graph, gradient, call).map((side, i) =>
      wanted[i] ? graph.sumTo(side(), call.input(i).dims) : undefined,
    ),
});

/** An operator of one tensor, by what its gradient is multiplied with. */
export const unary = (slope: (call: OperatorCall, graph: StaticGraph) => Value): Operator => ({
  shapes: (call) => [call.input(0).dims],
  gradients: (call, gradient, [wanted], graph) => [
    wanted ? graph.multiply(gradient, slope(call, graph)) : undefined,
  ],
});

const negative = (graph: StaticGraph, value: Value) => graph.emit('Neg', [value], value.dims);

/** Σ dy·b over what broadcasting spread a by: for gates of channels without writing the product out. */
function productGradient(graph: StaticGraph, gradient: Value, other: Value, side: Value): Value {
  const { dims } = gradient;
  const gate =
    dims.length > 2 && side.dims.length === dims.length && String(other.dims) === String(dims);
  if (gate && side.dims.every((size, axis) => size === (axis < 2 ? dims[axis] : 1)))
    return graph.reshape(rowProduct(graph, gradient, other), side.dims);
  return graph.sumTo(graph.multiply(gradient, other), side.dims);
}

export const elementwise: OperatorFamily = {
  Add: binary((_graph, gradient) => [() => gradient, () => gradient]),
  Sub: binary((graph, gradient) => [() => gradient, () => negative(graph, gradient)]),
  Mul: {
    shapes: (call) => [broadcast(call.input(0).dims, call.input(1).dims)],
    gradients: (call, gradient, wanted, graph) =>
      [1, 0].map((other, side) =>
        wanted[side]
          ? productGradient(graph, gradient, call.input(other), call.input(side))
          : undefined,
      ),
  },
  Div: binary((graph, gradient, call) => [
    () => graph.divide(gradient, call.input(1)),
    () => {
      const share = graph.divide(call.output, call.input(1));
      return negative(graph, graph.multiply(gradient, share));
    },
  ]),
  Neg: unary((_call, graph) => graph.scalar(-1)),
  Exp: unary((call) => call.output),
  Log: unary((call, graph) => graph.divide(graph.scalar(1), call.input(0))),
  Sqrt: unary((call, graph) => graph.divide(graph.scalar(0.5), call.output)),
};

import { broadcast, type StaticGraph, type Value } from '../static-graph.js';
import type { Call, Family, Operator } from './operator.js';

/** Arithmetic of two tensors, which broadcast, and of one. */

/** How the gradient reaches each side before what broadcasting spread is summed. */
type Sides = (
  graph: StaticGraph,
  gradient: Value,
  call: Call,
) => readonly [() => Value, () => Value];

const binary = (sides: Sides): Operator => ({
  shapes: (call) => [broadcast(call.input(0).dims, call.input(1).dims)],
  gradients: (call, gradient, wanted, graph) =>
    sides(graph, gradient, call).map((side, i) =>
      wanted[i] ? graph.sumTo(side(), call.input(i).dims) : undefined,
    ),
});

/** An operator of one tensor, by what its gradient is multiplied with. */
export const unary = (slope: (call: Call, graph: StaticGraph) => Value): Operator => ({
  shapes: (call) => [call.input(0).dims],
  gradients: (call, gradient, [wanted], graph) => [
    wanted ? graph.multiply(gradient, slope(call, graph)) : undefined,
  ],
});

const negative = (graph: StaticGraph, value: Value) => graph.emit('Neg', [value], value.dims);

export const elementwise: Family = {
  Add: binary((_graph, gradient) => [() => gradient, () => gradient]),
  Sub: binary((graph, gradient) => [() => gradient, () => negative(graph, gradient)]),
  Mul: binary((graph, gradient, call) => [
    () => graph.multiply(gradient, call.input(1)),
    () => graph.multiply(gradient, call.input(0)),
  ]),
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

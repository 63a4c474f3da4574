import { broadcast, type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
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

/**
 * b·aᵇ⁻¹ and aᵇ·ln a. The exponent is mostly a constant; where it is learned, as in generalised means, a is not
 * negative, and 0 has no slope.
 */
const pow: Operator = {
  shapes: (call) => [broadcast(call.input(0).dims, call.input(1).dims)],
  gradients(call, gradient, [ofBase, ofExponent], graph) {
    const [base, exponent] = [call.input(0), call.input(1)];
    const known = sizeOf(exponent.dims) === 1 ? call.known[1]?.[0] : undefined;
    const toBase = () => {
      if (known === 1) return gradient;
      if (known === 2) return graph.multiply(gradient, graph.multiply(base, graph.scalar(2)));
      const [times, less] =
        known === undefined
          ? [exponent, graph.subtract(exponent, graph.scalar(1))]
          : [graph.scalar(known), graph.scalar(known - 1)];
      const power = graph.emit('Pow', [base, less], call.output.dims);
      return graph.multiply(gradient, graph.multiply(power, times));
    };
    const toExponent = () => {
      const above = graph.emit('Greater', [base, graph.scalar(0)], base.dims);
      const safe = graph.emit('Where', [above, base, graph.scalar(1)], base.dims);
      const logarithm = graph.emit('Log', [safe], base.dims);
      return graph.multiply(gradient, graph.multiply(call.output, logarithm));
    };
    return [
      ofBase && known !== 0 ? graph.sumTo(toBase(), base.dims) : undefined,
      ofExponent ? graph.sumTo(toExponent(), exponent.dims) : undefined,
    ];
  },
};

/** The sizes of several values that broadcast over each other. */
const allBroadcast = (call: OperatorCall) =>
  call.inputs.map((_, i) => call.input(i).dims).reduce(broadcast);

const sum: Operator = {
  shapes: (call) => [allBroadcast(call)],
  gradients: (call, gradient, wanted, graph) =>
    call.inputs.map((_, i) => (wanted[i] ? graph.sumTo(gradient, call.input(i).dims) : undefined)),
};

/** Min and Max: where several inputs are the one, they share the gradient, as PyTorch's minimum and maximum do. */
const extreme: Operator = {
  shapes: (call) => [allBroadcast(call)],
  gradients(call, gradient, wanted, graph) {
    const { output } = call;
    const taken = call.inputs.map((_, i) =>
      graph.indicator(graph.emit('Equal', [call.input(i), output], output.dims)),
    );
    const share = graph.divide(
      gradient,
      taken.reduce((a, b) => graph.add(a, b)),
    );
    return taken.map((each, i) =>
      wanted[i] ? graph.sumTo(graph.multiply(share, each), call.input(i).dims) : undefined,
    );
  },
};

/** An operator whose result is the same about nearly every input: the gradient is 0. */
const flat: Operator = { shapes: (call) => [call.input(0).dims], gradients: () => [undefined] };

const ofInput = (graph: StaticGraph, operator: string, call: OperatorCall) =>
  graph.emit(operator, [call.input(0)], call.input(0).dims);

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
  Reciprocal: unary((call, graph) => negative(graph, graph.multiply(call.output, call.output))),
  Abs: unary((call, graph) => ofInput(graph, 'Sign', call)),
  Sin: unary((call, graph) => ofInput(graph, 'Cos', call)),
  Cos: unary((call, graph) => negative(graph, ofInput(graph, 'Sin', call))),
  Pow: pow,
  Sum: sum,
  Min: extreme,
  Max: extreme,
  Sign: flat,
  Floor: flat,
  Ceil: flat,
  Round: flat,
};

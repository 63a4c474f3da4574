import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Sums, means, norms and extremes over axes. */

function axesOf(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  const axes = call.axes(1, dims.length);
  if (!axes && call.node.inputs[1]) call.refuse('its axes are not constant');
  if (axes && axes.length > 0) return axes;
  return call.integer('noop_with_empty_axes', 0) === 0 ? dims.map((_, axis) => axis) : [];
}

/** Sizes with 1 for each axis that is reduced. */
function keptDims(call: OperatorCall): readonly number[] {
  const axes = axesOf(call);
  return call.input(0).dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

function shapes(call: OperatorCall): readonly (readonly number[])[] {
  const axes = axesOf(call);
  const keep = call.integer('keepdims', 1) !== 0;
  return [keep ? keptDims(call) : call.input(0).dims.filter((_, axis) => !axes.includes(axis))];
}

const reduction = (divided: boolean): Operator => ({
  shapes,
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const kept = keptDims(call);
    const count = divided ? sizeOf(call.input(0).dims) / sizeOf(kept) : 1;
    const share = count === 1 ? gradient : graph.divide(gradient, graph.scalar(count));
    return [graph.reshape(share, kept)];
  },
});

/** A reduction by what its gradient is multiplied with, of the input and the result, each value's own. */
const sloped = (
  slope: (graph: StaticGraph, input: Value, output: Value, call: OperatorCall) => Value,
): Operator => ({
  shapes,
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const [own, output] = [gradient, call.output].map((value) =>
      graph.reshape(value, keptDims(call)),
    );
    return [graph.multiply(own, slope(graph, call.input(0), output, call))];
  },
});

/** Which values are the extreme; where several are, each has its share, as with PyTorch's amax. */
const extreme = sloped((graph, input, output, call) => {
  const taken = graph.indicator(graph.emit('Equal', [input, output], input.dims));
  const axes = graph.integers(axesOf(call));
  const count = graph.emit('ReduceSum', [taken, axes], output.dims);
  return graph.divide(taken, count);
});

/** x/‖x‖, and 0 where that is 0. */
const norm = sloped((graph, input, output) => {
  const none = graph.indicator(graph.emit('Equal', [output, graph.scalar(0)], output.dims));
  return graph.divide(input, graph.add(output, none));
});

export const reductions: OperatorFamily = {
  ReduceSum: reduction(false),
  ReduceMean: reduction(true),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceL1: sloped((graph, input) => graph.emit('Sign', [input], input.dims)),
  ReduceL2: norm,
  ReduceSumSquare: sloped((graph, input) => graph.multiply(input, graph.scalar(2))),
  ReduceLogSumExp: sloped((graph, input, output) => {
    const lower = graph.subtract(input, output);
    return graph.emit('Exp', [lower], lower.dims);
  }),
};

import { sizeOf } from '../graph/static-graph.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Sums and means over axes. */

function axesOf(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  return call.axes(1, dims.length) ?? dims.map((_, axis) => axis);
}

const reduction = (divided: boolean): Operator => ({
  shapes(call) {
    const axes = axesOf(call);
    const keep = call.integer('keepdims', 1) !== 0;
    const { dims } = call.input(0);
    return [
      keep
        ? dims.map((size, axis) => (axes.includes(axis) ? 1 : size))
        : dims.filter((_, axis) => !axes.includes(axis)),
    ];
  },
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    const axes = axesOf(call);
    const kept = dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const count = divided ? sizeOf(dims) / sizeOf(kept) : 1;
    const share = count === 1 ? gradient : graph.divide(gradient, graph.scalar(count));
    return [graph.reshape(share, kept)];
  },
});

export const reductions: OperatorFamily = {
  ReduceSum: reduction(false),
  ReduceMean: reduction(true),
};

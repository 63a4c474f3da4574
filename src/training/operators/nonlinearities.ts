import type { StaticGraph, Value } from '../graph/static-graph.js';
import { unary } from './elementwise.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Non-linearities. SiLU is what exporters write it as: Sigmoid and Mul. */

const one = (graph: StaticGraph) => graph.scalar(1);

const test = (graph: StaticGraph, operator: 'Greater' | 'Less', a: Value, limit: number) =>
  graph.indicator(graph.emit(operator, [a, graph.scalar(limit)], a.dims));

/** 1 strictly between two bounds: at a bound the gradient is 0, as PyTorch has it for ReLU and Hardtanh. */
function within(graph: StaticGraph, value: Value, low: number, high: number): Value {
  const above = test(graph, 'Greater', value, low);
  return high === Number.POSITIVE_INFINITY
    ? above
    : graph.multiply(above, test(graph, 'Less', value, high));
}

/** Bounds of Clip: inputs since opset 11. */
function bounds(call: OperatorCall): readonly [number, number] {
  const bound = (input: number, otherwise: number) =>
    call.node.inputs[input]
      ? (call.known[input]?.[0] ?? call.refuse('its bounds are not constant'))
      : otherwise;
  return [bound(1, Number.NEGATIVE_INFINITY), bound(2, Number.POSITIVE_INFINITY)];
}

const clip: Operator = {
  shapes: (call) => [call.input(0).dims],
  gradients: (call, gradient, [wanted], graph) => {
    const [low, high] = bounds(call);
    if (!wanted) return [undefined];
    const open = low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY;
    return [open ? gradient : graph.multiply(gradient, within(graph, call.input(0), low, high))];
  },
};

/** y(g − Σ g·y) for softmax; g − softmax·Σ g for its logarithm. */
const overAxis = (
  emit: (graph: StaticGraph, call: OperatorCall, gradient: Value, axis: number) => Value,
): Operator => ({
  shapes: (call) => [call.input(0).dims],
  gradients: (call, gradient, [wanted], graph) => {
    const axis = call.integer('axis', -1);
    const rank = call.input(0).dims.length;
    return [wanted ? emit(graph, call, gradient, axis < 0 ? axis + rank : axis) : undefined];
  },
});

function sumKept(graph: StaticGraph, value: Value, axis: number): Value {
  const dims = value.dims.map((size, i) => (i === axis ? 1 : size));
  return graph.emit('ReduceSum', [value, graph.integers([axis])], dims);
}

/** x·min(max(x + 3, 0), 6)/6: slope 0 below −3, 1 above 3, x/3 + 1/2 between. */
function hardSwishSlope(call: OperatorCall, graph: StaticGraph): Value {
  const x = call.input(0);
  const line = graph.add(graph.divide(x, graph.scalar(3)), graph.scalar(0.5));
  const inner = graph.multiply(within(graph, x, -3, 3), line);
  const above = graph.indicator(graph.emit('GreaterOrEqual', [x, graph.scalar(3)], x.dims));
  return graph.add(inner, above);
}

/**
 * x·σ(x), two nodes that are taken as one: with u = dy·σ(x), dx = u + u·(x − y).
 */
export const silu: Operator = {
  shapes: (call) => [call.input(0).dims],
  write(call, graph, [output]) {
    const x = call.input(0);
    if (graph.portable)
      graph.emit('Mul', [x, graph.emit('Sigmoid', [x], x.dims)], x.dims, {}, '', output);
    else graph.emit('QuickGelu', [x], x.dims, { alpha: { float: 1 } }, 'com.microsoft', output);
    return true;
  },
  gradients: (call, gradient, _wanted, graph) => {
    const [x, y] = [call.input(0), call.output];
    // Computed again: kept for so long, σ(x) of all layers would take a quarter more memory.
    const gate = graph.emit('Sigmoid', [x], x.dims);
    const scaled = graph.multiply(gradient, gate);
    const rest = graph.subtract(x, y);
    return [graph.add(scaled, graph.multiply(scaled, rest))];
  },
};

export const nonlinearities: OperatorFamily = {
  Relu: unary((call, graph) => within(graph, call.output, 0, Number.POSITIVE_INFINITY)),
  LeakyRelu: unary((call, graph) => {
    const slope = graph.scalar(call.float('alpha', 0.01));
    const above = test(graph, 'Greater', call.input(0), 0);
    return graph.add(above, graph.multiply(graph.subtract(one(graph), above), slope));
  }),
  Sigmoid: unary((call, graph) =>
    graph.multiply(call.output, graph.subtract(one(graph), call.output)),
  ),
  Tanh: unary((call, graph) =>
    graph.subtract(one(graph), graph.multiply(call.output, call.output)),
  ),
  HardSigmoid: unary((call, graph) =>
    graph.multiply(within(graph, call.output, 0, 1), graph.scalar(call.float('alpha', 0.2))),
  ),
  HardSwish: unary(hardSwishSlope),
  Clip: clip,
  Softmax: overAxis((graph, call, gradient, axis) => {
    const sum = sumKept(graph, graph.multiply(gradient, call.output), axis);
    return graph.multiply(call.output, graph.subtract(gradient, sum));
  }),
  LogSoftmax: overAxis((graph, call, gradient, axis) => {
    const shares = graph.emit('Exp', [call.output], call.output.dims);
    return graph.subtract(gradient, graph.multiply(shares, sumKept(graph, gradient, axis)));
  }),
};

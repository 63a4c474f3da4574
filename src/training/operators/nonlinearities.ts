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

const ROOT_OF_TWO_PI = Math.sqrt(2 * Math.PI);

const exponential = (graph: StaticGraph, value: Value) => graph.emit('Exp', [value], value.dims);

/** 2/√π·exp(−x²). */
function erfSlope(call: OperatorCall, graph: StaticGraph): Value {
  const x = call.input(0);
  const falling = exponential(graph, graph.multiply(graph.multiply(x, x), graph.scalar(-1)));
  return graph.multiply(falling, graph.scalar(2 / Math.sqrt(Math.PI)));
}

/** Φ(x) + x·φ(x), or the slope of its approximation x/2·(1 + tanh u), u = √(2/π)·(x + 0.044715 x³). */
function geluSlope(call: OperatorCall, graph: StaticGraph): Value {
  const x = call.input(0);
  const half = graph.scalar(0.5);
  const square = graph.multiply(x, x);
  if (call.text('approximate') !== 'tanh') {
    const scaled = graph.multiply(x, graph.scalar(Math.SQRT1_2));
    const erf = graph.emit('Erf', [scaled], x.dims);
    const below = graph.multiply(graph.add(erf, one(graph)), half);
    const bell = exponential(graph, graph.multiply(square, graph.scalar(-0.5)));
    const density = graph.multiply(bell, graph.scalar(1 / ROOT_OF_TWO_PI));
    return graph.add(below, graph.multiply(x, density));
  }
  const factor = Math.sqrt(2 / Math.PI);
  const cubic = graph.add(
    graph.multiply(square, graph.scalar(factor * 0.044715)),
    graph.scalar(factor),
  );
  const tanh = graph.emit('Tanh', [graph.multiply(x, cubic)], x.dims);
  const rise = graph.subtract(one(graph), graph.multiply(tanh, tanh));
  const inner = graph.add(
    graph.multiply(square, graph.scalar(factor * 3 * 0.044715)),
    graph.scalar(factor),
  );
  const moved = graph.multiply(graph.multiply(x, rise), inner);
  return graph.multiply(graph.add(graph.add(tanh, one(graph)), moved), half);
}

/** 1/(1 + |x|)². */
function softsignSlope(call: OperatorCall, graph: StaticGraph): Value {
  const x = call.input(0);
  const width = graph.add(graph.emit('Abs', [x], x.dims), one(graph));
  return graph.divide(one(graph), graph.multiply(width, width));
}

/** x·tanh(softplus x): tanh(s) + x·(1 − tanh²(s))·σ(x). */
function mishSlope(call: OperatorCall, graph: StaticGraph): Value {
  const x = call.input(0);
  const tanh = graph.emit('Tanh', [graph.emit('Softplus', [x], x.dims)], x.dims);
  const rise = graph.subtract(one(graph), graph.multiply(tanh, tanh));
  const gate = graph.emit('Sigmoid', [x], x.dims);
  return graph.add(tanh, graph.multiply(graph.multiply(x, rise), gate));
}

/** Non-linearities that are the identity, or a multiple of it, above 0. */

const above = (graph: StaticGraph, value: Value, limit = 0) =>
  graph.emit('Greater', [value, graph.scalar(limit)], value.dims);

/** One slope above 0 and another below. */
const rectifier = (
  high: (call: OperatorCall) => number,
  low: (call: OperatorCall, graph: StaticGraph) => Value,
): Operator =>
  unary((call, graph) => {
    const x = call.input(0);
    const sides = [graph.scalar(high(call)), low(call, graph)];
    return graph.emit('Where', [above(graph, x), ...sides], x.dims);
  });

/** Selu's constants, of Klambauer et al. 2017. */
const SELU = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 };

/** max(x, 0) + slope·min(x, 0), the slope being learned. */
const prelu: Operator = {
  shapes: (call) => [call.input(0).dims],
  gradients(call, gradient, [ofInput, ofSlope], graph) {
    const [x, slope] = [call.input(0), call.input(1)];
    const positive = above(graph, x);
    const toInput = () => {
      const below = graph.multiply(gradient, slope);
      return graph.emit('Where', [positive, gradient, below], x.dims);
    };
    const toSlope = () => {
      const negative = graph.emit('Where', [positive, graph.scalar(0), x], x.dims);
      return graph.sumTo(graph.multiply(gradient, negative), slope.dims);
    };
    return [ofInput ? toInput() : undefined, ofSlope ? toSlope() : undefined];
  },
};

const scaledExponential = (call: OperatorCall, graph: StaticGraph, by: number) => {
  const x = call.input(0);
  const scaled = graph.multiply(x, graph.scalar(by));
  return graph.emit('Exp', [scaled], x.dims);
};

const rectifiers: OperatorFamily = {
  PRelu: prelu,
  Elu: rectifier(
    () => 1,
    (call, graph) => graph.add(call.output, graph.scalar(call.float('alpha', 1))),
  ),
  Selu: rectifier(
    (call) => call.float('gamma', SELU.gamma),
    (call, graph) => {
      const { alpha, gamma } = SELU;
      const offset = call.float('alpha', alpha) * call.float('gamma', gamma);
      return graph.add(call.output, graph.scalar(offset));
    },
  ),
  Celu: rectifier(
    () => 1,
    (call, graph) => scaledExponential(call, graph, 1 / call.float('alpha', 1)),
  ),
  ThresholdedRelu: unary((call, graph) =>
    graph.indicator(above(graph, call.input(0), call.float('alpha', 1))),
  ),
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
  Erf: unary(erfSlope),
  Gelu: unary(geluSlope),
  Softplus: unary((call, graph) => graph.emit('Sigmoid', [call.input(0)], call.input(0).dims)),
  Softsign: unary(softsignSlope),
  Mish: unary(mishSlope),
  Clip: clip,
  Softmax: overAxis((graph, call, gradient, axis) => {
    const sum = sumKept(graph, graph.multiply(gradient, call.output), axis);
    return graph.multiply(call.output, graph.subtract(gradient, sum));
  }),
  LogSoftmax: overAxis((graph, call, gradient, axis) => {
    const shares = graph.emit('Exp', [call.output], call.output.dims);
    return graph.subtract(gradient, graph.multiply(shares, sumKept(graph, gradient, axis)));
  }),
  ...rectifiers,
};

import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { alongAxis, unitMatrix } from './axis-matrix.js';
import { maxPoolGradient, withoutPlaces } from './max-pool-gradient.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';
import { type Windows, windowAttributes, windowCounts, windowsOf } from './windows.js';

/** Pools over images. */

function poolOf(call: OperatorCall): Windows {
  const kernel = call.integers('kernel_shape') ?? call.refuse('it has no kernel_shape');
  return windowsOf(call, [kernel[0], kernel[1]]);
}

function pooled(call: OperatorCall): readonly number[] {
  const [count, channels, height, width] = call.input(0).dims;
  const up = call.integer('ceil_mode', 0) !== 0;
  return [count, channels, ...windowCounts([height, width], poolOf(call), up)];
}

/** Each gradient goes to the place that the pool took; where windows overlap they add up. */
const maxPool: Operator = {
  shapes: (call) => [pooled(call), pooled(call)],
  write(call, graph, [output]) {
    if (!withoutPlaces(graph)) return false;
    const windows = poolOf(call);
    const up = { ceil_mode: { int: call.integer('ceil_mode', 0) } };
    const attributes = {
      kernel_shape: { ints: windows.kernel },
      ...up,
      ...windowAttributes(windows),
    };
    graph.emit('MaxPool', [call.input(0)], pooled(call), attributes, '', output);
    return true;
  },
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    if (withoutPlaces(graph)) return [maxPoolGradient(graph, call, gradient)];
    const { dims } = call.input(0);
    const [from, into] = [sizeOf(gradient.dims), sizeOf(dims)];
    const places = graph.reshape(call.outputs[1], [from]);
    const nothing = graph.emit('Expand', [graph.scalar(0), graph.integers([into])], [into]);
    const flat = graph.reshape(gradient, [from]);
    const spread = graph.emit('ScatterElements', [nothing, places, flat], [into], {
      axis: { int: 0 },
      reduction: { string: 'add' },
    });
    return [graph.reshape(spread, dims)];
  },
};

/** How many values each mean is of. */
function counts(graph: StaticGraph, call: OperatorCall, windows: Windows): Value {
  const { kernel, before, after } = windows;
  const padded = [...before, ...after].some((width) => width > 0);
  const [, , height, width] = call.output.dims;
  if (call.integer('count_include_pad', 0) !== 0 || !padded) return graph.scalar(sizeOf(kernel));
  const along = (axis: 0 | 1) =>
    Array.from({ length: call.output.dims[2 + axis] }, (_, i) => {
      const start = i * windows.strides[axis] - before[axis];
      const end = Math.min(start + kernel[axis], call.input(0).dims[2 + axis]);
      return end - Math.max(0, start);
    });
  const [rows, columns] = [along(0), along(1)];
  const each = rows.flatMap((row) => columns.map((column) => row * column));
  return graph.constant([1, 1, height, width], each);
}

/** Where windows stick out, each axis by its matrix: what the pool makes of the unit matrix, [1, size, size, 1]. */
function byAxes(graph: StaticGraph, call: OperatorCall, gradient: Value): Value {
  const { kernel, strides, dilations, before, after } = poolOf(call);
  const back = (value: Value, axis: 0 | 1) => {
    const [size, count] = [call.input(0).dims[2 + axis], call.output.dims[2 + axis]];
    const unit = graph.reshape(unitMatrix(graph, size), [1, size, size, 1]);
    const attributes = {
      kernel_shape: { ints: [kernel[axis], 1] },
      strides: { ints: [strides[axis], 1] },
      pads: { ints: [before[axis], 0, after[axis], 0] },
      ...(dilations[axis] === 1 ? {} : { dilations: { ints: [dilations[axis], 1] } }),
      ceil_mode: { int: call.integer('ceil_mode', 0) },
      count_include_pad: { int: call.integer('count_include_pad', 0) },
    };
    const pooled = graph.emit('AveragePool', [unit], [1, size, count, 1], attributes);
    return alongAxis(graph, value, 2 + axis, graph.reshape(pooled, [size, count]));
  };
  return back(back(gradient, 0), 1);
}

const averagePool: Operator = {
  shapes: (call) => [pooled(call)],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const windows = poolOf(call);
    const { kernel, strides, dilations, before, after } = windows;
    if (call.integer('ceil_mode', 0) !== 0 || dilations.some((step) => step !== 1))
      return [byAxes(graph, call, gradient)];
    const { dims } = call.input(0);
    const share = graph.divide(gradient, counts(graph, call, windows));
    const ones = graph.constant([1, 1, ...kernel], Array(sizeOf(kernel)).fill(1));
    const kernels = graph.emit(
      'Expand',
      [ones, graph.integers([dims[1], 1, ...kernel])],
      [dims[1], 1, ...kernel],
    );
    const rest = [0, 1].map((axis) => {
      const covered = (gradient.dims[2 + axis] - 1) * strides[axis] + kernel[axis];
      return dims[2 + axis] + before[axis] + after[axis] - covered;
    });
    return [
      graph.emit('ConvTranspose', [share, kernels], dims, {
        group: { int: dims[1] },
        output_padding: { ints: rest },
        ...windowAttributes(windows),
      }),
    ];
  },
};

/** One value a channel. */
const oneEach = (call: OperatorCall) =>
  call.input(0).dims.map((size, axis) => (axis < 2 ? size : 1));

/** The highest values of a channel share its gradient. */
const globalMaxPool: Operator = {
  shapes: (call) => [oneEach(call)],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    const taken = graph.indicator(graph.emit('Equal', [call.input(0), call.output], dims));
    const places = dims.map((_, axis) => axis).slice(2);
    const count = graph.reshape(graph.sum(taken, places), oneEach(call));
    return [graph.multiply(taken, graph.divide(graph.reshape(gradient, oneEach(call)), count))];
  },
};

const globalAveragePool: Operator = {
  shapes: (call) => [oneEach(call)],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { dims } = call.input(0);
    return [graph.divide(gradient, graph.scalar(sizeOf(dims.slice(2))))];
  },
};

export const pools: OperatorFamily = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
};

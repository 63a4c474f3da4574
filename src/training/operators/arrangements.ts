import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { alongAxis, unitMatrix } from './axis-matrix.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Operators that move values about, and add none. */

/** The gradient has the sizes of the input again. */
const reshaping = (shape: (call: OperatorCall) => readonly number[]): Operator => ({
  shapes: (call) => [shape(call)],
  write(call, graph, [output]) {
    // Axes as an attribute are those of nodes that are made here: no operator set that is trained has them.
    if (!call.integers('axes')) return false;
    const dims = shape(call);
    graph.emit('Reshape', [call.input(0), graph.integers(dims)], dims, {}, '', output);
    return true;
  },
  gradients: (call, gradient, [wanted], graph) => [
    wanted ? graph.reshape(gradient, call.input(0).dims) : undefined,
  ],
});

function reshaped(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  const asked = call.known[1] ?? call.refuse('its shape is not constant');
  const sizes = asked.map((size, i) =>
    size === 0 && call.integer('allowzero', 0) === 0 ? dims[i] : size,
  );
  const rest = sizeOf(dims) / sizeOf(sizes.filter((size) => size !== -1));
  return sizes.map((size) => (size === -1 ? rest : size));
}

function flattened(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  const axis = call.integer('axis', 1);
  const at = axis < 0 ? axis + dims.length : axis;
  return [sizeOf(dims.slice(0, at)), sizeOf(dims.slice(at))];
}

function squeezed(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  const axes = call.axes(1, dims.length);
  return dims.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1));
}

function unsqueezed(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  const given = call.integers('axes') ?? call.known[1] ?? call.refuse('its axes are not constant');
  const rank = dims.length + given.length;
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis));
  const rest = [...dims];
  return Array.from({ length: rank }, (_, axis) =>
    axes.includes(axis) ? 1 : (rest.shift() as number),
  );
}

function order(call: OperatorCall): readonly number[] {
  const { dims } = call.input(0);
  return call.integers('perm') ?? dims.map((_, i) => dims.length - 1 - i);
}

const transpose: Operator = {
  shapes: (call) => [order(call).map((axis) => call.input(0).dims[axis])],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const axes = order(call);
    return [
      graph.transpose(
        gradient,
        axes.map((_, i) => axes.indexOf(i)),
      ),
    ];
  },
};

/** A part of a value along one axis. */
export function slice(
  graph: StaticGraph,
  value: Value,
  axis: number,
  [start, end]: readonly [number, number],
): Value {
  const dims = value.dims.map((size, i) => (i === axis ? end - start : size));
  const list = (number: number) => graph.integers([number]);
  return graph.emit('Slice', [value, list(start), list(end), list(axis)], dims);
}

function concatAxis(call: OperatorCall): number {
  const axis = call.integer('axis', 0);
  return axis < 0 ? axis + call.input(0).dims.length : axis;
}

const concat: Operator = {
  shapes(call) {
    const axis = concatAxis(call);
    const sizes = call.inputs.map((_, i) => call.input(i).dims[axis]);
    const sum = sizes.reduce((total, size) => total + size, 0);
    return [call.input(0).dims.map((size, i) => (i === axis ? sum : size))];
  },
  gradients(call, gradient, wanted, graph) {
    const axis = concatAxis(call);
    let start = 0;
    return call.inputs.map((_, i) => {
      const end = start + call.input(i).dims[axis];
      const part = wanted[i] ? slice(graph, gradient, axis, [start, end]) : undefined;
      start = end;
      return part;
    });
  },
};

/** Widths of padding, before and after each axis; negative ones cut. */
function padding(call: OperatorCall): readonly number[] {
  const pads = call.known[1] ?? call.refuse('its widths are not constant');
  const rank = call.input(0).dims.length;
  const axes = call.node.inputs[3] ? call.axes(3, rank) : call.input(0).dims.map((_, i) => i);
  if (!axes) call.refuse('its axes are not constant');
  if (pads.length !== 2 * axes.length) call.refuse('its widths must be two for each axis');
  const widths = Array<number>(2 * rank).fill(0);
  pads.forEach((width, i) => {
    const side = i < axes.length ? 0 : rank;
    widths[side + axes[i % axes.length]] = width;
  });
  return widths;
}

/** The values that a padding repeats go back by the matrix of each axis: what it makes of the unit matrix. */
function repeatedPadding(call: OperatorCall, gradient: Value, graph: StaticGraph): Value {
  const widths = padding(call);
  const mode = { mode: { string: call.text('mode') as string } };
  const { dims } = call.input(0);
  return dims.reduce((value, size, axis) => {
    const [before, after] = [widths[axis], widths[axis + dims.length]];
    if (before === 0 && after === 0) return value;
    const ends = graph.integers([0, before, 0, after]);
    const wide = [size, before + size + after];
    const matrix = graph.emit('Pad', [unitMatrix(graph, size), ends], wide, mode);
    return alongAxis(graph, value, axis, matrix);
  }, gradient);
}

const pad: Operator = {
  shapes(call) {
    const widths = padding(call);
    const { dims } = call.input(0);
    return [dims.map((size, i) => widths[i] + size + widths[i + dims.length])];
  },
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    if ((call.text('mode') ?? 'constant') !== 'constant')
      return [repeatedPadding(call, gradient, graph)];
    const { dims } = call.input(0);
    const widths = padding(call);
    if (widths.some((width) => width < 0)) {
      const back = graph.integers(widths.map((width) => 0 - width));
      return [graph.emit('Pad', [gradient, back], dims)];
    }
    const before = widths.slice(0, dims.length);
    const ends = dims.map((size, i) => before[i] + size);
    return [graph.emit('Slice', [gradient, graph.integers(before), graph.integers(ends)], dims)];
  },
};

/** Blocks of pixels and channels: sizes apart, the order of these, and how they are joined. */
interface Blocks {
  readonly apart: readonly number[];
  readonly order: readonly number[];
  readonly dims: readonly number[];
}

function fromDepth(call: OperatorCall): Blocks {
  const [count, channels, height, width] = call.input(0).dims;
  const block = call.integer('blocksize', 1);
  const left = channels / block ** 2;
  const byColumns = call.text('mode') === 'CRD';
  return {
    apart: byColumns
      ? [count, left, block, block, height, width]
      : [count, block, block, left, height, width],
    order: byColumns ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2],
    dims: [count, left, height * block, width * block],
  };
}

function toDepth(call: OperatorCall): Blocks {
  const [count, channels, height, width] = call.input(0).dims;
  const block = call.integer('blocksize', 1);
  const [rows, columns] = [height / block, width / block];
  return {
    apart: [count, channels, rows, block, columns, block],
    order: [0, 3, 5, 1, 2, 4],
    dims: [count, channels * block ** 2, rows, columns],
  };
}

const blocked = (blocksOf: (call: OperatorCall) => Blocks): Operator => ({
  shapes: (call) => [blocksOf(call).dims],
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { apart, order } = blocksOf(call);
    const moved = graph.reshape(
      gradient,
      order.map((axis) => apart[axis]),
    );
    const back = graph.transpose(
      moved,
      order.map((_, i) => order.indexOf(i)),
    );
    return [graph.reshape(back, call.input(0).dims)];
  },
});

export const arrangements: OperatorFamily = {
  Identity: reshaping((call) => call.input(0).dims),
  Reshape: reshaping(reshaped),
  Flatten: reshaping(flattened),
  Squeeze: reshaping(squeezed),
  Unsqueeze: reshaping(unsqueezed),
  Transpose: transpose,
  Concat: concat,
  Pad: pad,
  DepthToSpace: blocked(fromDepth),
  SpaceToDepth: blocked(toDepth),
};

import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Operator, OperatorCall, OperatorFamily } from './operator.js';

/** Operators that move values about, and add none. */

/** The gradient has the sizes of the input again. */
const reshaping = (shape: (call: OperatorCall) => readonly number[]): Operator => ({
  shapes: (call) => [shape(call)],
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

/** Widths of constant padding, before and after each axis. */
function padding(call: OperatorCall): { before: readonly number[]; after: readonly number[] } {
  if ((call.text('mode') ?? 'constant') !== 'constant')
    call.refuse('only constant padding is known');
  const pads = call.known[1] ?? call.refuse('its widths are not constant');
  const rank = call.input(0).dims.length;
  if (pads.length !== 2 * rank || pads.some((width) => width < 0))
    call.refuse('its widths must be given for every axis, and not be negative');
  return { before: pads.slice(0, rank), after: pads.slice(rank) };
}

const pad: Operator = {
  shapes(call) {
    const { before, after } = padding(call);
    return [call.input(0).dims.map((size, i) => before[i] + size + after[i])];
  },
  gradients(call, gradient, [wanted], graph) {
    if (!wanted) return [undefined];
    const { before } = padding(call);
    const { dims } = call.input(0);
    const ends = dims.map((size, i) => before[i] + size);
    return [graph.emit('Slice', [gradient, graph.integers(before), graph.integers(ends)], dims)];
  },
};

export const arrangements: OperatorFamily = {
  Identity: reshaping((call) => call.input(0).dims),
  Reshape: reshaping(reshaped),
  Flatten: reshaping(flattened),
  Squeeze: reshaping(squeezed),
  Unsqueeze: reshaping(unsqueezed),
  Transpose: transpose,
  Concat: concat,
  Pad: pad,
};

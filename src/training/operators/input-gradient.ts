import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { convolveBlocks, exchangedBlocks, fromBlocks, isBlocked } from './blocked-convolution.js';
import type { Convolution, WeightGradient } from './convolution-types.js';
import { hasFewPlaces, overRows } from './few-places.js';
import { windowAttributes } from './windows.js';

/**
 * The gradient of a convolution's input: dy convolved with kernels that are turned about. With strides, those
 * places of the input that see the same taps make a convolution of their own.
 */
export function inputGradient(
  graph: StaticGraph,
  parts: WeightGradient,
  convolution: Convolution,
): Value {
  const found = byPhases(graph, parts, convolution);
  if (found) return found;
  const { gradient, weights } = parts;
  const { dims } = parts.input;
  if (hasFewPlaces(graph, convolution, dims))
    return overRows(graph, [gradient, weights], 'outputs');
  const { windows, groups } = convolution;
  const { kernel, strides, dilations, before, after } = windows;
  const reach = [0, 1].map((axis) => dilations[axis] * (kernel[axis] - 1));
  const inside = reach.every((width, axis) => before[axis] <= width && after[axis] <= width);
  if (sizeOf(strides) === 1 && inside) {
    const pads = (side: readonly number[]) => [reach[0] - side[0], reach[1] - side[1]] as const;
    const around = { ...windows, before: pads(before), after: pads(after) };
    const attributes = { group: { int: groups }, ...windowAttributes(around) };
    return graph.emit('Conv', [gradient, turned(graph, weights, groups)], dims, attributes);
  }
  const rest = [0, 1].map((axis) => {
    const covered = (gradient.dims[2 + axis] - 1) * strides[axis] + reach[axis] + 1;
    return dims[2 + axis] + before[axis] + after[axis] - covered;
  });
  return graph.emit('ConvTranspose', [gradient, weights], dims, {
    group: { int: groups },
    output_padding: { ints: rest },
    ...windowAttributes(windows),
  });
}

/** Kernels turned about, and with inputs and outputs exchanged within each group. */
function turned(graph: StaticGraph, weights: Value, groups: number): Value {
  const [outputs, each, height, width] = weights.dims;
  const taps = height * width;
  const split = graph.reshape(weights, [groups, outputs / groups, each, taps]);
  const exchanged = graph.transpose(split, [0, 2, 1, 3]);
  const flat = graph.reshape(exchanged, [groups * each * (outputs / groups), taps]);
  const dims = [groups * each, outputs / groups, height, width];
  if (taps === 1) return graph.reshape(flat, dims);
  // A product with a turned identity is several times as quick as a Slice with negative steps.
  const turn = Array.from({ length: taps * taps }, (_, i) =>
    Math.floor(i / taps) + (i % taps) === taps - 1 ? 1 : 0,
  );
  const product = graph.emit('MatMul', [flat, graph.constant([taps, taps], turn)], flat.dims);
  return graph.reshape(product, dims);
}

/** Along one axis, the places q, q + stride, … of the input: the taps that see them, and how dy is padded for these. */
interface Phase {
  /** In the order in which they are convolved. */
  readonly taps: readonly number[];
  readonly before: number;
  readonly after: number;
}

/** @param places of a phase, and of dy */
function phasesOf({ windows }: Convolution, axis: 0 | 1, places: readonly number[]): Phase[] {
  const [stride, dilation, pad] = [
    windows.strides[axis],
    windows.dilations[axis],
    windows.before[axis],
  ];
  return Array.from({ length: stride }, (_, q) => {
    const all = Array.from({ length: windows.kernel[axis] }, (_, tap) => tap).reverse();
    const first = (q + pad) % stride;
    const taps = all.filter((tap) => tap % stride === first);
    const ahead = (q + pad - first) / stride;
    const before = (taps.length - 1) * dilation - ahead;
    return { taps, before, after: places[0] + ahead - places[1] };
  });
}

/**
 * In blocks, one convolution for each phase of the strides; what they give is put between each other.
 * @returns undefined if that cannot be
 */
function byPhases(
  graph: StaticGraph,
  { input: { dims }, gradient, weights, blocks }: WeightGradient,
  convolution: Convolution,
): Value | undefined {
  const { windows, groups } = convolution;
  const { kernel, strides, dilations } = windows;
  if (sizeOf(strides) > 1 && sizeOf(dilations) > 1) return undefined;
  if (!isBlocked(graph, { windows, groups, dims, from: gradient.dims })) return undefined;
  const [count, channels] = dims;
  const places = [0, 1].map((axis) => Math.ceil(dims[2 + axis] / strides[axis]));
  const phases = ([0, 1] as const).map((axis) =>
    phasesOf(convolution, axis, [places[axis], gradient.dims[2 + axis]]),
  );
  const found = phases.flat().filter(({ taps }) => taps.length > 0);
  if (found.some(({ before, after }) => before < 0 || after < 0)) return undefined;
  const kernels = exchangedBlocks(graph, weights, groups);
  const sizes = [count, channels, ...places];
  const part = (row: Phase, column: Phase) => {
    const taps = row.taps.flatMap((i) => column.taps.map((j) => i * kernel[1] + j));
    if (taps.length === 0)
      return graph.emit('Expand', [graph.scalar(0), graph.integers(sizes)], sizes);
    const size = [row.taps.length, column.taps.length] as const;
    const around = {
      kernel: size,
      strides: [1, 1],
      dilations,
      before: [row.before, column.before],
      after: [row.after, column.after],
    } as const;
    const inputs = [blocks(), kernels(taps, size)] as const;
    return convolveBlocks(graph, inputs, { windows: around, groups }, sizes);
  };
  const rows = phases[0].map((row) => {
    const columns = phases[1].map((column) => part(row, column));
    return alternating(graph, columns, graph.block as number);
  });
  const whole = alternating(graph, rows, places[1] * strides[1] * (graph.block as number));
  return fromBlocks(
    graph,
    cropped(graph, whole, [places[0] * strides[0], places[1] * strides[1]], dims),
  );
}

/** Pieces of this many values from each in turn. */
function alternating(graph: StaticGraph, values: readonly Value[], piece: number): Value {
  if (values.length === 1) return values[0];
  const pieces = sizeOf(values[0].dims) / piece;
  const flat = values.map((value) => graph.reshape(value, [pieces, piece]));
  return graph.emit('Concat', flat, [pieces, values.length * piece], { axis: { int: 1 } });
}

/** The first rows and columns of a value in blocks, of which it has as many as said. */
function cropped(
  graph: StaticGraph,
  blocks: Value,
  [rows, columns]: readonly number[],
  dims: readonly number[],
): Value {
  const [count, channels, height, width] = dims;
  const block = graph.block as number;
  const all = (count * channels) / block;
  if (rows === height && columns === width) return graph.reshape(blocks, dims);
  const whole = graph.reshape(blocks, [all, rows, columns * block]);
  const lists = [
    [0, 0],
    [height, width * block],
    [1, 2],
  ].map((list) => graph.integers(list));
  const kept = graph.emit('Slice', [whole, ...lists], [all, height, width * block]);
  return graph.reshape(kept, dims);
}

import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Windows } from './windows.js';

/** What one tap of a kernel sees of a padded input, over all places of the output. */
export interface Tap {
  readonly start: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
  /** Of rows and columns; [2, 3] unless said. */
  readonly axes?: readonly number[];
}

/** @param counts rows and columns of the output */
export function tapOf(
  { kernel, strides, dilations }: Windows,
  tap: number,
  counts: readonly number[],
): Tap {
  const at = [Math.floor(tap / kernel[1]), tap % kernel[1]];
  const start = at.map((step, axis) => step * dilations[axis]);
  const end = counts.map((count, axis) => start[axis] + (count - 1) * strides[axis] + 1);
  return { start, end, strides };
}

/** The padded input of a convolution. */
export function pad(graph: StaticGraph, value: Value, { before, after }: Windows): Value {
  if ([...before, ...after].every((width) => width === 0)) return value;
  const [count, channels, height, width] = value.dims;
  const dims = [count, channels, height + before[0] + after[0], width + before[1] + after[1]];
  const widths = graph.integers([0, 0, ...before, 0, 0, ...after]);
  return graph.emit('Pad', [value, widths], dims);
}

/** What a tap sees. */
export function places(
  graph: StaticGraph,
  value: Value,
  { start, end, strides, axes = [2, 3] }: Tap,
  dims: readonly number[],
): Value {
  if (String(dims) === String(value.dims)) return value;
  const lists = [start, end, axes, strides].map((numbers) => graph.integers(numbers));
  return graph.emit('Slice', [value, ...lists], dims);
}

/**
 * What taps see, where a stride leaves places out: the input is parted once into those that are seen together,
 * as rows are copied ten times as quick as single values.
 */
export function inPhases(
  graph: StaticGraph,
  value: Value,
): (tap: Tap, dims: readonly number[]) => Value {
  const parts = new Map<string, Value>();
  const [, , ...sizes] = value.dims;
  return (tap, dims) => {
    const { start, strides } = tap;
    if (sizeOf(strides) === 1) return places(graph, value, tap, dims);
    const phase = start.map((at, axis) => at % strides[axis]);
    const lengths = sizes.map((size, axis) => Math.ceil((size - phase[axis]) / strides[axis]));
    const whole = [...value.dims.slice(0, 2), ...lengths];
    const known = parts.get(String(phase));
    const part = known ?? places(graph, value, { start: phase, end: sizes, strides }, whole);
    parts.set(String(phase), part);
    const first = start.map((at, axis) => Math.floor(at / strides[axis]));
    const end = first.map((at, axis) => at + dims[2 + axis]);
    return places(graph, part, { start: first, end, strides: [1, 1] }, dims);
  };
}

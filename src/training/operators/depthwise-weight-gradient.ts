import { type StaticGraph, sizeOf, type Value } from '../static-graph.js';
import { slice } from './arrangements.js';
import type { Convolution } from './convolution.js';
import { transposedProduct } from './transposed-product.js';
import type { WeightGradient } from './weight-gradient.js';
import type { Windows } from './windows.js';

/**
 * The gradient of depthwise weights by products of matrices, one a channel: every place of dy times every place
 * of x near it, summed over pictures, of which the taps are then picked. Far more is multiplied than is needed,
 * but by kernels that are a hundred times as quick as those of a convolution whose pictures stand for channels.
 */
export function depthwiseWeightGradient(
  graph: StaticGraph,
  parts: WeightGradient,
  { windows }: Convolution,
): Value | undefined {
  const places = sizeOf(parts.gradient.dims.slice(2)) * sizeOf(parts.input.dims.slice(2));
  if (places <= MOST_PAIRS) return byPairs(graph, parts, windows);
  const tile = tileOf(parts.gradient.dims[3]);
  return tile === undefined ? undefined : byRows(graph, parts, windows, tile);
}

/** Pairs of places of a small picture up to which all are multiplied. */
const MOST_PAIRS = 4096;
/** Columns of dy that are multiplied with all columns near them. */
const [LEAST_TILE, MOST_TILE] = [6, 24];

/** The widest tile that divides a row. */
function tileOf(columns: number): number | undefined {
  for (let tile = Math.min(MOST_TILE, columns); tile >= LEAST_TILE; tile--)
    if (columns % tile === 0) return tile;
  return undefined;
}

/** dw[c, tap] = Σ over places p of dy and q of x that the tap joins of (Σₙ dy[n, c, p]·x[n, c, q]). */
function byPairs(graph: StaticGraph, { input, gradient }: WeightGradient, windows: Windows): Value {
  const [count, channels, ...outer] = gradient.dims;
  const inner = input.dims.slice(2);
  const flat = (value: Value, sizes: readonly number[]) =>
    graph.reshape(graph.transpose(value, [1, 0, 2, 3]), [channels, count, sizeOf(sizes)]);
  const sizes = [channels, sizeOf(outer), sizeOf(inner)];
  const pairs = transposedProduct(
    graph,
    flat(gradient, outer),
    flat(input, inner),
    sizes,
    'transA',
  );
  const joined = ([y, x]: Place, [v, u]: Place, [i, j]: Place) =>
    v === placeOf(windows, 0, y, i) && u === placeOf(windows, 1, x, j);
  const [p, q, taps] = [places(outer), places(inner), places(windows.kernel)];
  const picks = p.flatMap((a) => q.flatMap((b) => taps.map((tap) => Number(joined(a, b, tap)))));
  const all = graph.reshape(pairs, [channels, p.length * q.length]);
  const picked = graph.constant([p.length * q.length, taps.length], picks);
  return graph.emit('MatMul', [all, picked], [channels, taps.length]);
}

type Place = readonly [number, number];

const places = ([rows, columns]: readonly number[]): readonly Place[] =>
  Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const);

/** Where the tap of a window stands in the input. */
const placeOf = ({ strides, dilations, before }: Windows, axis: 0 | 1, at: number, tap: number) =>
  at * strides[axis] + tap * dilations[axis] - before[axis];

/**
 * For each row of the kernel, tiles of the rows of dy times those of x that they see:
 * dw[c, i, j] = Σ over columns p of a tile and q that j joins of (Σ over pictures, rows and tiles of dy[p]·x[q]).
 */
function byRows(
  graph: StaticGraph,
  { input, gradient }: WeightGradient,
  windows: Windows,
  tile: number,
): Value {
  const [count, channels, rows, columns] = gradient.dims;
  const { kernel, strides, dilations } = windows;
  const tiles = columns / tile;
  const seen = (tile - 1) * strides[1] + (kernel[1] - 1) * dilations[1] + 1;
  const all = count * rows * tiles;
  const own = graph.reshape(graph.transpose(gradient, [1, 0, 2, 3]), [channels, all, tile]);
  const tiled = tiledInput(graph, input, windows, { tile, tiles, seen, rows });
  const columnOf = (p: number, j: number) => p * strides[1] + j * dilations[1];
  const picks = Array.from({ length: tile * seen }, (_, at) =>
    Array.from({ length: kernel[1] }, (_, j) =>
      Number(at % seen === columnOf(Math.floor(at / seen), j)),
    ),
  ).flat();
  const picked = graph.constant([tile * seen, kernel[1]], picks);
  const found = Array.from({ length: kernel[0] }, (_, i) => {
    const start = i * dilations[0];
    const lists = [[start], [start + (rows - 1) * strides[0] + 1], [2], [strides[0]]];
    const dims = [channels, count, rows, tiles, seen];
    const near = graph.emit('Slice', [tiled, ...lists.map((list) => graph.integers(list))], dims);
    const right = graph.reshape(near, [channels, all, seen]);
    const pairs = transposedProduct(graph, own, right, [channels, tile, seen], 'transA');
    const flat = graph.reshape(pairs, [channels, tile * seen]);
    const taps = graph.emit('MatMul', [flat, picked], [channels, kernel[1]]);
    return graph.reshape(taps, [channels, 1, kernel[1]]);
  });
  const sizes = [channels, kernel[0], kernel[1]];
  const stacked = graph.emit('Concat', found, sizes, { axis: { int: 1 } });
  return stacked;
}

interface Tiles {
  readonly tile: number;
  readonly tiles: number;
  /** Columns of the input that a tile sees. */
  readonly seen: number;
  readonly rows: number;
}

/** The padded input by channels, its rows cut into what each tile sees: [C, N, H, tiles, seen]. */
function tiledInput(
  graph: StaticGraph,
  input: Value,
  { kernel, strides, dilations, before }: Windows,
  { tile, tiles, seen, rows }: Tiles,
): Value {
  const [count, channels, height, width] = input.dims;
  const high = (rows - 1) * strides[0] + (kernel[0] - 1) * dilations[0] + 1;
  const wide = (tiles - 1) * tile * strides[1] + seen;
  const widths = [0, 0, ...before, 0, 0, high - height - before[0], wide - width - before[1]];
  const turned = graph.transpose(input, [1, 0, 2, 3]);
  const dims = [channels, count, high, wide];
  const padded = graph.emit('Pad', [turned, graph.integers(widths)], dims);
  const parts = Array.from({ length: tiles }, (_, at) => {
    const start = at * tile * strides[1];
    const part = slice(graph, padded, 3, [start, start + seen]);
    return graph.reshape(part, [channels, count, high, 1, seen]);
  });
  if (tiles === 1) return parts[0];
  return graph.emit('Concat', parts, [channels, count, high, tiles, seen], { axis: { int: 3 } });
}

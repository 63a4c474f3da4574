import { Session, type Tensor } from '../../runtime/session.js';
import { StaticGraph, type Value } from '../graph/static-graph.js';
import { convolve } from '../operators/blocked-convolution.js';

/**
 * How many channels stand in a block of this machine's convolution kernels, by trying: the runtime tells nobody,
 * and its layout is no part of the standard, so that what it gives is compared with the standard's operator.
 * Undefined where no size gives the same.
 */
export function blockedChannels(): Promise<number | undefined> {
  found ??= tryAll();
  return found;
}

let found: Promise<number | undefined> | undefined;

const SIZES = [16, 8];
const TOLERANCE = 1e-4;

async function tryAll(): Promise<number | undefined> {
  for (const block of SIZES) if ((await largestDifference(block)) < TOLERANCE) return block;
  return undefined;
}

const CHANNELS = 32;
const DIMS = [2, CHANNELS, 33, 33];
const WINDOWS = {
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  before: [1, 1],
  after: [1, 1],
} as const;

/** Of a depthwise and a dense convolution in blocks from those of the standard; infinite if they fail. */
async function largestDifference(block: number): Promise<number> {
  const graph = new StaticGraph(17, 'float32', { block });
  const input = graph.input('input', DIMS);
  const sizes = [CHANNELS, 1].map((each) => [CHANNELS, each, 3, 3]);
  const kernels = sizes.map((dims, i) => graph.input(`weights${i}`, dims));
  const differences = kernels.map((weights) => {
    const groups = CHANNELS / weights.dims[1];
    const attributes = { group: { int: groups }, pads: { ints: [1, 1, 1, 1] } };
    const plain = graph.emit('Conv', [input, weights], DIMS, attributes);
    return graph.subtract(
      convolve(graph, [input, weights], { windows: WINDOWS, groups }, DIMS),
      plain,
    );
  });
  for (const difference of differences) graph.output(difference);
  try {
    const session = await Session.open(graph.build(), { threads: 1, operators: 'as written' });
    const feeds = [input, ...kernels].map((value) => [value.name, wave(value)] as const);
    const results = await session.run(Object.fromEntries(feeds));
    await session.close();
    const all = differences.map(({ name }) => results[name].data as Float32Array);
    return Math.max(...all.map((each) => each.reduce((most, x) => farther(most, x), 0)));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** NaN counts as infinitely far. */
const farther = (most: number, difference: number) =>
  Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, Math.abs(difference));

/** Numbers between −1 and 1 of which no two neighbours are alike. */
function wave({ dims }: Value): Tensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return {
    dtype: 'float32',
    dims,
    data: Float32Array.from({ length: count }, (_, i) => Math.sin(i * i)),
  };
}

import { RandomState } from '../../src/numerics/random/random-state.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { drawGabor, type GaborParameters } from './gabor-parameters.js';

/** Side of the image in pixels; it spans 8 degrees. */
const SIDE = 112;
const PIXELS_PER_DEGREE = SIDE / 8;
/** Side of a filter, 2.2 degrees, and the step between filters. */
const KERNEL = 31;
const STRIDE = 6;
/**
 * Padding before and after: filters stand at pixels 2, 8, … 110, one of them .05 degrees from (.5, .5), where
 * single-neuron studies show their gratings.
 */
const PADDING = [13, 14] as const;
/** Filters of each kind; a complex one is a pair in quadrature. */
const SIMPLE = 48;
const COMPLEX = 48;
const SEED = 20201118;

/**
 * The network: luminance → filters → `simple` (rectified, N × 48 × 19 × 19) and `complex` (root of
 * the summed squares of a pair, N × 48 × 19 × 19) → `v1` (both) → `v1_pool` (N × 96 × 6 × 6) →
 * `readout` (N × 384). The same bytes every time.
 */
export function build(): Uint8Array {
  const graph = new GraphBuilder('gabor-v1');
  const image = graph.input('image', 'float32', ['batch', 3, SIDE, SIDE]);
  const luminance = graph.node('ReduceMean', [image], {
    outputs: ['luminance'],
    attributes: { axes: { ints: [1] }, keepdims: { int: 1 } },
  });
  const filters = graph.initializer('filters', [SIMPLE + 2 * COMPLEX, 1, KERNEL, KERNEL], bank());
  const [before, after] = PADDING;
  const linear = graph.node('Conv', [luminance, filters], {
    outputs: ['linear'],
    attributes: {
      kernel_shape: { ints: [KERNEL, KERNEL] },
      pads: { ints: [before, before, after, after] },
      strides: { ints: [STRIDE, STRIDE] },
    },
  });
  const v1 = rectify(graph, linear);
  const pool = (side: number, name: string) =>
    graph.node('AveragePool', [v1], {
      outputs: [name],
      attributes: { kernel_shape: { ints: [side, side] }, strides: { ints: [side, side] } },
    });
  pool(3, 'v1_pool');
  graph.node('Flatten', [pool(9, 'quadrants')], { outputs: ['readout'] });
  for (const name of ['simple', 'complex', 'v1', 'v1_pool', 'readout']) graph.output(name);
  return graph.build();
}

/** Simple and complex channels from the linear responses, joined. */
function rectify(graph: GraphBuilder, linear: string): string {
  const parts = graph.initializer(
    'parts',
    [3],
    BigInt64Array.of(BigInt(SIMPLE), BigInt(COMPLEX), BigInt(COMPLEX)),
  );
  graph.node('Split', [linear, parts], {
    name: 'split',
    outputs: ['linear_simple', 'even', 'odd'],
    attributes: { axis: { int: 1 } },
  });
  graph.node('Relu', ['linear_simple'], { outputs: ['simple'] });
  const squares = ['even', 'odd'].map((part) =>
    graph.node('Mul', [part, part], { outputs: [`${part}_squared`] }),
  );
  graph.node('Sqrt', [graph.node('Add', squares, { outputs: ['energy'] })], {
    outputs: ['complex'],
  });
  return graph.node('Concat', ['simple', 'complex'], {
    outputs: ['v1'],
    attributes: { axis: { int: 1 } },
  });
}

/** All filters: the simple ones, then the complex ones' even parts, then their odd parts. */
function bank(): Float32Array {
  const random = new RandomState(SEED);
  const drawn = Array.from({ length: SIMPLE + COMPLEX }, () => drawGabor(random));
  const pairs = drawn.slice(SIMPLE);
  const odd = pairs.map((p) => ({ ...p, phase: p.phase + Math.PI / 2 }));
  const size = KERNEL * KERNEL;
  const filters = new Float32Array((drawn.length + odd.length) * size);
  [...drawn, ...odd].forEach((parameters, index) => {
    filters.set(gabor(parameters), index * size);
  });
  return filters;
}

/** One filter (KERNEL × KERNEL) of mean 0 and norm 1: it answers to no uniform grey. */
function gabor({ frequency, orientation, phase, nx, ny }: GaborParameters): Float64Array {
  const cycles = frequency / PIXELS_PER_DEGREE;
  const [cos, sin] = [Math.cos(orientation), Math.sin(orientation)];
  const filter = new Float64Array(KERNEL * KERNEL);
  const centre = KERNEL >> 1;
  for (let i = 0; i < filter.length; i++) {
    const x = (i % KERNEL) - centre;
    const y = Math.floor(i / KERNEL) - centre;
    // Across and along the bars, in cycles of the carrier.
    const across = (x * cos + y * sin) * cycles;
    const along = (y * cos - x * sin) * cycles;
    const envelope = Math.exp(-((across / nx) ** 2 + (along / ny) ** 2) / 2);
    filter[i] = envelope * Math.cos(2 * Math.PI * across + phase);
  }
  const mean = filter.reduce((sum, value) => sum + value, 0) / filter.length;
  const norm = Math.sqrt(filter.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  return filter.map((value) => (value - mean) / norm);
}

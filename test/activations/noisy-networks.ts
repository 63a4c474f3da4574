import { GraphBuilder } from '../../src/onnx/graph-builder.js';

const CHANNELS = 6;

const numbers = (count: number, step: number) =>
  Float32Array.from({ length: count }, (_, i) => (((i * step) % 13) - 6) / 16);

/** A way from one value to another that draws random numbers. */
export type Noise = (graph: GraphBuilder, value: string) => string;

/** Noise as VOneNet's: its variance is the response. @param seed one that the file has of its own */
export const likePoisson =
  (seed?: number): Noise =>
  (graph, value) => {
    const drawn = graph.node('RandomNormalLike', [value], {
      name: '/noise/RandomNormalLike',
      attributes: seed === undefined ? {} : { seed: { float: seed } },
    });
    const scale = graph.node('Sqrt', [value], { name: '/noise/Sqrt' });
    const scaled = graph.node('Mul', [scale, drawn], { name: '/noise/Mul' });
    return graph.node('Add', [value, scaled], { name: '/noise/Add', outputs: ['noisy'] });
  };

/** Drop-out that was exported in training mode. */
export const droppedOut: Noise = (graph, value) => {
  graph.initializer('ratio', [], Float32Array.of(0.5));
  graph.initializer('training', [], Int8Array.of(1));
  const mode = graph.node('Cast', ['training'], { attributes: { to: { int: 9 } } });
  return graph.node('Dropout', [value, 'ratio', mode], { outputs: ['noisy'] });
};

/** Spikes: each unit fires or does not. */
export const spiking: Noise = (graph, value) => {
  const chance = graph.node('Sigmoid', [value]);
  return graph.node('Bernoulli', [chance], { outputs: ['noisy'] });
};

/** One of four classes an image, drawn by its odds, as ones and zeros. */
export const drawnClass: Noise = (graph, value) => {
  const pool = graph.node('GlobalAveragePool', [value]);
  const odds = graph.node('Flatten', [pool]);
  const drawn = graph.node('Multinomial', [odds], {
    attributes: { sample_size: { int: 3 }, dtype: { int: 6 } },
  });
  return graph.node('Cast', [drawn], { outputs: ['noisy'], attributes: { to: { int: 1 } } });
};

/**
 * A convolution (`conv`) and a rectifier (`rest`), noise (`noisy`) and a rectifier behind it (`late`), and a second convolution
 * where there are maps (`deep`).
 */
export function noisyNetwork(noise: Noise = likePoisson()): GraphBuilder {
  const graph = new GraphBuilder('noisy');
  graph.input('image', 'float32', ['N', 3, 'H', 'W']);
  graph.initializer('conv.weight', [CHANNELS, 3, 3, 3], numbers(CHANNELS * 27, 7));
  const conv = graph.node('Conv', ['image', 'conv.weight'], {
    name: '/conv/Conv',
    outputs: ['conv'],
    attributes: { strides: { ints: [2, 2] } },
  });
  const rest = graph.node('Relu', [conv], { name: '/rest/Relu', outputs: ['rest'] });
  const late = graph.node('Relu', [noise(graph, rest)], { name: '/late/Relu', outputs: ['late'] });
  if (noise !== drawnClass) {
    graph.initializer('deep.weight', [CHANNELS, CHANNELS, 3, 3], numbers(CHANNELS ** 2 * 9, 5));
    graph.node('Conv', [late, 'deep.weight'], { name: '/deep/Conv', outputs: ['deep'] });
    graph.output('deep', 'float32', ['N', CHANNELS, 'A', 'B']);
  } else graph.output('late');
  return graph;
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { ORACLE } from '../oracle.js';

const source = join(ORACLE, '09-end-to-end');

/** 88 images, V4 and IT. */
export const objects = join(source, 'neural-csv', 'benchmark.yaml');
/** The behavioural read-out. */
export const behaviour = join(source, 'behaviour', 'benchmark.yaml');
/** The card of the networks of the oracle. */
export const oracleNetwork = (name: 'resnet' | 'mbconv') => ({
  path: join(source, name, 'model.onnx'),
  file: join(source, name, 'card.yaml'),
});

const CHANNELS = [3, 8, 32] as const;

/** What a made checkpoint is to say of itself. */
export interface MadeCheckpoint {
  /** From 0, random weights, to 1, the weights that training ends at. */
  readonly trained: number;
  /** `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A checkpoint of a small network for 48 × 48 images, layers `conv1`, `conv2` (rectified) and `pool` of 32 units,
 * whose weights are between two random sets.
 */
export function madeCheckpoint({ trained, metadata = {} }: MadeCheckpoint): Uint8Array {
  const graph = new GraphBuilder('series');
  let value = graph.input('image', 'float32', ['N', 3, 48, 48]);
  for (const layer of [1, 2]) {
    const [from, to] = [CHANNELS[layer - 1], CHANNELS[layer]];
    const weights = `conv${layer}.weight`;
    graph.initializer(weights, [to, from, 3, 3], between(layer, to * from * 9, trained));
    const attributes = { strides: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } };
    const summed = graph.node('Conv', [value, weights], { attributes });
    value = graph.node('Relu', [summed], { outputs: [`conv${layer}`] });
  }
  graph.node('GlobalAveragePool', [value], { outputs: ['pool'] });
  graph.output('pool', 'float32', ['N', CHANNELS[2], 1, 1]);
  for (const [key, text] of Object.entries(metadata)) graph.metadata(key, text);
  return graph.build();
}

function between(seed: number, count: number, share: number): Float32Array {
  const [start, end] = [seed, seed + 100].map((s) => new RandomState(s).standardNormal(count));
  return Float32Array.from(start, (weight, i) => ((1 - share) * weight + share * end[i]) / 3);
}

/** The card of made checkpoints. */
export const seriesCard = JSON.stringify({
  name: 'series',
  input: {
    resize: { to: 48, mode: 'square', filter: 'bilinear', library: 'pillow' },
    crop: 48,
    range: 1,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    layout: 'NCHW',
  },
  visual_degrees: 8,
  layers: ['conv1', 'conv2', 'pool'],
});

/** A folder with checkpoints `net_epoch_<k>.onnx` of that many epochs, and their card. */
export function madeSeries(folder: string, epochs: number): { folder: string; card: string } {
  mkdirSync(folder, { recursive: true });
  for (let epoch = 0; epoch < epochs; epoch++) {
    const trained = epochs > 1 ? epoch / (epochs - 1) : 0;
    writeFileSync(join(folder, `net_epoch_${epoch}.onnx`), madeCheckpoint({ trained }));
  }
  const card = join(folder, 'card.json');
  writeFileSync(card, seriesCard);
  return { folder, card };
}

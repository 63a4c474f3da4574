import { readFileSync } from 'node:fs';
import { openModelFile } from '../src/activations/model-file.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { GraphBuilder } from '../src/onnx/graph-builder.js';
import { readModel } from '../src/onnx/model.js';
import { peakRssMiB } from '../src/runtime/peak-memory.js';
import { sgd } from '../src/training/optimize/optimizers.js';
import { TrainedNetwork } from '../src/training/step/trained-network.js';
import { resnet18 } from './resnet-18.js';

/** Steps of SGD that are measured: both sides get the same. */
export interface TrainTask {
  readonly network: string;
  /** Path of the ONNX file. */
  readonly model: string;
  readonly side: number;
  readonly batch: number;
  readonly threads: number;
  readonly warm: number;
  readonly steps: number;
  readonly rate: number;
  readonly momentum: number;
  readonly weight_decay: number;
  /** PyTorch's alone. */
  readonly layout?: 'contiguous' | 'channels_last';
}

/** What they took. */
export interface TrainedSteps {
  /** Milliseconds of each step that was no warm-up. */
  readonly steps: readonly number[];
  /** Milliseconds of all processors. */
  readonly processor: readonly number[];
  /** Of every step, the warm-up too. */
  readonly losses: readonly number[];
  readonly peakMiB: number;
}

/** The ONNX file of a network that is measured. */
export async function bytesOf(network: string): Promise<Uint8Array> {
  if (network === 'resnet-18') return resnet18();
  if (network === 'small') return smallNetwork();
  return (await openModelFile(network)).bytes;
}

/** Trains in this process: the pass, the running statistics and the optimizer. */
export async function ownSteps(task: TrainTask): Promise<TrainedSteps> {
  const { side, batch, threads } = task;
  const dims = [batch, 3, side, side];
  const model = readModel(readFileSync(task.model), task.network);
  const network = await TrainedNetwork.open(model, { dims, threads });
  const optimizer = sgd(task);
  const pictures = Float32Array.from(new RandomState(1).standardNormal(batch * 3 * side * side));
  const classes = network.classes;
  const targets = new Float32Array(batch * classes);
  for (let row = 0; row < batch; row++) targets[row * classes + (row % 10)] = 1;
  const measured = await timed(task, async () => {
    const pass = await network.pass({ pictures, targets });
    network.follow(pass);
    optimizer.step(network.parameters, pass.gradients, task.rate);
    return pass.loss;
  });
  await network.close();
  return measured;
}

async function timed(
  { warm, steps }: Pick<TrainTask, 'warm' | 'steps'>,
  step: () => Promise<number>,
): Promise<TrainedSteps> {
  const found = { steps: [] as number[], processor: [] as number[], losses: [] as number[] };
  for (let i = 0; i < warm + steps; i++) {
    const before = { wall: performance.now(), processor: process.cpuUsage() };
    found.losses.push(await step());
    if (i < warm) continue;
    found.steps.push(performance.now() - before.wall);
    const { user, system } = process.cpuUsage(before.processor);
    found.processor.push((user + system) / 1000);
  }
  return { ...found, peakMiB: peakRssMiB() };
}

const SMALL = { side: 16, classes: 10, channels: [8, 16] } as const;

/** The case that tfjs is compared in, on its plain backend: two convolutions and a linear layer. */
function smallNetwork(): Uint8Array {
  const graph = new GraphBuilder('small');
  const [first, second] = SMALL.channels;
  let value = graph.input('image', 'float32', ['batch', 3, SMALL.side, SMALL.side]);
  const random = new RandomState(2);
  const weights = (name: string, dims: readonly number[]) => {
    const count = dims.reduce((product, size) => product * size, 1);
    const drawn = random.standardNormal(count).map((number) => number / 5);
    return graph.initializer(name, dims, Float32Array.from(drawn));
  };
  const attributes = { pads: { ints: [1, 1, 1, 1] } };
  for (const [name, dims] of [
    ['conv1', [first, 3, 3, 3]],
    ['conv2', [second, first, 3, 3]],
  ] as const) {
    value = graph.node('Conv', [value, weights(name, dims)], { attributes });
    value = graph.node('Relu', [value]);
  }
  const pooled = graph.node('Flatten', [graph.node('GlobalAveragePool', [value])]);
  graph.output(graph.node('MatMul', [pooled, weights('fc', [second, SMALL.classes])]));
  return graph.build();
}

/** The small case by tfjs, in this process. */
export async function tensorflowSteps(task: TrainTask): Promise<TrainedSteps> {
  const tf = await import('../src/importing/tensorflow/portable.js');
  await tf.setBackend('cpu');
  const [first, second] = SMALL.channels;
  const convolution = {
    kernelSize: 3,
    padding: 'same',
    activation: 'relu',
    useBias: false,
  } as const;
  const inputShape = [SMALL.side, SMALL.side, 3];
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ ...convolution, filters: first, inputShape }),
      tf.layers.conv2d({ ...convolution, filters: second }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: SMALL.classes, useBias: false, activation: 'softmax' }),
    ],
  });
  const optimizer = tf.train.momentum(task.rate, task.momentum);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const x = tf.randomNormal([task.batch, ...inputShape]);
  const labels = Array.from({ length: task.batch }, (_, row) => row % SMALL.classes);
  const y = tf.oneHot(tf.tensor1d(labels, 'int32'), SMALL.classes);
  return timed(task, async () => Number(await model.trainOnBatch(x, y)));
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '../../../src/importing/tensorflow/portable.js';
import type { Dice } from '../../fuzz/dice.js';

/** Networks that TensorFlow.js itself builds and saves, of every kind of layer that the import knows. */

// Else it tells the console of a faster package.
tf.enableProdMode();

type Value = tf.SymbolicTensor;
type Step = (value: Value, dice: Dice) => Value;

const size = (dice: Dice) => dice.between(1, 3);
const pair = (dice: Dice): [number, number] => [size(dice), size(dice)];
const padding = (dice: Dice) => dice.pick(['same', 'valid'] as const);
const activation = (dice: Dice) =>
  dice.pick([
    'linear',
    'relu',
    'relu6',
    'sigmoid',
    'tanh',
    'elu',
    'selu',
    'swish',
    'hardSigmoid',
  ] as const);
/** Strides or dilations, of which TensorFlow.js takes one kind at a time. */
const steps = (dice: Dice) =>
  dice.chance(0.5) ? { strides: pair(dice) } : { dilationRate: pair(dice) };

const pictureSteps: readonly Step[] = [
  (value, dice) =>
    tf.layers
      .conv2d({
        filters: dice.between(1, 6),
        kernelSize: pair(dice),
        padding: 'same',
        useBias: dice.chance(0.5),
        activation: activation(dice),
        ...steps(dice),
      })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .depthwiseConv2d({
        kernelSize: pair(dice),
        depthMultiplier: dice.between(1, 2),
        padding: padding(dice),
        useBias: dice.chance(0.5),
        strides: size(dice),
      })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .separableConv2d({
        filters: dice.between(1, 5),
        kernelSize: pair(dice),
        padding: 'same',
        strides: size(dice),
        activation: activation(dice),
      } as never)
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .conv2dTranspose({
        filters: dice.between(1, 4),
        kernelSize: pair(dice),
        strides: pair(dice),
        padding: padding(dice),
      })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .batchNormalization({ scale: dice.chance(0.7), center: dice.chance(0.7), epsilon: 0.01 })
      .apply(value) as Value,
  (value) => tf.layers.layerNormalization({}).apply(value) as Value,
  (value, dice) => tf.layers.reLU(dice.chance(0.5) ? { maxValue: 0.6 } : {}).apply(value) as Value,
  (value) => tf.layers.leakyReLU({ alpha: 0.2 }).apply(value) as Value,
  (value, dice) =>
    tf.layers.prelu(dice.chance(0.5) ? { sharedAxes: [1, 2] } : {}).apply(value) as Value,
  (value) => tf.layers.elu({}).apply(value) as Value,
  (value) => tf.layers.thresholdedReLU({ theta: 0.3 }).apply(value) as Value,
  (value) => tf.layers.softmax({ axis: -1 }).apply(value) as Value,
  (value, dice) =>
    tf.layers
      .activation({
        activation: dice.pick(['gelu', 'mish', 'softplus', 'softsign', 'softmax'] as never[]),
      })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .zeroPadding2d({
        padding: [
          [size(dice), 0],
          [0, size(dice)],
        ] as never,
      })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .cropping2D({
        cropping: [
          [1, 0],
          [dice.between(0, 1), 1],
        ],
      })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .maxPooling2d({ poolSize: pair(dice), strides: pair(dice), padding: 'same' })
      .apply(value) as Value,
  (value, dice) =>
    tf.layers
      .averagePooling2d({ poolSize: pair(dice), strides: pair(dice), padding: 'same' })
      .apply(value) as Value,
  (value, dice) => tf.layers.upSampling2d({ size: pair(dice) }).apply(value) as Value,
  (value) => tf.layers.permute({ dims: [2, 1, 3] }).apply(value) as Value,
  (value) => tf.layers.permute({ dims: [3, 1, 2] }).apply(value) as Value,
  (value, dice) => tf.layers.dense({ units: dice.between(1, 5) }).apply(value) as Value,
  (value) => tf.layers.dropout({ rate: 0.5 }).apply(value) as Value,
  (value) => tf.layers.gaussianNoise({ stddev: 1 }).apply(value) as Value,
  (value) => tf.layers.rescaling({ scale: 2, offset: -0.3 } as never).apply(value) as Value,
  (value, dice) =>
    merged(
      value,
      tf.layers.activation({ activation: activation(dice) }).apply(value) as Value,
      dice,
    ),
  squeezed,
  nested,
  shared,
];

function merged(a: Value, b: Value, dice: Dice): Value {
  const merge = dice.pick([
    () => tf.layers.add(),
    () => tf.layers.multiply(),
    () => tf.layers.average(),
    () => tf.layers.maximum(),
    () => tf.layers.minimum(),
    () => tf.layers.concatenate({ axis: dice.pick([-1, 1, 2, 3]) }),
  ]);
  return merge().apply([a, b]) as Value;
}

/** Channels weighed by what the whole image says, as in squeeze and excitation. */
function squeezed(value: Value): Value {
  const channels = value.shape[3] as number;
  const pooled = tf.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }).apply(value);
  const shaped = tf.layers.reshape({ targetShape: [1, 1, channels] }).apply(pooled);
  const gate = tf.layers
    .conv2d({ filters: channels, kernelSize: 1, activation: 'sigmoid' })
    .apply(shaped);
  return tf.layers.multiply().apply([value, gate] as Value[]) as Value;
}

/** A model as a layer, Sequential or Functional. */
function nested(value: Value, dice: Dice): Value {
  const shape = value.shape.slice(1);
  if (dice.chance(0.5)) {
    const inner = tf.sequential();
    inner.add(
      tf.layers.conv2d({
        inputShape: shape as number[],
        filters: 3,
        kernelSize: 2,
        padding: 'same',
      }),
    );
    inner.add(tf.layers.batchNormalization({}));
    return inner.apply(value) as Value;
  }
  const input = tf.input({ shape });
  const convolved = tf.layers.conv2d({ filters: shape[2] as number, kernelSize: 1 }).apply(input);
  const sum = tf.layers.add().apply([input, convolved] as Value[]) as Value;
  return tf.model({ inputs: input, outputs: sum }).apply(value) as Value;
}

/** One layer that is called twice. */
function shared(value: Value): Value {
  const layer = tf.layers.conv2d({
    filters: value.shape[3] as number,
    kernelSize: 3,
    padding: 'same',
  });
  return layer.apply(layer.apply(value)) as Value;
}

const heads: readonly Step[] = [
  (value) => tf.layers.flatten({}).apply(value) as Value,
  (value) => tf.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }).apply(value) as Value,
  (value) => tf.layers.globalMaxPooling2d({ dataFormat: 'channelsLast' }).apply(value) as Value,
  (value) => {
    const [, height, width, channels] = value.shape as number[];
    return tf.layers.reshape({ targetShape: [height * width * channels] }).apply(value) as Value;
  },
  (value) => {
    const [, height, width, channels] = value.shape as number[];
    const rows = tf.layers.reshape({ targetShape: [height * width, channels] }).apply(value);
    return tf.layers
      .flatten({})
      .apply(tf.layers.layerNormalization({ axis: -1 }).apply(rows)) as Value;
  },
];

/** A network of some steps and a head; what it makes depends on the dice alone, its weights too. */
export function madeNetwork(dice: Dice): tf.LayersModel {
  const input = tf.input({ shape: [dice.between(4, 9), dice.between(4, 9), dice.between(1, 4)] });
  let value: Value = input;
  for (let count = dice.between(2, 7); count > 0; count--) {
    const [, height, width] = value.shape as number[];
    // What is too small for a window, or grows too large, takes no further step.
    if (Math.min(height, width) < 6 || height * width > 400) break;
    value = dice.pick(pictureSteps)(value, dice);
  }
  value = dice.pick(pictureSteps.slice(0, 1))(value, dice);
  value = dice.pick(heads)(value, dice);
  const dense = tf.layers.dense({
    units: 4,
    activation: dice.pick(['softmax', 'linear', 'softplus']),
  });
  const model = tf.model({ inputs: input, outputs: dense.apply(value) as Value });
  fill(model, dice);
  return model;
}

/** Weights away from where training starts: means from 0, variances from 1. */
export function fill(model: tf.LayersModel, dice: Dice): void {
  const values = model.weights.map(({ originalName, shape }) => {
    const count = (shape as number[]).reduce((product, one) => product * one, 1);
    const positive = /variance|gamma/.test(originalName);
    const data = Float32Array.from({ length: count }, () =>
      positive ? 0.3 + dice.below(1000) / 500 : dice.below(1000) / 1000 - 0.45,
    );
    return tf.tensor(data, shape as number[]);
  });
  model.setWeights(values);
  tf.dispose(values);
}

/** Saves a model as TensorFlow.js does: `model.json` and shards beside it. */
export async function save(model: tf.LayersModel, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const bytes = Buffer.from(tf.io.concatenateArrayBuffers([weightData as ArrayBuffer].flat()));
      const half = bytes.length >> 1;
      const manifest = [{ paths: ['shard1of2.bin', 'shard2of2.bin'], weights: weightSpecs }];
      await writeFile(join(folder, 'shard1of2.bin'), bytes.subarray(0, half));
      await writeFile(join(folder, 'shard2of2.bin'), bytes.subarray(half));
      await writeFile(
        join(folder, 'model.json'),
        JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest: manifest }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
}

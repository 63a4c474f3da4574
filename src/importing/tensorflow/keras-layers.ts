import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import type { Fields } from '../source/fields.js';
import type * as TensorFlow from './portable.js';

/**
 * Layers of Keras that TensorFlow.js lacks or has otherwise, of its operators, after Keras's own source
 * (keras/src/layers, keras/src/activations): so that networks with them have a runtime to prove against.
 */

type Tf = typeof TensorFlow;

interface Call {
  readonly tf: Tf;
  readonly inputs: readonly Tensor[];
  readonly fields: Fields;
  /** By role. */
  readonly weights: Readonly<Record<string, Tensor>>;
}

const activations: Readonly<Record<string, (tf: Tf, x: Tensor) => Tensor>> = {
  hard_sigmoid: (tf, x) => tf.div(tf.clipByValue(tf.add(x, 3), 0, 6), 6),
  hard_silu: (tf, x) => tf.mul(x, tf.div(tf.clipByValue(tf.add(x, 3), 0, 6), 6)),
  hard_swish: (tf, x) => tf.mul(x, tf.div(tf.clipByValue(tf.add(x, 3), 0, 6), 6)),
  leaky_relu: (tf, x) => tf.leakyRelu(x, 0.2),
  exponential: (tf, x) => tf.exp(x),
};

/** Whether an activation, by Keras's name, is here. */
export const hasActivation = (name: string): boolean => Object.hasOwn(activations, name);

const layers: Readonly<Record<string, (call: Call) => Tensor>> = {
  Activation: ({ tf, inputs: [x], fields }) => activations[fields.activation as string](tf, x),
  Subtract: ({ tf, inputs: [a, b] }) => tf.sub(a, b),
  Arithmetic({ tf, inputs, fields: { operator, constant, first } }) {
    const other = inputs[1] ?? tf.scalar(constant as number);
    const [a, b] = first ? [other, inputs[0]] : [inputs[0], other];
    return { Add: tf.add, Sub: tf.sub, Mul: tf.mul, Div: tf.div }[operator as 'Add'](a, b);
  },
  ELU({ tf, inputs: [x], fields }) {
    const below = tf.mul(tf.expm1(tf.minimum(x, 0)), fields.alpha as number);
    return tf.where(tf.greater(x, 0), x, below);
  },
  ReLU({ tf, inputs: [x], fields }) {
    const threshold = (fields.threshold as number | undefined) ?? 0;
    const below = tf.mul(tf.sub(x, threshold), (fields.negative_slope as number | undefined) ?? 0);
    const bent = tf.where(tf.greaterEqual(x, threshold), x, below);
    return typeof fields.max_value === 'number' ? tf.minimum(bent, fields.max_value) : bent;
  },
  Softmax: ({ tf, inputs: [x], fields }) =>
    tf.exp(tf.sub(x, tf.logSumExp(x, fields.axis as number | number[], true))),
  GlobalAveragePooling2D: ({ tf, inputs: [x] }) => tf.mean(x, [1, 2], true),
  GlobalMaxPooling2D: ({ tf, inputs: [x] }) => tf.max(x, [1, 2], true),
  Rescaling: ({ tf, inputs: [x], fields }) =>
    tf.add(tf.mul(x, fields.scale as number[]), (fields.offset as number[] | undefined) ?? 0),
  Normalization({ tf, inputs: [x], fields, weights }) {
    const mean = weights.mean ?? tf.reshape(tf.tensor(fields.mean as number[]), [-1]);
    const variance = weights.variance ?? tf.reshape(tf.tensor(fields.variance as number[]), [-1]);
    const spread = tf.maximum(tf.sqrt(variance), 1e-7);
    return fields.invert ? tf.add(mean, tf.mul(x, spread)) : tf.div(tf.sub(x, mean), spread);
  },
  Conv2D({ tf, inputs: [x], fields, weights: { kernel, bias } }) {
    const groups = fields.groups as number;
    const pictures = tf.split(x, groups, -1);
    const parts = tf
      .split(kernel, groups, -1)
      .map((part, group) =>
        tf.conv2d(
          pictures[group] as Tensor4D,
          part as Tensor4D,
          fields.strides as [number, number],
          fields.padding as 'same' | 'valid',
          'NHWC',
          fields.dilation_rate as [number, number],
        ),
      );
    const joined = tf.concat(parts, -1);
    return bias ? tf.add(joined, bias) : joined;
  },
  DepthwiseConv2D({ tf, inputs: [x], fields, weights: { depthwise_kernel: kernel, bias } }) {
    const convolved = tf.depthwiseConv2d(
      x as Tensor4D,
      kernel as Tensor4D,
      1,
      fields.padding as 'same' | 'valid',
      'NHWC',
      fields.dilation_rate as [number, number],
    );
    return bias ? tf.add(convolved, bias) : convolved;
  },
};

/** Whether a class of Keras is here. */
export const hasLayer = (className: string): boolean => Object.hasOwn(layers, className);

/** The class under which a topology names these layers. */
export const KERAS_LAYER = 'VentralKerasLayer';

/** Configuration of a {@link KERAS_LAYER}; as one text in base64, since TensorFlow.js rewrites names in what it loads. */
export interface KerasLayer {
  readonly className: string;
  readonly fields: Fields;
  /** Of the output, without the batch. */
  readonly shape: readonly (number | null)[];
  readonly weights: readonly { readonly role: string; readonly dims: readonly number[] }[];
}

/** Makes the layers known to TensorFlow.js. */
export function registerKerasLayers(tf: Tf): void {
  class OwnLayer extends tf.layers.Layer {
    static readonly className = KERAS_LAYER;
    readonly #told: KerasLayer;
    readonly #variables = new Map<string, { read(): Tensor }>();

    constructor(config: { readonly name: string; readonly text: string }) {
      super({ name: config.name });
      this.#told = JSON.parse(Buffer.from(config.text, 'base64').toString());
    }

    override build(): void {
      for (const { role, dims } of this.#told.weights) {
        const zeros = tf.initializers.zeros();
        this.#variables.set(role, this.addWeight(role, [...dims], 'float32', zeros));
      }
      this.built = true;
    }

    override computeOutputShape(): (number | null)[] {
      return [null, ...this.#told.shape];
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      const { className, fields } = this.#told;
      const weights = Object.fromEntries(
        [...this.#variables].map(([role, one]) => [role, one.read()]),
      );
      return tf.tidy(() => layers[className]({ tf, inputs: [inputs].flat(), fields, weights }));
    }
  }
  tf.serialization.registerClass(OwnLayer as never);
}

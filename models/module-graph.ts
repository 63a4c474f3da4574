import { GraphBuilder, type NodeAttribute } from '../src/onnx/graph-builder.js';
import { RandomWeights } from './random-weights.js';

/** A convolution of PyTorch, square, without dilation. */
export interface Convolution {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  /** 1 by default. */
  readonly stride?: number;
  /** 1 by default; as many as channels make it depthwise. */
  readonly groups?: number;
  /**
   * `same` is TensorFlow's padding: as much as makes the output ⌈side / stride⌉ wide, the odd pixel at
   * the end. By default (kernel − 1) / 2 on each side, as torchvision has it.
   */
  readonly padding?: 'same';
  readonly bias?: boolean;
  /** Variance of the random weights times the fan-in. */
  readonly gain: number;
}

/**
 * Variance times fan-in of weights whose output has the mean square of the pre-activations before
 * (He et al. 2015): 1 if no activation stands between and 2 after a ReLU. After a SiLU it would be
 * from 2 (large values) over 2.81 (normal ones of variance 1) to 4; with 2.5 the blocks of
 * EfficientNet-B1 stay between 0.3 and 50, on noise as on smooth images. `halved` makes up for a gate near one half, and `gate` are the
 * weights before one that leave it there.
 */
export const gains = { linear: 1, relu: 2, silu: 2.5, halved: 4, gate: 0.1 } as const;

/**
 * Writes a network as PyTorch's exporter leaves one in eval mode without folding: nodes and values
 * bear their module's path (`/layer3/layer3.0/conv1/Conv`, `…/Conv_output_0`), weights the keys of the
 * state dict, so that every module can be asked for by its path and real weights can take the place
 * of the random ones by name. Every method gives back the name of the value that it makes.
 */
export class ModuleGraph {
  readonly #graph: GraphBuilder;
  readonly #weights: RandomWeights;

  /** @param name of the graph, and seed of its weights */
  constructor(name: string) {
    this.#graph = new GraphBuilder(name);
    this.#weights = new RandomWeights(name);
  }

  /** The image, N × 3 × height × width, all but the channels free. */
  image(): string {
    return this.#graph.input('image', 'float32', ['batch', 3, 'height', 'width']);
  }

  /** Conv2d: `weight`, and `bias` if it has one. */
  conv(path: string, input: string, convolution: Convolution): string {
    const { from, to, kernel, stride = 1, groups = 1, gain } = convolution;
    const fanIn = (from / groups) * kernel * kernel;
    const weight = this.#weights.next(to * fanIn, gain / fanIn);
    const dims = [to, from / groups, kernel, kernel];
    const inputs = [input, this.#graph.initializer(`${path}.weight`, dims, weight)];
    if (convolution.bias) inputs.push(this.#constant(`${path}.bias`, to, 0));
    const side = (kernel - 1) / 2;
    return this.node(path, 'Conv', inputs, {
      dilations: { ints: [1, 1] },
      group: { int: groups },
      kernel_shape: { ints: [kernel, kernel] },
      strides: { ints: [stride, stride] },
      ...(convolution.padding === 'same'
        ? { auto_pad: { string: 'SAME_UPPER' } }
        : { pads: { ints: [side, side, side, side] } }),
    });
  }

  /** BatchNorm2d in eval mode, as it is before training: weight and variance 1, bias and mean 0. */
  batchNorm(path: string, input: string, channels: number, epsilon: number): string {
    const statistics = { weight: 1, bias: 0, running_mean: 0, running_var: 1 };
    const names = Object.entries(statistics).map(([key, value]) =>
      this.#constant(`${path}.${key}`, channels, value),
    );
    return this.node(path, 'BatchNormalization', [input, ...names], {
      epsilon: { float: epsilon },
    });
  }

  /** Linear, N × from to N × to; `output` names the value, which then is an output of the graph. */
  linear(path: string, input: string, size: { from: number; to: number; output: string }): string {
    const { from, to, output } = size;
    const weight = this.#weights.next(to * from, gains.linear / from);
    const inputs = [
      input,
      this.#graph.initializer(`${path}.weight`, [to, from], weight),
      this.#constant(`${path}.bias`, to, 0),
    ];
    this.node(path, 'Gemm', inputs, { transB: { int: 1 } }, output);
    this.#graph.output(output);
    return output;
  }

  /** SiLU: x · sigmoid(x), which ONNX has no operator for before opset 24. */
  silu(path: string, input: string): string {
    return this.node(path, 'Mul', [input, this.node(path, 'Sigmoid', [input])]);
  }

  /** One operator inside the module `path`, the network itself being `''`. */
  node(
    path: string,
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NodeAttribute>> = {},
    output?: string,
  ): string {
    const name = `${scope(path)}/${operator}`;
    const outputs = [output ?? `${name}_output_0`];
    return this.#graph.node(operator, inputs, { name, outputs, attributes });
  }

  /** Whole numbers that an operator takes as an input. */
  integers(name: string, values: readonly number[]): string {
    return this.#graph.initializer(name, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** Bytes of the ONNX file. */
  build(): Uint8Array {
    return this.#graph.build();
  }

  #constant(name: string, count: number, value: number): string {
    return this.#graph.initializer(name, [count], new Float32Array(count).fill(value));
  }
}

/** `layer3.0.conv1` as the exporter writes it, children of a Sequential with its name before: `/layer3/layer3.0/conv1`. */
function scope(path: string): string {
  if (path === '') return '';
  let local = '';
  return path
    .split('.')
    .map((part) => {
      local = /^\d+$/.test(part) ? `${local}.${part}` : part;
      return `/${local}`;
    })
    .join('');
}

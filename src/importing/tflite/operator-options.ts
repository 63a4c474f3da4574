import type { VentralError } from '../../errors/ventral-error.js';
import { invalidPart, unsupportedLayer } from '../keras/refusals.js';
import type { FlatTable } from './flat-table.js';
import type { TfliteNetwork, TfliteOperator, TfliteTensor } from './tflite-file.js';

/** What an operator does to its result at its end. */
export type FusedActivation = 'none' | 'relu' | 'relu_n1_to_1' | 'relu6' | 'tanh';

const activations = ['none', 'relu', 'relu_n1_to_1', 'relu6', 'tanh'] as const;

/** How a window moves over height and width. */
export interface TfliteWindow {
  readonly padding: 'same' | 'valid';
  /** Height, width. */
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
}

/** Tables of the union BuiltinOptions that are read, by their number there. */
const tables = {
  conv: 1,
  depthwise: 2,
  pool: 5,
  dense: 8,
  softmax: 9,
  concatenation: 10,
  add: 11,
  mul: 21,
  reducer: 27,
  sub: 28,
  div: 29,
  leakyRelu: 75,
} as const;

const LARGEST_STEP = 4096;

/** An operator of the network with its tensors; reads its options, each checked when it is asked for. */
export class Step {
  readonly #network: TfliteNetwork;
  readonly #operator: TfliteOperator;

  constructor(network: TfliteNetwork, operator: TfliteOperator) {
    this.#network = network;
    this.#operator = operator;
  }

  /** Such as `CONV_2D`. */
  get operator(): string {
    return this.#operator.name;
  }

  get inputs(): readonly (number | undefined)[] {
    return this.#operator.inputs;
  }

  /** Index of its first output; every operator that is imported has one. */
  get output(): number {
    const [first] = this.#operator.outputs;
    if (first !== undefined && this.#operator.outputs.length === 1) return first;
    const { file, tensors } = this.#network;
    const name = first === undefined ? 'an operator' : tensors[first].name;
    throw unsupportedLayer(file, name, this.operator, 'with other than one output');
  }

  /** Whether one of its results is among these. */
  makes(wanted: ReadonlySet<number>): boolean {
    return this.#operator.outputs.some((index) => wanted.has(index));
  }

  get result(): TfliteTensor {
    return this.#network.tensors[this.output];
  }

  refuse(field: string, expected: string, found: unknown): VentralError {
    const { file } = this.#network;
    return invalidPart(file, `${field} of ${this.operator} ${this.result.name}`, expected, found);
  }

  unsupported(why?: string): VentralError {
    return unsupportedLayer(this.#network.file, this.result.name, this.operator, why);
  }

  /** Activation of a convolution, a pooling or another operator that may have one. */
  activation(): FusedActivation {
    const field = { 1: 3, 2: 4, 5: 5, 8: 0, 10: 1, 11: 0, 21: 0, 28: 0, 29: 0 };
    const at = field[this.#operator.optionsType as keyof typeof field];
    if (at === undefined) return 'none';
    const code = this.#operator.options?.int8(at) ?? 0;
    const found = activations[code];
    if (found !== undefined) return found;
    throw this.unsupported(`with the fused activation ${code}, which the import does not know`);
  }

  /** The window of a convolution. */
  convolution(): TfliteWindow {
    const kind = this.operator === 'CONV_2D' ? 'conv' : 'depthwise';
    const options = this.#options(kind);
    const dilation = kind === 'conv' ? 4 : 5;
    return {
      ...this.#moves(options),
      dilations: [this.#step(options, dilation + 1, 1), this.#step(options, dilation, 1)],
    };
  }

  /** The window of a pooling, and its height and width. */
  pooling(): TfliteWindow & { readonly size: readonly [number, number] } {
    const options = this.#options('pool');
    return {
      ...this.#moves(options),
      dilations: [1, 1],
      size: [this.#step(options, 4), this.#step(options, 3)],
    };
  }

  /** Whether a fully connected layer keeps the axes before the last. */
  keepsAxes(): boolean {
    const options = this.#options('dense');
    if (options.int8(1) !== 0) throw this.unsupported('whose weights are shuffled');
    return options.int8(2) !== 0;
  }

  keepsReduced(): boolean {
    return this.#options('reducer').int8(0) !== 0;
  }

  /** The axis along which values are joined, the batch being 0. */
  joinedAxis(): number {
    return this.#options('concatenation').int32(0);
  }

  beta(): number {
    return this.#options('softmax').float32(0);
  }

  slope(): number {
    return this.#options('leakyRelu').float32(0);
  }

  #moves(options: FlatTable): Pick<TfliteWindow, 'padding' | 'strides'> {
    const padding = (['same', 'valid'] as const)[options.int8(0)];
    if (padding === undefined) throw this.refuse('padding', 'SAME or VALID', options.int8(0));
    return { padding, strides: [this.#step(options, 2), this.#step(options, 1)] };
  }

  #step(options: FlatTable, field: number, otherwise = 0): number {
    const size = options.int32(field, otherwise);
    if (size >= 1 && size <= LARGEST_STEP) return size;
    throw this.refuse('the window', `steps and sizes of 1 to ${LARGEST_STEP}`, size);
  }

  #options(kind: keyof typeof tables): FlatTable {
    const { options, optionsType } = this.#operator;
    if (options !== undefined && optionsType === tables[kind]) return options;
    throw this.refuse('options', `table ${tables[kind]}`, optionsType);
  }
}

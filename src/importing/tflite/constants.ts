import { fromHalf } from '../../activations/stimuli/half.js';
import { VentralError } from '../../errors/ventral-error.js';
import { invalidPart } from '../keras/refusals.js';
import type { TensorSteps, TfliteNetwork, TfliteTensor, TfliteType } from './tflite-file.js';

/** Elements of all constants of a network together. */
const MOST_ELEMENTS = 2 ** 27;

const sizes: Readonly<Partial<Record<TfliteType, number>>> = {
  float32: 4,
  float16: 2,
  float64: 8,
  int32: 4,
  int64: 8,
  int16: 2,
  int8: 1,
  uint8: 1,
};

/** A constant's values in float64, quantised ones as scale × (q − zero point). */
export interface ConstantValues {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** The constants of a network, each read once. */
export class Constants {
  readonly #network: TfliteNetwork;
  readonly #read = new Map<number, ConstantValues>();
  #elements = 0;

  constructor(network: TfliteNetwork) {
    this.#network = network;
  }

  /** Gives a constant another name: what a `DEQUANTIZE` makes of it. */
  alias(to: number, from: number): void {
    const values = this.get(from);
    if (values !== undefined) this.#read.set(to, values);
  }

  /**
   * The values of a tensor; undefined for one that is computed.
   * @throws VentralError `checkpoint-invalid`, `import-unsupported`
   */
  get(index: number): ConstantValues | undefined {
    const found = this.#read.get(index);
    if (found !== undefined) return found;
    const tensor = this.#network.tensors[index];
    if (tensor.data === undefined) return undefined;
    const values = { dims: tensor.shape, data: this.#values(tensor, tensor.data) };
    this.#read.set(index, values);
    return values;
  }

  #values(tensor: TfliteTensor, bytes: Uint8Array): Float64Array {
    const { file } = this.#network;
    const { shape, name, type, quantization } = tensor;
    const count = shape.reduce((product, size) => product * size, 1);
    const size = sizes[type];
    if (size === undefined) {
      throw new VentralError('import-unsupported', `${file}: ${name} holds ${type} constants`, {
        file,
        field: name,
        expected: Object.keys(sizes).join(', '),
        found: type,
      });
    }
    if (count * size !== bytes.length)
      throw invalidPart(file, `tensor ${name}`, `${count * size} bytes`, bytes.length);
    this.#elements += count;
    if (this.#elements > MOST_ELEMENTS)
      throw invalidPart(file, 'constants', `at most ${MOST_ELEMENTS} elements`, 'more');
    const values = numbers(type, bytes);
    if (quantization !== undefined) dequantise(values, shape, quantization);
    return values;
  }
}

function numbers(type: TfliteType, bytes: Uint8Array): Float64Array {
  const { buffer } = Uint8Array.from(bytes);
  if (type === 'float16') return Float64Array.from(fromHalf(new Uint16Array(buffer)));
  if (type === 'int64') return Float64Array.from(new BigInt64Array(buffer), Number);
  const array = {
    float32: Float32Array,
    float64: Float64Array,
    int32: Int32Array,
    int16: Int16Array,
    int8: Int8Array,
    uint8: Uint8Array,
  }[type as 'float32'];
  return Float64Array.from(new array(buffer));
}

function dequantise(
  values: Float64Array,
  shape: readonly number[],
  { scales, zeroPoints, axis }: TensorSteps,
): void {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  for (let i = 0; i < values.length; i++) {
    const at = scales.length === 1 ? 0 : Math.floor(i / inner) % scales.length;
    values[i] = scales[at] * (values[i] - zeroPoints[at]);
  }
}

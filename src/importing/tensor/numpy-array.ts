import {
  BuiltValue,
  describeValue,
  InertObject,
  type PickleValue,
  StorageReference,
  TensorReference,
} from '../pickle/pickle-values.js';
import type { StoredDtype } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint, shortened } from '../source/checkpoint-fault.js';
import { elementCount, rowMajorStrides } from './strides.js';

/** numpy's arrays as they stand in pickles: built empty, then given sizes, type and bytes. */

const types: Readonly<Record<string, StoredDtype>> = {
  f8: 'float64',
  f4: 'float32',
  f2: 'float16',
  i8: 'int64',
  i4: 'int32',
  i2: 'int16',
  i1: 'int8',
  u1: 'uint8',
  b1: 'bool',
};

/** Texts, times and empty types: no numbers of a network. */
const noNumbers = /^[USMm]/;

const mostDims = 64;

/** Type of the elements, such as `f4`; the byte order comes with its state. */
class NumpyType extends BuiltValue {
  bigEndian = false;
  isRecord = false;

  constructor(readonly code: string) {
    super();
  }

  /** @param state (version, byte order, subarray, names, fields, size, alignment, flags) */
  setState(state: PickleValue, place: CheckpointPlace): void {
    if (!Array.isArray(state))
      refuseCheckpoint(place, 'the state of a dtype', describeValue(state));
    this.bigEndian = state[1] === '>';
    this.isRecord = state.slice(2, 5).some((part) => part !== null && part !== undefined);
  }
}

/** An array; `reference` is set once its state is known, if it holds numbers. */
export class NumpyArray extends BuiltValue {
  reference: TensorReference | undefined;

  /** @param state (version, sizes, dtype, whether columns come first, bytes or list of objects) */
  setState(state: PickleValue, place: CheckpointPlace): void {
    if (!Array.isArray(state) || state.length !== 5) {
      refuseCheckpoint(place, 'the state of an array', describeValue(state));
    }
    const [, dims, type, byColumns, content] = state;
    this.#fill({ dims, type, byColumns: byColumns === true, content }, place);
  }

  /** From `numpy._core.numeric._frombuffer(bytes, dtype, sizes, order)`. */
  static ofBuffer(args: readonly PickleValue[], place: CheckpointPlace): NumpyArray {
    const [content = null, type = null, dims = null, order] = args;
    const array = new NumpyArray();
    array.#fill({ dims, type, byColumns: order === 'F', content }, place);
    return array;
  }

  #fill({ dims, type, byColumns, content }: ArrayState, place: CheckpointPlace): void {
    // A type that only its class names says nothing of the bytes.
    if (!(type instanceof NumpyType)) return;
    const sizes = sizesOf(dims, place);
    const { code, isRecord, bigEndian } = type;
    if (noNumbers.test(code)) return;
    const dtype = isRecord || !Object.hasOwn(types, code) ? undefined : types[code];
    const storage = (bytes: Uint8Array) =>
      new StorageReference('', dtype ?? 'bytes', 0, bytes.length, { bytes, bigEndian });
    if (dtype === undefined) {
      const what = code.startsWith('O') ? 'object' : isRecord ? 'void' : shortened(code);
      this.reference = new TensorReference(storage(Buffer.alloc(0)), `numpy.${what}`, 0, [], []);
      return;
    }
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    if (!(bytes instanceof Uint8Array)) refuseCheckpoint(place, 'bytes', describeValue(content));
    const needed = elementCount(sizes) * Number(code.slice(1));
    if (bytes.length !== needed) {
      const said = `[${sizes.join(', ')}] of ${dtype}`;
      refuseCheckpoint(place, `${needed} bytes for an array of ${said}`, `${bytes.length}`);
    }
    const strides = byColumns
      ? rowMajorStrides([...sizes].reverse()).reverse()
      : rowMajorStrides(sizes);
    this.reference = new TensorReference(storage(bytes), dtype, 0, sizes, strides);
  }
}

interface ArrayState {
  readonly dims: PickleValue;
  readonly type: PickleValue;
  readonly byColumns: boolean;
  readonly content: PickleValue;
}

function sizesOf(value: PickleValue, place: CheckpointPlace): number[] {
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && Number(size) >= 0;
  const sizes = Array.isArray(value) ? value : [value];
  if (sizes.length <= mostDims && sizes.every(isSize)) return sizes;
  return refuseCheckpoint(place, 'the sizes of an array', describeValue(value));
}

/** `numpy.dtype(code, align, copy)`; of a type that has no code nothing is known. */
export const numpyType = ([code]: readonly PickleValue[]): PickleValue =>
  typeof code === 'string' ? new NumpyType(code) : new InertObject('numpy.dtype');

/** Bytes as protocols before 3 write them: a text of Latin-1, encoded again. */
export const encodedText = ([text, encoding]: readonly PickleValue[]): PickleValue =>
  typeof text === 'string' && /^latin-?1$/.test(String(encoding))
    ? Buffer.from(text, 'latin1')
    : new InertObject('_codecs.encode');

import type { StoredDtype } from '../source/checkpoint.js';
import { type CheckpointPlace, shortened } from '../source/checkpoint-fault.js';

/** Contents of a parsed pickle: plain values, and names of the objects it would have built. */

/** Element types that PyTorch stores and ventral does not read. */
export type UnreadDtype =
  | 'complex64'
  | 'complex128'
  | 'qint8'
  | 'quint8'
  | 'qint32'
  | `torch.${string}`
  | `numpy.${string}`;

/** A dictionary; it takes memory only once something is in it. */
export class PickleDict {
  #entries: Map<PickleValue, PickleValue> | undefined;

  set(key: PickleValue, value: PickleValue): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
  }

  get(key: PickleValue): PickleValue | undefined {
    return this.#entries?.get(key);
  }

  entries(): Iterable<readonly [PickleValue, PickleValue]> {
    return this.#entries ?? [];
  }
}

/** Anything that is let be: what stood in it is not kept. */
export class InertObject {
  constructor(readonly kind: string) {}
}

/** A class or function named by the pickle; our `build` replaces a call of it. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly meaning: {
      /** @param place of the call, for messages */
      readonly build?: (args: readonly PickleValue[], place: CheckpointPlace) => PickleValue;
      /** Of a `torch.dtype` or a storage class; `bytes` for storages without a type. */
      readonly dtype?: StoredDtype | UnreadDtype | 'bytes';
      readonly isStorage?: boolean;
    },
  ) {}
}

/** A value that the pickle completes after it was built. */
export abstract class BuiltValue {
  /** @throws VentralError `checkpoint-invalid` */
  abstract setState(state: PickleValue, place: CheckpointPlace): void;
}

/** A stretch of numbers, which are outside the pickle unless it holds their bytes. */
export class StorageReference {
  constructor(
    readonly key: string,
    readonly dtype: StoredDtype | UnreadDtype | 'bytes',
    /** Where in the storage the stretch starts. */
    readonly byteOffset: number,
    readonly byteLength: number,
    readonly held?: { readonly bytes: Uint8Array; readonly bigEndian: boolean },
  ) {}
}

/** A tensor over a storage; offset and strides count elements. */
export class TensorReference {
  constructor(
    readonly storage: StorageReference,
    readonly dtype: StoredDtype | UnreadDtype,
    readonly offset: number,
    readonly dims: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** A value of a pickle; arrays are its lists and tuples alike, and may contain themselves. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | InertObject
  | PickleGlobal
  | BuiltValue
  | StorageReference
  | TensorReference;

/** What a value is, for a message. */
export function describeValue(value: PickleValue): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof PickleDict) return 'a dictionary';
  if (value instanceof InertObject) return `an object of ${value.kind}`;
  if (value instanceof PickleGlobal) return value.name;
  if (value instanceof BuiltValue) return 'an array';
  if (value instanceof StorageReference) return 'a storage';
  if (value instanceof TensorReference) return 'a tensor';
  return typeof value === 'string' ? `"${value.slice(0, 60)}"` : shortened(`${value}`);
}

import { elementTypeNumber } from './element-type.js';
import { metadataRecord } from './metadata.js';
import {
  bytesRecord,
  concatenate,
  floatRecord,
  integerRecord,
  messagePieces,
  varintBytes,
} from './wire.js';

/** Elements of an initializer; the array says the type, Uint16Array being the bits of float16. */
export type Elements =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Uint8Array
  | Int8Array
  | Uint16Array;

/** An attribute of a node, tagged with its ONNX type. */
export type NodeAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly string: string }
  | { readonly tensor: { readonly dims: readonly number[]; readonly elements: Elements } };

/** What a node may say beside operator and inputs. */
export interface NodeOptions {
  /** By default the operator and a running number. */
  readonly name?: string;
  /** Names of the outputs; by default one, of the node's name. */
  readonly outputs?: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, NodeAttribute>>;
  /** `metadata_props` of the node. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes an ONNX graph of our own: initializers, nodes, inputs and outputs in the order of the
 * calls, so that the same calls give the same bytes. Dimensions are sizes, or names for free ones
 * (`'batch'`). Every method that makes a value returns its name.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #names = new Set<string>();
  readonly #nodes: Uint8Array[] = [];
  readonly #initializers: Uint8Array[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  readonly #metadata: Uint8Array[] = [];

  /** @param opsets version of each operator domain beside the standard one */
  constructor(name: string, opset = 17, opsets: Readonly<Record<string, number>> = {}) {
    this.#name = name;
    this.#opsets = new Map([['', opset], ...Object.entries(opsets)]);
  }

  /**
   * Declares an input of the graph.
   * @throws RangeError on a name that is taken or an unknown type
   */
  input(name: string, dtype: string, dims: readonly (number | string)[]): string {
    this.#inputs.push(bytesRecord(11, valueInfo(this.#take(name), dtype, dims)));
    return name;
  }

  /**
   * Adds constant values (row-major), which are copied once, by {@link build}: they must stay as
   * they are until then.
   * @throws RangeError on a name that is taken or a wrong count
   */
  initializer(name: string, dims: readonly number[], elements: Elements): string {
    this.#initializers.push(...messagePieces(5, tensorPieces(this.#take(name), dims, elements)));
    return name;
  }

  /**
   * Adds a node and gives the name of its first output.
   * @throws RangeError on a name that is taken
   */
  node(operator: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const name = options.name ?? options.outputs?.[0] ?? `${operator}_${this.#nodes.length}`;
    const outputs = (options.outputs ?? [name]).map((output) => this.#take(output));
    const attributes = Object.entries(options.attributes ?? {}).sort(([a], [b]) =>
      a < b ? -1 : 1,
    );
    this.#nodes.push(
      bytesRecord(
        1,
        concatenate([
          ...inputs.map((input) => bytesRecord(1, input)),
          ...outputs.map((output) => bytesRecord(2, output)),
          bytesRecord(3, name),
          bytesRecord(4, operator),
          ...attributes.map(([key, value]) => bytesRecord(5, attribute(key, value))),
          ...(options.domain ? [bytesRecord(7, options.domain)] : []),
          ...Object.entries(options.metadata ?? {}).map(([key, value]) =>
            bytesRecord(9, concatenate([bytesRecord(1, key), bytesRecord(2, value)])),
          ),
        ]),
      ),
    );
    return outputs[0];
  }

  /** Makes a value an output of the graph; without a type the runtime infers it. */
  output(name: string, dtype?: string, dims?: readonly (number | string)[]): void {
    const info = dtype === undefined ? bytesRecord(1, name) : valueInfo(name, dtype, dims);
    this.#outputs.push(bytesRecord(12, info));
  }

  /** Adds a `metadata_props` entry. */
  metadata(key: string, value: string): void {
    this.#metadata.push(metadataRecord(key, value));
  }

  /** Bytes of the ModelProto (IR version 8). */
  build(): Uint8Array {
    const graph = messagePieces(7, [
      ...this.#nodes,
      bytesRecord(2, this.#name),
      ...this.#initializers,
      ...this.#inputs,
      ...this.#outputs,
    ]);
    const opsets = [...this.#opsets].map(([domain, version]) =>
      bytesRecord(8, concatenate([bytesRecord(1, domain), integerRecord(2, version)])),
    );
    return concatenate([
      integerRecord(1, 8),
      bytesRecord(2, 'ventral'),
      ...graph,
      ...opsets,
      ...this.#metadata,
    ]);
  }

  #take(name: string): string {
    if (name === '' || this.#names.has(name)) throw new RangeError(`the name "${name}" is taken`);
    this.#names.add(name);
    return name;
  }
}

/** A ValueInfoProto; without dims the rank stays open. */
function valueInfo(name: string, dtype: string, dims?: readonly (number | string)[]): Uint8Array {
  const number = elementTypeNumber(dtype);
  if (number === undefined) throw new RangeError(`${dtype} is not an ONNX element type`);
  const shape = (dims ?? []).map((dim) =>
    bytesRecord(1, typeof dim === 'number' ? integerRecord(1, dim) : bytesRecord(2, dim)),
  );
  const type = [integerRecord(1, number), ...(dims ? [bytesRecord(2, concatenate(shape))] : [])];
  return concatenate([bytesRecord(1, name), bytesRecord(2, bytesRecord(1, concatenate(type)))]);
}

/** TensorProto.DataType of an array. */
export function elementTypeOf(elements: Elements): number {
  if (elements instanceof Float32Array) return 1;
  if (elements instanceof Float64Array) return 11;
  if (elements instanceof BigInt64Array) return 7;
  if (elements instanceof Int32Array) return 6;
  if (elements instanceof Uint8Array) return 2;
  return elements instanceof Int8Array ? 3 : 10;
}

/** Pieces of a TensorProto with its elements in raw_data, little-endian; the elements are not copied. */
function tensorPieces(
  name: string,
  dims: readonly number[],
  elements: Elements,
): readonly Uint8Array[] {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (count !== elements.length) {
    throw new RangeError(
      `${name}: [${dims.join(', ')}] needs ${count} elements, not ${elements.length}`,
    );
  }
  const raw = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return [
    ...(dims.length === 0 ? [] : [bytesRecord(1, concatenate(dims.map(varintBytes)))]),
    integerRecord(2, elementTypeOf(elements)),
    ...(name === '' ? [] : [bytesRecord(8, name)]),
    ...messagePieces(9, [raw]),
  ];
}

/** An AttributeProto; the last record is its type. */
function attribute(name: string, value: NodeAttribute): Uint8Array {
  const of = (type: number, ...content: Uint8Array[]) =>
    concatenate([bytesRecord(1, name), ...content, integerRecord(20, type)]);
  if ('int' in value) return of(2, integerRecord(3, value.int));
  if ('float' in value) return of(1, floatRecord(2, value.float));
  if ('string' in value) return of(3, bytesRecord(4, value.string));
  if ('ints' in value) return of(7, ...value.ints.map((int) => integerRecord(8, int)));
  if ('floats' in value) return of(6, ...value.floats.map((float) => floatRecord(7, float)));
  const { dims, elements } = value.tensor;
  return of(4, ...messagePieces(5, tensorPieces('', dims, elements)));
}

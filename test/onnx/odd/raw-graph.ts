import { elementTypeNumber } from '../../../src/onnx/element-type.js';
import { type Elements, elementTypeOf } from '../../../src/onnx/graph-builder.js';
import {
  bytesRecord,
  concatenate,
  floatRecord,
  integerRecord,
  varintBytes,
} from '../../../src/onnx/wire.js';

/**
 * Writes any graph, valid or not: `GraphBuilder` writes only those of our own. Subgraphs, functions, sequences, sparse
 * tensors, names that are taken, records of any kind.
 */

export type Dims = readonly (number | string | null)[];
export type RawAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: Uint8Array }
  | { readonly graph: Uint8Array }
  | { readonly reference: string };
export type Attributes = Readonly<Record<string, RawAttribute>>;

const packed = (dims: readonly number[]) =>
  dims.length === 0 ? [] : [bytesRecord(1, concatenate(dims.map(varintBytes)))];

/** A TensorProto. */
export function tensor(
  name: string,
  dims: readonly number[],
  elements: Elements,
  type = elementTypeOf(elements),
): Uint8Array {
  const raw = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return concatenate([
    ...packed(dims),
    integerRecord(2, type),
    ...(name === '' ? [] : [bytesRecord(8, name)]),
    bytesRecord(9, raw),
  ]);
}

/** A TensorProto of words. */
export const words = (name: string, values: readonly string[]): Uint8Array =>
  concatenate([
    ...packed([values.length]),
    integerRecord(2, 8),
    ...values.map((value) => bytesRecord(6, value)),
    bytesRecord(8, name),
  ]);

/** A SparseTensorProto of float32 in one row of indices. */
export const sparse = (
  name: string,
  dims: readonly number[],
  entries: ReadonlyMap<number, number>,
): Uint8Array =>
  concatenate([
    bytesRecord(1, tensor(name, [entries.size], Float32Array.from(entries.values()))),
    bytesRecord(2, tensor('', [entries.size], BigInt64Array.from([...entries.keys()].map(BigInt)))),
    ...dims.map((dim) => integerRecord(3, dim)),
  ]);

/** A TypeProto of a tensor. */
export function tensorType(type: string, dims?: Dims): Uint8Array {
  const shape = (dims ?? []).map((dim) =>
    bytesRecord(
      1,
      dim === null
        ? new Uint8Array(0)
        : typeof dim === 'number'
          ? integerRecord(1, dim)
          : bytesRecord(2, dim),
    ),
  );
  const parts = [
    integerRecord(1, elementTypeNumber(type) as number),
    ...(dims ? [bytesRecord(2, concatenate(shape))] : []),
  ];
  return bytesRecord(1, concatenate(parts));
}

/** A ValueInfoProto; without a type the name alone. */
export const value = (name: string, type?: Uint8Array): Uint8Array =>
  concatenate([bytesRecord(1, name), ...(type ? [bytesRecord(2, type)] : [])]);

/** A TypeProto of a sequence, or of an optional value. */
export const sequenceOf = (type: Uint8Array): Uint8Array => bytesRecord(4, bytesRecord(1, type));
export const optionalOf = (type: Uint8Array): Uint8Array => bytesRecord(9, bytesRecord(1, type));

function attribute(name: string, given: RawAttribute): Uint8Array {
  const of = (type: number, ...content: Uint8Array[]) =>
    concatenate([bytesRecord(1, name), ...content, integerRecord(20, type)]);
  if (typeof given === 'number') return of(2, integerRecord(3, given));
  if (typeof given === 'string') return of(3, bytesRecord(4, given));
  if (Array.isArray(given)) return of(7, ...given.map((each: number) => integerRecord(8, each)));
  if ('floats' in given) return of(6, ...given.floats.map((each) => floatRecord(7, each)));
  if ('float' in given) return of(1, floatRecord(2, given.float));
  if ('tensor' in given) return of(4, bytesRecord(5, given.tensor));
  if ('graph' in given) return of(5, bytesRecord(6, given.graph));
  return of(1, bytesRecord(21, (given as { reference: string }).reference));
}

/** A NodeProto. */
export const node = (
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  { name = '', domain = '' }: { readonly name?: string; readonly domain?: string } = {},
): Uint8Array =>
  concatenate([
    ...inputs.map((each) => bytesRecord(1, each)),
    ...outputs.map((each) => bytesRecord(2, each)),
    ...(name === '' ? [] : [bytesRecord(3, name)]),
    bytesRecord(4, operator),
    ...Object.entries(attributes).map(([key, each]) => bytesRecord(5, attribute(key, each))),
    ...(domain === '' ? [] : [bytesRecord(7, domain)]),
  ]);

/** What a graph holds, each part as bytes. */
export interface RawGraph {
  readonly nodes: readonly Uint8Array[];
  readonly inputs?: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
  readonly initializers?: readonly Uint8Array[];
  readonly sparse?: readonly Uint8Array[];
  readonly valueInfo?: readonly Uint8Array[];
}

/** A GraphProto. */
export const graph = ({
  nodes,
  inputs = [],
  outputs,
  initializers = [],
  sparse: sparseOnes = [],
  valueInfo = [],
}: RawGraph): Uint8Array =>
  concatenate([
    ...nodes.map((each) => bytesRecord(1, each)),
    bytesRecord(2, 'odd'),
    ...initializers.map((each) => bytesRecord(5, each)),
    ...inputs.map((each) => bytesRecord(11, each)),
    ...outputs.map((each) => bytesRecord(12, each)),
    ...valueInfo.map((each) => bytesRecord(13, each)),
    ...sparseOnes.map((each) => bytesRecord(15, each)),
  ]);

const opset = (domain: string, version: number) =>
  concatenate([bytesRecord(1, domain), integerRecord(2, version)]);

/** A FunctionProto of the domain `own`. */
export const ownFunction = (
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  nodes: readonly Uint8Array[],
  { version = 17, attributes = [] }: { version?: number; attributes?: readonly string[] } = {},
): Uint8Array =>
  concatenate([
    bytesRecord(1, name),
    ...inputs.map((each) => bytesRecord(4, each)),
    ...outputs.map((each) => bytesRecord(5, each)),
    ...attributes.map((each) => bytesRecord(6, each)),
    ...nodes.map((each) => bytesRecord(7, each)),
    bytesRecord(9, opset('', version)),
    bytesRecord(9, opset('own', 1)),
    bytesRecord(10, 'own'),
  ]);

/** What a model says beside its graph. */
export interface RawModel {
  readonly ir?: number;
  readonly opset?: number;
  readonly domains?: Readonly<Record<string, number>>;
  readonly functions?: readonly Uint8Array[];
  /** Further records. */
  readonly more?: readonly Uint8Array[];
}

/** A ModelProto. */
export const model = (
  content: Uint8Array,
  { ir = 8, opset: version = 17, domains = {}, functions = [], more = [] }: RawModel = {},
): Uint8Array =>
  concatenate([
    integerRecord(1, ir),
    bytesRecord(2, 'odd'),
    bytesRecord(7, content),
    bytesRecord(8, opset('', version)),
    ...Object.entries(domains).map(([domain, each]) => bytesRecord(8, opset(domain, each))),
    ...functions.map((each) => bytesRecord(25, each)),
    ...more,
  ]);

/** Collects the parts of a graph whose input is `image`, N × 3 × H × W. */
export class Odd {
  readonly nodes: Uint8Array[] = [];
  readonly inputs: Uint8Array[] = [];
  readonly outputs: Uint8Array[] = [];
  readonly initializers: Uint8Array[] = [];
  readonly sparse: Uint8Array[] = [];
  readonly valueInfo: Uint8Array[] = [];
  readonly #broken: number[] = [];

  image(dims: Dims = ['N', 3, 'H', 'W'], type = 'float32'): string {
    this.inputs.push(value('image', tensorType(type, dims)));
    return 'image';
  }

  /** A node; gives its first output. */
  n(
    operator: string,
    inputs: readonly string[],
    outputs: string | readonly string[],
    attributes: Attributes = {},
    names: { readonly name?: string; readonly domain?: string } = {},
  ): string {
    const all = typeof outputs === 'string' ? [outputs] : outputs;
    this.nodes.push(node(operator, inputs, all, attributes, names));
    return all[0];
  }

  /** A node that cannot be computed: the runtime alone would run it, whatever is asked for. */
  broken(operator: string, inputs: readonly string[], output: string): void {
    this.n(operator, inputs, output);
    this.#broken.push(this.nodes.length - 1);
  }

  /** Leaves out what cannot be computed. */
  mend(): void {
    for (const index of [...this.#broken].reverse()) this.nodes.splice(index, 1);
  }

  /** An initializer. */
  c(name: string, dims: readonly number[], elements: Elements, type?: number): string {
    this.initializers.push(tensor(name, dims, elements, type));
    return name;
  }

  /** One of int64. */
  i(name: string, ...numbers: number[]): string {
    return this.c(name, [numbers.length], BigInt64Array.from(numbers, BigInt));
  }

  out(name: string, type?: Uint8Array): void {
    this.outputs.push(value(name, type));
  }

  /** The image, a convolution to four channels and a rectifier: the values `image`, `c` and `r`. */
  stem(image = this.image()): string {
    this.c('w', [4, 3, 3, 3], weights(108));
    this.n('Conv', [image, 'w'], 'c', {}, { name: '/conv/Conv' });
    return this.n('Relu', ['c'], 'r', {}, { name: '/act/Relu' });
  }

  build(options: RawModel = {}): Uint8Array {
    return model(graph(this), options);
  }
}

/** Numbers of quarters, of either sign. */
export const weights = (count: number, step = 7): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => (((i * step) % 9) - 4) / 64);

import {
  type Elements,
  GraphBuilder,
  type NodeAttribute,
  type NodeOptions,
} from '../../onnx/graph-builder.js';

/** A value of a graph whose sizes are all known. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Attributes of a node that is emitted. */
export type Attributes = Readonly<Record<string, NodeAttribute>>;

/** Element types that networks are trained in; float64 serves checks against finite differences. */
export type Precision = 'float32' | 'float64';

/** A node that is to be written. */
interface Emitted {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly options: NodeOptions;
}

/** What a graph may make use of beside the standard's operators. */
export interface Kernels {
  /** Channels a block of the runtime's own kernels: see `blockedChannels`. */
  readonly block?: number | undefined;
  /** Only forms that providers beside the CPU have. */
  readonly portable?: boolean;
}

export const sizeOf = (dims: readonly number[]): number =>
  dims.reduce((product, size) => product * size, 1);

/**
 * An ONNX graph that is written node by node with the sizes of every value, so that gradients can be emitted
 * without asking the runtime for shapes. Equal constants are written once.
 */
export class StaticGraph {
  readonly precision: Precision;
  /** Channels a block where convolutions may be written in the layout of the runtime's own kernels. */
  readonly block: number | undefined;
  /** Whether only the standard's operators are written, in forms that every provider has. */
  readonly portable: boolean;
  readonly #builder: GraphBuilder;
  readonly #opset: number;
  readonly #constants = new Map<string, Value>();
  readonly #nodes: Emitted[] = [];
  readonly #made = new Set<string>();
  readonly #read = new Set<string>();
  readonly #outputs = new Set<string>();
  #count = 0;

  /** @param opset of the network that is trained; 17 at the least, which gradients are written for */
  constructor(opset: number, precision: Precision = 'float32', kernels: Kernels = {}) {
    this.precision = precision;
    this.portable = precision === 'float64' || (kernels.portable ?? false);
    this.block = this.portable ? undefined : kernels.block;
    this.#opset = Math.max(17, opset);
    this.#builder = new GraphBuilder('step', this.#opset, {
      ...(this.portable ? {} : { 'com.microsoft': 1 }),
      ...(this.block === undefined ? {} : { 'com.microsoft.nchwc': 1 }),
    });
  }

  /** Declares an input of floating-point numbers. */
  input(name: string, dims: readonly number[]): Value {
    return { name: this.#builder.input(name, this.precision, dims), dims };
  }

  /** An initializer of the network, under its own name. */
  initializer(name: string, dims: readonly number[], elements: Elements): Value {
    return { name: this.#builder.initializer(name, dims, elements), dims };
  }

  /**
   * Makes a value an output: itself where that can be, so that the runtime writes it where it is fetched.
   * @returns the name of the output
   */
  output(value: Value): string {
    const itself = this.#made.has(value.name) && !this.#outputs.has(value.name);
    const { name, dims } = itself ? value : this.emit('Identity', [value], value.dims);
    this.#outputs.add(name);
    this.#builder.output(name, this.precision, dims);
    return name;
  }

  /** Emits a node with one output, with a generated name by default. */
  emit(
    operator: string,
    inputs: readonly Value[],
    dims: readonly number[],
    attributes: Attributes = {},
    domain = '',
    name = `grad.${operator}.${this.#count++}`,
  ): Value {
    const names = inputs.map((input) => input.name);
    this.node(operator, names, { outputs: [name], attributes, domain });
    return { name, dims };
  }

  /** Emits a node unchanged from a network. */
  node(operator: string, inputs: readonly string[], options: NodeOptions): void {
    for (const name of options.outputs ?? []) this.#made.add(name);
    for (const name of inputs) this.#read.add(name);
    this.#nodes.push({ operator, inputs, options });
  }

  /** A constant of the graph's own element type, row-major. */
  constant(dims: readonly number[], numbers: readonly number[]): Value {
    const elements =
      this.precision === 'float64' ? Float64Array.from(numbers) : Float32Array.from(numbers);
    return this.#constant(`${dims.join('x')}:${numbers.join(',')}`, dims, elements);
  }

  scalar(number: number): Value {
    return this.constant([], [number]);
  }

  /** Whole numbers: a list, such as axes or a shape, unless sizes are given. */
  integers(numbers: readonly number[], dims: readonly number[] = [numbers.length]): Value {
    const elements = BigInt64Array.from(numbers, BigInt);
    return this.#constant(`i${dims.join('x')}:${numbers.join(',')}`, dims, elements);
  }

  reshape(value: Value, dims: readonly number[]): Value {
    if (String(value.dims) === String(dims)) return value;
    return this.emit('Reshape', [value, this.integers(dims)], dims);
  }

  /** Gives a value these sizes: by the rules of numpy where it has fewer elements. */
  expand(value: Value, dims: readonly number[]): Value {
    if (sizeOf(value.dims) === sizeOf(dims)) return this.reshape(value, dims);
    return this.emit('Expand', [value, this.integers(dims)], dims);
  }

  transpose(value: Value, axes: readonly number[]): Value {
    const dims = axes.map((axis) => value.dims[axis]);
    return this.emit('Transpose', [value], dims, { perm: { ints: axes } });
  }

  /** Sums over axes, which are dropped. */
  sum(value: Value, axes: readonly number[]): Value {
    if (axes.length === 0) return value;
    const dims = value.dims.filter((_, axis) => !axes.includes(axis));
    return this.emit('ReduceSum', [value, this.integers(axes)], dims, { keepdims: { int: 0 } });
  }

  /** The highest of each row of a matrix, [rows, 1]. */
  highest(rows: Value): Value {
    const dims = [rows.dims[0], 1];
    // Axes are an input from then on.
    if (this.#opset >= 18) return this.emit('ReduceMax', [rows, this.integers([1])], dims);
    return this.emit('ReduceMax', [rows], dims, { axes: { ints: [1] } });
  }

  /** Sums over broadcast axes, so that the result has the sizes before broadcasting. */
  sumTo(value: Value, dims: readonly number[]): Value {
    const lead = value.dims.length - dims.length;
    const axes = value.dims.flatMap((size, axis) =>
      axis < lead || (dims[axis - lead] === 1 && size !== 1) ? [axis] : [],
    );
    return this.reshape(this.sum(value, axes), dims);
  }

  add(a: Value, b: Value): Value {
    return this.emit('Add', [a, b], broadcast(a.dims, b.dims));
  }

  subtract(a: Value, b: Value): Value {
    return this.emit('Sub', [a, b], broadcast(a.dims, b.dims));
  }

  multiply(a: Value, b: Value): Value {
    return this.emit('Mul', [a, b], broadcast(a.dims, b.dims));
  }

  divide(a: Value, b: Value): Value {
    return this.emit('Div', [a, b], broadcast(a.dims, b.dims));
  }

  /** 1 if a condition holds, 0 elsewhere. */
  indicator(condition: Value): Value {
    const to = { to: { int: this.precision === 'float64' ? 11 : 1 } };
    return this.emit('Cast', [condition], condition.dims, to);
  }

  /**
   * The graph's bytes. Nodes that nothing reads stand at the end, the last first: the runtime starts with what the
   * last node needs, and so makes the gradients of a layer's weights before it continues to the layer below. The other
   * way round it would keep the gradients of all layers until then.
   */
  build(): Uint8Array {
    const isRead = ({ options }: Emitted) => options.outputs?.some((name) => this.#read.has(name));
    const ends = this.#nodes.filter((node) => !isRead(node)).reverse();
    for (const { operator, inputs, options } of [...this.#nodes.filter(isRead), ...ends])
      this.#builder.node(operator, inputs, options);
    return this.#builder.build();
  }

  #constant(key: string, dims: readonly number[], elements: Elements): Value {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.#builder.initializer(`const.${this.#constants.size}`, dims, elements);
    const value = { name, dims };
    this.#constants.set(key, value);
    return value;
  }
}

/**
 * The sizes of a result of two values by the rules of numpy.
 * @throws RangeError where they do not fit
 */
export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (x !== y && x !== 1 && y !== 1)
      throw new RangeError(`[${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return Math.max(x, y);
  });
}

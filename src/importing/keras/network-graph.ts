import type { VentralError } from '../../errors/ventral-error.js';
import { type Elements, GraphBuilder, type NodeAttribute } from '../../onnx/graph-builder.js';
import type { Size } from '../source/imported.js';
import { invalidPart, unsupportedLayer } from './refusals.js';

/** A value of the network that is being translated. */
export interface Value {
  /** In the graph. */
  readonly name: string;
  /** As the source has it, without the batch. */
  readonly shape: readonly Size[];
  /** Whether a height × width × channels of the source lies as channels × height × width in the graph. */
  readonly moved: boolean;
}

/** Sources have images as N × H × W × C; ONNX wants N × C × H × W. */
export const toChannelsFirst = [0, 3, 1, 2] as const;
export const toChannelsLast = [0, 2, 3, 1] as const;

/** Elements that a value for one image may have: 1 GiB of float32. */
const MOST_ELEMENTS = 2 ** 28;

interface Node {
  readonly operator: string;
  inputs: readonly string[];
  output: string;
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
  /** Layer that it belongs to. */
  readonly layer: string;
}

interface Constant {
  readonly dims: readonly number[];
  readonly elements: Elements;
}

/**
 * An ONNX graph that grows layer by layer: between {@link begin} and {@link finish} nodes belong to one
 * layer, which is a module of the graph under its name. Knows of every value how it lies.
 */
export class NetworkGraph {
  readonly #taken = new Set<string>();
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, Constant>();
  #input: Value | undefined;
  #layer = { name: '', className: '', start: 0 };

  constructor(readonly file: string) {}

  /** Declares the input of images; `moved` as in {@link Value}. */
  input(name: string, shape: readonly Size[], moved: boolean): Value {
    this.#taken.add(name);
    this.#input = this.value(name, shape, moved);
    return this.#input;
  }

  /** Starts a layer: its nodes and errors bear its name. */
  begin(name: string, className: string): void {
    this.#layer = { name, className, start: this.#nodes.length };
  }

  /** Ends a layer: the value that it gives is called its output. */
  finish(result: Value): Value {
    const { name: layer, start } = this.#layer;
    const name = this.#free(`${layer}/output`);
    const own = this.#nodes.slice(start);
    const maker = own.find((node) => node.output === result.name);
    if (maker === undefined) {
      const inputs = [result.name];
      this.#nodes.push({ operator: 'Identity', inputs, output: name, attributes: {}, layer });
      return { ...result, name };
    }
    maker.output = name;
    for (const node of own) {
      node.inputs = node.inputs.map((input) => (input === result.name ? name : input));
    }
    return { ...result, name };
  }

  /** Adds a node of the layer and gives the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NodeAttribute>> = {},
  ): string {
    const output = this.#free(`${this.#layer.name}/${operator}`);
    this.#nodes.push({ operator, inputs, output, attributes, layer: this.#layer.name });
    return output;
  }

  /** Adds constant values of the layer and gives their name. */
  constant(what: string, dims: readonly number[], elements: Elements): string {
    const name = this.#free(`${this.#layer.name}/${what}`);
    this.#constants.set(name, { dims, elements });
    return name;
  }

  /**
   * A value that a node gave, its shape checked.
   * @throws VentralError `checkpoint-invalid` where there is no such shape
   */
  value(name: string, shape: readonly Size[], moved: boolean): Value {
    const bad = shape.some((size) => size !== null && !(Number.isInteger(size) && size > 0));
    const count = shape.reduce<number>((product, size) => product * (size ?? 1), 1);
    if (bad || shape.length > 7 || count > MOST_ELEMENTS) {
      throw this.refuse(`an output of at most ${MOST_ELEMENTS} elements`, `[${shape.join(', ')}]`);
    }
    return { name, shape, moved: moved && shape.length === 3 };
  }

  /** The value with its channels moved to the front, or as the source has it. */
  lying(value: Value, moved: boolean): Value {
    if (value.moved === moved || value.shape.length !== 3) return value;
    const perm = moved ? toChannelsFirst : toChannelsLast;
    return {
      ...value,
      moved,
      name: this.node('Transpose', [value.name], { perm: { ints: perm } }),
    };
  }

  /** Error of an invalid layer. */
  refuse(expected: string, found: unknown): VentralError {
    return invalidPart(this.file, `layer ${this.#layer.name}`, expected, found);
  }

  /** The layer available cannot be translated. */
  unsupported(why?: string): VentralError {
    return unsupportedLayer(this.file, this.#layer.name, this.#layer.className, why);
  }

  /** Bytes of the ONNX file with these outputs, the batch free. */
  build(outputs: readonly Value[]): Uint8Array {
    const builder = new GraphBuilder('imported');
    if (this.#input !== undefined) {
      builder.input(this.#input.name, 'float32', dimensions(this.#input));
    }
    for (const [name, { dims, elements }] of this.#constants) {
      builder.initializer(name, dims, elements);
    }
    for (const { operator, inputs, output, attributes, layer } of this.#nodes) {
      builder.node(operator, inputs, { outputs: [output], attributes, metadata: scope(layer) });
    }
    for (const value of outputs) builder.output(value.name, 'float32', dimensions(value));
    return builder.build();
  }

  #free(wanted: string): string {
    let name = wanted;
    for (let count = 1; this.#taken.has(name); count++) name = `${wanted}_${count}`;
    this.#taken.add(name);
    return name;
  }
}

/**
 * The layer as a module, written as PyTorch's exporter does: names of nodes alone would take `relu_1` for
 * the second call of `relu`. A name that cannot be written so leaves the value's.
 */
function scope(layer: string): Record<string, string> {
  if (/["\\]|@\d+$/.test(layer)) return {};
  return { 'pkg.torch.onnx.name_scopes': `['', "${layer}", '']` };
}

/** Dimensions of a value in the graph; open sizes have names. */
function dimensions({ shape, moved }: Value): (number | string)[] {
  const names = ['height', 'width', 'channels'];
  const sizes = shape.map((size, axis) => size ?? names[axis] ?? `size_${axis}`);
  return ['batch', ...(moved ? [sizes[2], sizes[0], sizes[1]] : sizes)];
}

/** Where an axis of the source (0 the batch, negative from the end) is in the graph. */
export function graphAxis(value: Value, axis: number): number {
  const rank = value.shape.length + 1;
  const own = axis < 0 ? axis + rank : axis;
  return value.moved ? toChannelsLast[own] : own;
}

import { VentralError } from '../../errors/ventral-error.js';
import { elementTypeName } from '../../onnx/element-type.js';
import type { GraphNode, TensorInfo } from '../../onnx/graph.js';
import type { NodeAttribute } from '../../onnx/graph-builder.js';
import type { Model } from '../../onnx/model.js';
import { tensorElements } from '../../onnx/tensor-elements.js';
import type { StaticGraph, Value } from '../graph/static-graph.js';
import { silu } from '../operators/nonlinearities.js';
import { type Operator, OperatorCall } from '../operators/operator.js';
import { operators } from '../operators/table.js';
import { joinSilu } from './joined-silu.js';
import { isFraction, type KnownNumbers, knownResult, smallNumbers } from './known-numbers.js';
import type { MaskPlace } from './masks.js';
import { plainNodes } from './plain-nodes.js';

/** How a network is written into a graph. */
export interface ForwardOptions {
  /** Values for the network's inputs, by name. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** Values for initializers, such as trained inputs of the graph; others stay constants. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Whether a batch normalisation takes the statistics of the batch. */
  readonly training: (node: GraphNode) => boolean;
  /** Inputs of nodes that are multiplied by a mask. */
  readonly masks?: readonly MaskPlace[];
}

/** A mask as an input of the graph. */
interface FedMask {
  readonly name: string;
  readonly dims: readonly number[];
  readonly rate: number;
}

/** A network within a graph: its nodes in order, and every value whose sizes are known. */
export interface Forward {
  readonly calls: readonly OperatorCall[];
  readonly values: ReadonlyMap<string, Value>;
  readonly masks: readonly FedMask[];
}

/**
 * Writes the nodes of a network into a graph.
 * @throws VentralError `training-unsupported`, naming the node
 */
export function writeForward(graph: StaticGraph, model: Model, options: ForwardOptions): Forward {
  return new ForwardWriter(graph, options).write(model);
}

class ForwardWriter {
  readonly #values = new Map<string, Value>();
  readonly #known = new Map<string, KnownNumbers>();
  /** Names of known numbers that are no whole ones: a shape is never computed of them, and a weight may be one. */
  readonly #fractions = new Set<string>();
  readonly #calls: OperatorCall[] = [];
  readonly #masks: FedMask[] = [];

  readonly #graph: StaticGraph;
  readonly #options: ForwardOptions;

  constructor(graph: StaticGraph, options: ForwardOptions) {
    this.#graph = graph;
    this.#options = options;
    for (const [name, value] of options.inputs) this.#values.set(name, value);
  }

  write({ graph }: Model): Forward {
    for (const tensor of graph.initializers) {
      const parameter = this.#options.parameters.get(tensor.name);
      // What is fed is another number in each pass.
      if (!parameter) this.#note(tensor.name, tensor);
      const value = parameter ?? this.#constant(tensor.name, tensor);
      this.#values.set(tensor.name, value);
    }
    const { nodes, silu: pairs } = joinSilu(graph);
    for (const node of nodes) {
      const masked = this.#masked(node);
      const joined = pairs.has(node) ? silu : undefined;
      for (const plain of this.#plain(masked)) this.#node(plain, joined);
    }
    return { calls: this.#calls, values: this.#values, masks: this.#masks };
  }

  /** @throws VentralError `training-unsupported` for numbers of a type that a step is not written in */
  #constant(name: string, tensor: TensorInfo): Value {
    if (!STORED.has(tensor.elementType)) {
      const type = elementTypeName(tensor.elementType) ?? `type ${tensor.elementType}`;
      throw new VentralError(
        'training-unsupported',
        `${name} is ${type}: export the network in float32`,
        { field: name, expected: 'float32', found: type },
      );
    }
    const { dims, elementType } = tensor;
    if (elementType !== BOOL) return this.#graph.initializer(name, dims, tensorElements(tensor));
    const bytes = { name: `bytes:${name}`, dims };
    this.#graph.initializer(bytes.name, dims, tensorElements(tensor));
    return this.#graph.emit('Cast', [bytes], dims, { to: { int: BOOL } }, '', name);
  }

  /** The node, or several in its place that have a gradient. */
  #plain(node: GraphNode): readonly GraphNode[] {
    const known = node.inputs.map((name) => this.#known.get(name)?.numbers);
    return plainNodes(
      node,
      node.inputs.map((name) => this.#values.get(name)?.dims),
      known,
    );
  }

  /** @param joined the operator of a node that represents several */
  #node(node: GraphNode, joined?: Operator): void {
    if (node.operator === 'Constant') {
      this.#constantNode(node);
      return;
    }
    if (!joined && this.#isKnown(node)) return;
    const operator = joined ?? (node.domain === '' ? operators.get(node.operator) : undefined);
    if (!operator) throw unsupported(node, 'the operator has no gradient here');
    const inputs = node.inputs.map((name, i) => {
      const asTensor = READ_AS_TENSOR[node.operator]?.includes(i);
      return this.#values.get(name) ?? (asTensor ? this.#written(name, node, i) : undefined);
    });
    const known = node.inputs.map((name) => this.#known.get(name)?.numbers);
    this.#call(new OperatorCall(node, operator, inputs, known));
  }

  #constantNode(node: GraphNode): void {
    const [output] = node.outputs;
    const tensor = node.attributes.find(({ name }) => name === 'value')?.tensors[0];
    if (tensor) {
      this.#note(output, tensor);
      this.#values.set(output, this.#constant(output, tensor));
      return;
    }
    const numbers = constantNumbers(node);
    if (!numbers) throw unsupported(node, 'its value is no tensor');
    this.#known.set(output, numbers);
    if (numbers.fractions) this.#setFraction(output, numbers);
  }

  /**
   * Notes what is known of a node's result.
   * @returns whether nothing else need be written: whole numbers are, where something reads them
   */
  #isKnown(node: GraphNode): boolean {
    const [output] = node.outputs;
    const known = node.inputs.map((name) => this.#known.get(name));
    const whole = !node.inputs.some((name) => this.#fractions.has(name));
    const result = knownResult(node, this.#values.get(node.inputs[0])?.dims, known, whole);
    if (!result) return false;
    this.#known.set(output, result);
    const to = node.operator === 'Cast' ? isFraction(castTo(node)) : undefined;
    if (to && whole) this.#setFraction(output, result);
    const becomesWhole = to === false || TO_WHOLE.has(node.operator);
    if (whole || becomesWhole) return true;
    this.#fractions.add(output);
    return false;
  }

  #setFraction(name: string, { dims, numbers }: KnownNumbers): void {
    this.#fractions.add(name);
    this.#values.set(name, this.#graph.constant(dims, numbers));
  }

  #note(name: string, tensor: TensorInfo): void {
    if (!STORED.has(tensor.elementType)) return;
    const numbers = smallNumbers(tensor);
    if (!numbers) return;
    this.#known.set(name, numbers);
    if (isFraction(tensor.elementType)) this.#fractions.add(name);
  }

  /** The node with its input masked where that is asked for: by a product before it. */
  #masked(node: GraphNode): GraphNode {
    const place = this.#options.masks?.find((mask) => mask.node === node);
    const value = place && this.#values.get(node.inputs[place.input]);
    if (!place || !value) return node;
    const dims =
      place.per === 'picture' ? value.dims.map((size, axis) => (axis ? 1 : size)) : value.dims;
    const name = `mask:${node.outputs[0]}`;
    this.#values.set(name, this.#graph.input(name, dims));
    this.#masks.push({ name, dims, rate: place.rate });
    const output = `masked:${node.outputs[0]}`;
    const inputs = [node.inputs[place.input], name];
    this.#node({
      ...node,
      name: output,
      operator: 'Mul',
      domain: '',
      inputs,
      outputs: [output],
      attributes: [],
    });
    return { ...node, inputs: node.inputs.map((input, i) => (i === place.input ? output : input)) };
  }

  #call(call: OperatorCall): void {
    const { node, operator } = call;
    call.training = node.operator === 'BatchNormalization' && this.#options.training(node);
    const shapes = operator.shapes(call);
    const names = shapes.map((_, i) => node.outputs[i] || `${node.outputs[0]}.${i}`);
    if (!operator.write?.(call, this.#graph, names)) this.#asItStands(call, names);
    call.outputs = names.map((name, i) => ({ name, dims: shapes[i] }));
    for (const value of call.outputs) this.#values.set(value.name, value);
    this.#calls.push(call);
  }

  #asItStands(call: OperatorCall, outputs: readonly string[]): void {
    const { node, training } = call;
    const given = training
      ? this.#batchInputs(call)
      : node.inputs.map((name, i) => call.inputs[i]?.name ?? this.#name(name, node, i));
    const attributes = { ...attributesOf(node), ...(training ? TRAINING : {}) };
    this.#graph.node(node.operator, given, { outputs, attributes });
  }

  /** A name in the graph: numbers that only shapes were computed of become constants. */
  #name(name: string, node: GraphNode, input: number): string {
    return name === '' ? '' : (this.#values.get(name) ?? this.#written(name, node, input)).name;
  }

  /** Known whole numbers as a constant, or as a condition where the node takes one. */
  #written(name: string, node: GraphNode, input: number): Value {
    const known = this.#known.get(name);
    if (!known) throw unsupported(node, `nothing is known of its input ${name}`);
    const value = this.#graph.integers(known.numbers, known.dims);
    if (node.operator !== 'Where' || input > 0) return value;
    return this.#graph.emit('Cast', [value], value.dims, { to: { int: BOOL } });
  }

  /**
   * Running statistics of each node's own: the runtime writes the new ones over them, even where they are
   * an initializer that others read too.
   */
  #batchInputs(call: OperatorCall): readonly string[] {
    const [input, scale, bias] = [call.input(0), call.input(1), call.input(2)];
    const zero = this.#graph.scalar(0);
    const buffers = [scale, bias].map((value) => this.#graph.multiply(value, zero));
    return [input, scale, bias, ...buffers].map(({ name }) => name);
  }
}

/** float32, uint8, int8, int32, int64, bool and float64: a step is written in these. */
const STORED = new Set([1, 2, 3, 6, 7, 9, 11]);
const BOOL = 9;
const TO_WHOLE = new Set(['Shape', 'Size']);
/** Inputs that are tensors, even where they were computed of shapes alone. */
const READ_AS_TENSOR: Readonly<Record<string, readonly number[]>> = {
  ...{ Gather: [1], Where: [0], ScatterND: [1] },
};

const castTo = ({ attributes }: GraphNode) =>
  attributes.find(({ name }) => name === 'to')?.integer ?? 0;

/** What a Constant says by an attribute that is no tensor. */
function constantNumbers({
  attributes,
}: GraphNode): (KnownNumbers & { readonly fractions: boolean }) | undefined {
  const [value] = attributes;
  switch (value?.name) {
    case 'value_int':
      return { dims: [], numbers: [value.integer ?? 0], fractions: false };
    case 'value_ints':
      return { dims: [value.integers.length], numbers: value.integers, fractions: false };
    case 'value_float':
      return { dims: [], numbers: [value.float ?? 0], fractions: true };
    case 'value_floats':
      return { dims: [value.floats.length], numbers: value.floats, fractions: true };
    default:
      return undefined;
  }
}

/** With a momentum of 0 the new running statistics are those of the batch. */
const TRAINING = { training_mode: { int: 1 }, momentum: { float: 0 } } as const;

const unsupported = (node: GraphNode, why: string) =>
  new VentralError(
    'training-unsupported',
    `${node.domain ? `${node.domain}.` : ''}${node.operator} ${node.name || node.outputs[0]}: ${why}`,
    { field: node.name || node.outputs[0] },
  );

/** Unchanged attributes. Subgraphs have no gradient here. */
function attributesOf(node: GraphNode): Record<string, NodeAttribute> {
  return Object.fromEntries(
    node.attributes.flatMap((attribute): [string, NodeAttribute][] => {
      const { name, type } = attribute;
      if (type === 1) return [[name, { float: attribute.float ?? 0 }]];
      if (type === 2) return [[name, { int: attribute.integer ?? 0 }]];
      if (type === 3) return [[name, { string: new TextDecoder().decode(attribute.string) }]];
      const [tensor] = attribute.tensors;
      if (type === 4 && tensor)
        return [[name, { tensor: { dims: tensor.dims, elements: tensorElements(tensor) } }]];
      if (type === 6) return [[name, { floats: attribute.floats }]];
      if (type === 7) return [[name, { ints: attribute.integers }]];
      throw unsupported(node, `its attribute ${name} is of a kind that is not known here`);
    }),
  );
}

import { VentralError } from '../../errors/ventral-error.js';
import type { GraphNode } from '../../onnx/graph.js';
import type { NodeAttribute } from '../../onnx/graph-builder.js';
import type { Model } from '../../onnx/model.js';
import { tensorElements } from '../../onnx/tensor-elements.js';
import type { StaticGraph, Value } from '../graph/static-graph.js';
import { silu } from '../operators/nonlinearities.js';
import { type Operator, OperatorCall } from '../operators/operator.js';
import { operators } from '../operators/table.js';
import { joinSilu } from './joined-silu.js';
import { knownResult, smallNumbers } from './known-numbers.js';
import type { MaskPlace } from './masks.js';

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
  readonly #known = new Map<string, readonly number[]>();
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
      this.#note(tensor.name, tensor);
      const parameter = this.#options.parameters.get(tensor.name);
      const value = parameter ?? this.#constant(tensor.name, tensor);
      this.#values.set(tensor.name, value);
    }
    const { nodes, silu: pairs } = joinSilu(graph);
    for (const node of nodes)
      this.#node(evaluated(this.#masked(node)), pairs.has(node) ? silu : undefined);
    return { calls: this.#calls, values: this.#values, masks: this.#masks };
  }

  #constant(name: string, tensor: Parameters<typeof tensorElements>[0]): Value {
    return this.#graph.initializer(name, tensor.dims, tensorElements(tensor));
  }

  /** @param joined the operator of a node that represents several */
  #node(node: GraphNode, joined?: Operator): void {
    const [output] = node.outputs;
    if (node.operator === 'Constant') {
      const tensor = node.attributes.find(({ name }) => name === 'value')?.tensors[0];
      if (!tensor) throw unsupported(node, 'its value is no tensor');
      this.#note(output, tensor);
      this.#values.set(output, this.#constant(output, tensor));
      return;
    }
    const known = node.inputs.map((name) => this.#known.get(name));
    const result = knownResult(node, this.#values.get(node.inputs[0])?.dims, known);
    if (result) this.#known.set(output, result);
    const fraction = this.#fractions.has(node.inputs[0]) && !TO_WHOLE.has(node.operator);
    if (result && !fraction) return;
    if (result) this.#fractions.add(output);
    const operator = joined ?? (node.domain === '' ? operators.get(node.operator) : undefined);
    if (!operator) throw unsupported(node, 'the operator has no gradient here');
    this.#call(
      new OperatorCall(
        node,
        operator,
        node.inputs.map((name) => this.#values.get(name)),
        known,
      ),
    );
  }

  #note(name: string, tensor: Parameters<typeof tensorElements>[0]): void {
    const numbers = smallNumbers(tensor);
    if (!numbers) return;
    this.#known.set(name, numbers);
    if (FRACTIONS.has(tensor.elementType)) this.#fractions.add(name);
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
      : node.inputs.map((name) => this.#name(name, node));
    const attributes = { ...attributesOf(node), ...(training ? TRAINING : {}) };
    this.#graph.node(node.operator, given, { outputs, attributes });
  }

  /** A name in the graph: numbers that only shapes were computed of become constants. */
  #name(name: string, node: GraphNode): string {
    const value = this.#values.get(name);
    if (value || name === '') return value?.name ?? '';
    const numbers = this.#known.get(name);
    if (!numbers) throw unsupported(node, `nothing is known of its input ${name}`);
    return this.#graph.integers(numbers).name;
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

/** A Dropout uses only its mask. */
const evaluated = (node: GraphNode): GraphNode =>
  node.operator === 'Dropout' && node.domain === ''
    ? { ...node, operator: 'Identity', inputs: node.inputs.slice(0, 1), attributes: [] }
    : node;

/** float32 and float64. */
const FRACTIONS = new Set([1, 11]);
const TO_WHOLE = new Set(['Shape', 'Cast']);

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
      if (type === 6) return [[name, { floats: attribute.floats }]];
      if (type === 7) return [[name, { ints: attribute.integers }]];
      throw unsupported(node, `its attribute ${name} is of a kind that is not known here`);
    }),
  );
}

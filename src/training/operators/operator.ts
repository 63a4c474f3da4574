import { VentralError } from '../../errors/ventral-error.js';
import type { GraphNode } from '../../onnx/graph.js';
import type { StaticGraph, Value } from '../graph/static-graph.js';

/** A node of the network with the sizes of its inputs and outputs. */
export class OperatorCall {
  readonly node: GraphNode;
  readonly operator: Operator;
  /** Undefined for a missing optional input, and for one that is not a float tensor. */
  readonly inputs: readonly (Value | undefined)[];
  /** Whole numbers of inputs that are known beforehand, such as shapes and axes. */
  readonly known: readonly (readonly number[] | undefined)[];
  outputs: readonly Value[] = [];
  /** Whether a batch normalisation takes the statistics of the batch. */
  training = false;

  constructor(
    node: GraphNode,
    operator: Operator,
    inputs: readonly (Value | undefined)[],
    known: readonly (readonly number[] | undefined)[],
  ) {
    this.node = node;
    this.operator = operator;
    this.inputs = inputs;
    this.known = known;
  }

  /** As messages call the node. */
  get title(): string {
    return `${this.node.operator} ${this.node.name || this.node.outputs[0]}`;
  }

  /**
   * A tensor that must be there.
   * @throws VentralError `training-unsupported`
   */
  input(index: number): Value {
    return this.inputs[index] ?? this.refuse(`its input ${index} is no tensor of known size`);
  }

  get output(): Value {
    return this.outputs[0];
  }

  integer(name: string, otherwise: number): number {
    return this.#attribute(name)?.integer ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return this.#attribute(name)?.float ?? otherwise;
  }

  integers(name: string): readonly number[] | undefined {
    return this.#attribute(name)?.integers;
  }

  text(name: string): string | undefined {
    const bytes = this.#attribute(name)?.string;
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }

  /** Axes from the attribute or, as later opsets have them, the input; counted from the front. */
  axes(input: number, rank: number): readonly number[] | undefined {
    const axes = this.integers('axes') ?? this.known[input];
    return axes?.map((axis) => (axis < 0 ? axis + rank : axis));
  }

  /** @throws VentralError `training-unsupported`, naming the node */
  refuse(why: string): never {
    throw new VentralError('training-unsupported', `${this.title}: ${why}`, {
      field: this.node.name || this.node.outputs[0],
    });
  }

  #attribute(name: string) {
    return this.node.attributes.find((attribute) => attribute.name === name);
  }
}

/** Which inputs a gradient is wanted of. */
export type Wanted = readonly boolean[];

/** An operator: the sizes of its results, and the gradients of its inputs. */
export interface Operator {
  /**
   * Sizes of the outputs.
   * @throws VentralError `training-unsupported` for what is not known here
   */
  shapes(call: OperatorCall): readonly (readonly number[])[];
  /**
   * Emits an equivalent of the node, which gives values of these names.
   * @returns whether it did
   */
  write?(call: OperatorCall, graph: StaticGraph, outputs: readonly string[]): boolean;
  /**
   * Emits the gradients of the wanted inputs from that of the first output.
   * @returns one an input, of its number of elements in any sizes, or yet to be spread over it; undefined if none is wanted or there is none
   */
  gradients(
    call: OperatorCall,
    gradient: Value,
    wanted: Wanted,
    graph: StaticGraph,
  ): readonly (Value | undefined)[];
}

/** Operators of one family, by name. */
export type OperatorFamily = Readonly<Record<string, Operator>>;

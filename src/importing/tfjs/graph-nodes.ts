import type { VentralError } from '../../errors/ventral-error.js';
import { invalidPart, unsupportedLayer } from '../keras/refusals.js';
import { type Fields, isFields } from '../source/fields.js';

/** The nodes of a graph model (tensorflow/core/framework/node_def.proto, as JSON), checked and in order. */

const MOST_NODES = 50_000;
const MOST_INPUTS = 1_000;
const LONGEST_NAME = 512;

/** A node with its attributes, each checked when it is asked for. */
export class TfjsNode {
  readonly #attributes: Fields;

  constructor(
    readonly file: string,
    readonly name: string,
    readonly op: string,
    /** Names of the nodes whose first outputs it takes. */
    readonly inputs: readonly string[],
    attributes: Fields,
  ) {
    this.#attributes = attributes;
  }

  refuse(field: string, expected: string, found: unknown): VentralError {
    return invalidPart(this.file, `${field} of node ${this.name}`, expected, found);
  }

  unsupported(why?: string): VentralError {
    return unsupportedLayer(this.file, this.name, this.op, why);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#attributes, name);
  }

  /** One part of an attribute's value, such as `i` or `list`. */
  part(name: string, kind: string): unknown {
    const value = this.has(name) ? this.#attributes[name] : undefined;
    return isFields(value) && Object.hasOwn(value, kind) ? value[kind] : undefined;
  }

  number(name: string, otherwise: number): number {
    const value = this.part(name, 'f') ?? this.part(name, 'i') ?? otherwise;
    const number = typeof value === 'string' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw this.refuse(name, 'a number', value);
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.part(name, 'b') ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw this.refuse(name, 'true or false', value);
  }

  /** Texts are bytes in base64. */
  text(name: string, otherwise: string): string {
    const value = this.part(name, 's');
    if (value === undefined || value === null) return otherwise;
    return this.#decoded(name, value);
  }

  texts(name: string): readonly string[] {
    const values = this.#list(name, 's');
    return values.map((value) => this.#decoded(name, value));
  }

  /** Whole numbers, written as texts where they are 64 bits wide. */
  wholes(name: string): readonly number[] {
    return this.#list(name, 'i').map((value) => this.#whole(name, value));
  }

  /** Sizes of a shape, -1 for an open one; undefined if the rank is open. */
  shape(name: string): readonly number[] | undefined {
    const shape = this.part(name, 'shape');
    if (!isFields(shape) || shape.unknownRank === true) return undefined;
    const dims = shape.dim ?? [];
    if (!Array.isArray(dims) || dims.length > 8) throw this.refuse(name, 'at most 8 sizes', dims);
    return dims.map((dim: unknown) => this.#whole(name, isFields(dim) ? (dim.size ?? 0) : dim));
  }

  #list(name: string, kind: string): readonly unknown[] {
    const list = this.part(name, 'list');
    const values = isFields(list) ? (list[kind] ?? []) : [];
    if (Array.isArray(values) && values.length <= 64) return values;
    throw this.refuse(name, 'a list', values);
  }

  #whole(name: string, value: unknown): number {
    const number = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (Number.isSafeInteger(number)) return number as number;
    throw this.refuse(name, 'whole numbers', value);
  }

  #decoded(name: string, value: unknown): string {
    if (typeof value === 'string') return Buffer.from(value, 'base64').toString('latin1');
    if (Array.isArray(value)) return String.fromCharCode(...value.slice(0, 256).map(Number));
    throw this.refuse(name, 'a text in base64', value);
  }
}

/**
 * Reads a graph's nodes, each behind those that it takes.
 * @throws VentralError `checkpoint-invalid`, `import-unsupported`
 */
export function readGraphNodes(file: string, topology: Fields): TfjsNode[] {
  const { node, library } = topology;
  if (!Array.isArray(node) || node.length === 0 || node.length > MOST_NODES) {
    throw invalidPart(file, 'modelTopology, node', `1 to ${MOST_NODES} nodes`, node);
  }
  const functions = isFields(library) ? library.function : undefined;
  if (Array.isArray(functions) && functions.length > 0) {
    throw unsupportedLayer(
      file,
      'library',
      'function',
      'and functions of a graph are not imported',
    );
  }
  const nodes = new Map<string, TfjsNode>();
  for (const json of node as unknown[]) {
    const read = readNode(file, json);
    if (nodes.has(read.name))
      throw invalidPart(file, 'node', 'nodes of different names', read.name);
    nodes.set(read.name, read);
  }
  return inOrder(file, nodes);
}

function readNode(file: string, json: unknown): TfjsNode {
  if (!isFields(json)) throw invalidPart(file, 'node', 'a name and an op', json);
  const { name, op, input = [], attr = {} } = json;
  const fits = [name, op].every(
    (text) => typeof text === 'string' && text !== '' && text.length <= LONGEST_NAME,
  );
  if (!fits) throw invalidPart(file, 'node', 'a name and an op', json);
  const field = `node ${name as string}`;
  if (!Array.isArray(input) || input.length > MOST_INPUTS || !isFields(attr)) {
    throw invalidPart(file, field, 'a list of inputs and attributes', json);
  }
  const inputs = input.flatMap((one: unknown) => {
    if (typeof one !== 'string') throw invalidPart(file, `${field}, input`, 'names', one);
    // What only has to happen first belongs to training.
    return one.startsWith('^') ? [] : [firstOutput(file, field, one)];
  });
  return new TfjsNode(file, name as string, op as string, inputs, attr);
}

function firstOutput(file: string, field: string, input: string): string {
  const [, name, output] = /^(.*?)(?::(\d+))?$/s.exec(input) ?? [];
  if (output === undefined || Number(output) === 0) return name;
  throw invalidPart(file, `${field}, input`, 'first outputs of nodes', input);
}

function inOrder(file: string, nodes: ReadonlyMap<string, TfjsNode>): TfjsNode[] {
  const waiting = new Map<string, TfjsNode[]>();
  const missing = new Map<string, number>();
  for (const node of nodes.values()) {
    missing.set(node.name, node.inputs.length);
    for (const input of node.inputs) {
      if (!nodes.has(input)) throw node.refuse('input', 'existing nodes', input);
      const others = waiting.get(input);
      if (others) others.push(node);
      else waiting.set(input, [node]);
    }
  }
  const order = [...nodes.values()].filter(({ inputs }) => inputs.length === 0);
  for (let at = 0; at < order.length; at++) {
    for (const node of waiting.get(order[at].name) ?? []) {
      const left = (missing.get(node.name) ?? 0) - 1;
      missing.set(node.name, left);
      if (left === 0) order.push(node);
    }
  }
  const stuck = [...nodes.keys()].find((name) => (missing.get(name) ?? 0) > 0);
  if (stuck === undefined) return order;
  throw invalidPart(
    file,
    `node ${stuck}`,
    'no part of a circle',
    'inputs that depend on its output',
  );
}

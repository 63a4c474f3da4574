import type { GraphNode, TensorInfo } from '../graph.js';
import type { Model } from '../model.js';
import { type Modules, modulesOf } from '../modules.js';
import { integersOf, storedTensors } from './constants.js';

/** Tokens before those of the patches: a class token, and others (registers, a distillation token). */
export interface PrefixTokens {
  readonly cls: 0 | 1;
  readonly registers: number;
}

/** What a graph shows of the prefix tokens of a value. */
export type FoundPrefix =
  | { readonly kind: 'found'; readonly prefix: PrefixTokens }
  /** No token is put before others on the way to it. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unclear'; readonly why: string };

const known = new WeakMap<Model, Map<string, FoundPrefix>>();

/**
 * The prefix tokens of a value of batch × token × channel: those that do not depend on the image and that a `Concat` along the tokens
 * puts before what does, on the way from the input to the value. Where names and constants do not prove them, they are unclear.
 */
export function prefixTokens(model: Model, value: string): FoundPrefix {
  const ofModel = known.get(model) ?? new Map<string, FoundPrefix>();
  known.set(model, ofModel);
  const found = ofModel.get(value) ?? search(model, value);
  ofModel.set(value, found);
  return found;
}

/** A reason why prefix tokens are not known. */
class Unclear extends Error {}

function search(model: Model, value: string): FoundPrefix {
  const walk = new Walk(model);
  try {
    for (const index of walk.ancestors(value)) walk.pass(walk.modules.flow.nodes[index]);
    return walk.found();
  } catch (error) {
    if (error instanceof Unclear) return { kind: 'unclear', why: error.message };
    throw error;
  }
}

/** Follows the tokens of a graph from its input on, node by node. */
class Walk {
  readonly modules: Modules;
  readonly #tensors: ReadonlyMap<string, TensorInfo>;
  /** Counts of the tokens that were put before those of the image, in their order. */
  #tokens: readonly number[] = [];
  /** Nodes behind the constant that is being counted. */
  #steps = 0;
  /** Values that hold some of the tokens only. */
  readonly #cut = new Map<string, GraphNode>();

  constructor(model: Model) {
    this.modules = modulesOf(model);
    this.#tensors = storedTensors(model);
  }

  /** Nodes that lead from the image to a value, in their order. */
  ancestors(value: string): number[] {
    const { producers, reads, data } = this.modules.flow;
    const met = new Set<number>();
    const open = [value];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const index = producers.get(name);
      if (index === undefined || met.has(index)) continue;
      met.add(index);
      for (const read of reads[index]) if (data.has(read)) open.push(read);
    }
    return [...met].sort((a, b) => a - b);
  }

  found(): FoundPrefix {
    if (this.#tokens.length === 0) return { kind: 'none' };
    const [cut] = this.#cut.keys();
    if (cut !== undefined) throw new Unclear(`${cut} holds some of the tokens only`);
    const cls = this.#tokens[0] === 1 ? 1 : 0;
    const all = this.#tokens.reduce((sum, count) => sum + count, 0);
    return { kind: 'found', prefix: { cls, registers: all - cls } };
  }

  pass(node: GraphNode): void {
    const { operator, outputs } = node;
    if (operator === 'Concat') this.#concat(node);
    else if (this.#tokens.length > 0 && this.#cutsTokens(node))
      for (const name of outputs) this.#cut.set(name, node);
  }

  #concat(node: GraphNode): void {
    const { data } = this.modules.flow;
    const [axis] = integersOf(node, this.#tensors, { attribute: 'axis', input: -1 }) ?? [];
    if (axis !== 1 && axis !== -2) return;
    const inputs = node.inputs.map((name) =>
      data.has(name) ? { name, cut: this.#cut.get(name) } : { name, count: this.#count(name) },
    );
    const constants = inputs.filter((input) => 'count' in input);
    if (constants.length === 0) {
      if (this.#tokens.length > 0 && axis === 1)
        throw new Unclear(`${node.outputs[0]} joins values of the image along the tokens`);
      return;
    }
    // Maps of constants beside maps of channels are no tokens.
    if (constants.some(({ count }) => count === 'no token')) return;
    const counts = constants.map(({ name, count }) => {
      if (typeof count === 'number') return count;
      throw new Unclear(`how many tokens ${name} has cannot be read from the graph`);
    });
    const shape = inputs.map((input) => ('count' in input ? 'c' : 'x')).join('');
    if (/^c+x$/.test(shape) && !this.#isCut(inputs.at(-1)?.name)) {
      this.#tokens = [...counts, ...this.#tokens];
    } else if (
      /^xc+x$/.test(shape) &&
      this.#isHead(inputs[0].name) &&
      this.#isTail(inputs.at(-1)?.name)
    ) {
      this.#tokens = [...this.#tokens, ...counts];
      for (const { name } of inputs) this.#cut.delete(name);
    } else
      throw new Unclear(`${node.outputs[0]} joins tokens in another order than prefix and patches`);
  }

  #isCut(name = ''): boolean {
    return this.#cut.has(name);
  }

  get #length(): number {
    return this.#tokens.reduce((sum, count) => sum + count, 0);
  }

  /** Whether a value is exactly the prefix tokens so far. */
  #isHead(name: string): boolean {
    const range = this.#range(name);
    return this.#length > 0 && range?.start === 0 && range.end === this.#length;
  }

  /** Whether a value is all other tokens. */
  #isTail(name = ''): boolean {
    const range = this.#range(name);
    return range?.start === this.#length && range.end > 2 ** 30;
  }

  #range(name: string): { start: number; end: number } | undefined {
    const node = this.#cut.get(name);
    if (node?.operator !== 'Slice') return undefined;
    const read = (attribute: string, input: number) =>
      integersOf(node, this.#tensors, { attribute, input });
    const [starts, ends, axes] = [read('starts', 1), read('ends', 2), read('axes', 3)];
    const [step = 1] = read('steps', 4) ?? [];
    const at = axes?.indexOf(1) ?? -1;
    if (!starts || !ends || at < 0 || step !== 1) return undefined;
    return { start: starts[at], end: ends[at] };
  }

  #cutsTokens(node: GraphNode): boolean {
    const read = (attribute: string, input: number) =>
      integersOf(node, this.#tensors, { attribute, input });
    if (node.operator === 'Slice') return (read('axes', 3) ?? [1]).includes(1);
    if (node.operator === 'Split' || node.operator === 'Gather')
      return (read('axis', -1)?.[0] ?? 0) === 1;
    return false;
  }

  /** Tokens of a constant of 1 × token × channel, or of one channel vector. */
  #count(name: string, deep = 0): number | 'no token' | undefined {
    if (deep === 0) this.#steps = 0;
    const tensor = this.#tensors.get(name);
    if (tensor) return tokensIn(tensor.dims);
    const { producers, nodes } = this.modules.flow;
    const node = nodes[producers.get(name) ?? -1];
    if (!node || deep > MOST_DEEP || ++this.#steps > MOST_STEPS) return undefined;
    if (node.operator === 'Unsqueeze') {
      const dims = this.#tensors.get(node.inputs[0])?.dims;
      return dims?.length === 2 ? dims[0] : this.#count(node.inputs[0], deep + 1);
    }
    if (['Expand', 'Tile', 'Cast', 'Identity'].includes(node.operator))
      return this.#count(node.inputs[0], deep + 1);
    if (node.operator !== 'Add' && node.operator !== 'Mul') return undefined;
    const counts = node.inputs.map((input) => this.#count(input, deep + 1));
    if (counts.includes('no token')) return 'no token';
    const found = counts.flatMap((count) => (typeof count === 'number' ? count : []));
    return found.length > 0 ? found.reduce((most, count) => Math.max(most, count)) : undefined;
  }
}

const MOST_DEEP = 16;
/** Nodes that are looked at behind one constant: sums of sums double with each. */
const MOST_STEPS = 1000;

function tokensIn(dims: readonly number[]): number | 'no token' | undefined {
  if (dims.length > 3) return 'no token';
  if (dims.length === 3) return dims[1];
  return dims.length === 1 || (dims.length === 2 && dims[0] === 1) ? 1 : undefined;
}

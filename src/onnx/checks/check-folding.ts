import type { Graph, GraphNode } from '../graph.js';
import type { Model, ModelFunction } from '../model.js';
import { subgraphs } from '../operators.js';
import { allTensors, functionKey, type Refuse } from './check-sizes.js';
import type { Folded, FoldedCall } from './folded.js';
import { foldingRule, fromTensor } from './folding-rules.js';

/** What constants of a graph may be folded into. */
export interface FoldingLimits {
  /** Elements of all results. */
  readonly elements: number;
  /** Multiplications and the like of all results. */
  readonly work: number;
}

/** A gigabyte of float32, and as many multiplications as a slow core does in a minute. */
export const foldingLimits: FoldingLimits = { elements: 2 ** 28, work: 2 ** 36 };

/** Results may be some times what the file holds: weights are transposed, or come as half the type. */
const TIMES_THE_FILE = 8;

/**
 * The runtime computes what depends on constants alone when it loads a graph, which takes as long and as
 * much as the file says.
 * @throws where that is more than the limits, as far as sizes can be followed: what is not known counts as
 *   nothing, and is left to the deadline of whoever loads the graph
 */
export function checkFolding(model: Model, limits: FoldingLimits, refuse: Refuse): void {
  let held = 0;
  for (const { dims } of allTensors(model)) held += dims.reduce((product, dim) => product * dim, 1);
  const most = { ...limits, elements: Math.max(limits.elements, TIMES_THE_FILE * held) };
  new Folding(model, most, refuse).graph(model.graph, undefined);
}

/** Constants by name, those around a subgraph included. */
class Scope {
  readonly #outer: Scope | undefined;
  readonly #own = new Map<string, Folded | undefined>();

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  get(name: string): Folded | undefined {
    return this.#own.has(name) ? this.#own.get(name) : this.#outer?.get(name);
  }

  /** @param value undefined for what depends on the input, whatever has its name outside */
  set(name: string, value: Folded | undefined): void {
    this.#own.set(name, value);
  }
}

class Folding {
  readonly #limits: FoldingLimits;
  readonly #refuse: Refuse;
  readonly #functions: ReadonlyMap<string, ModelFunction>;
  readonly #sum = { elements: 0, work: 0 };

  constructor(model: Model, limits: FoldingLimits, refuse: Refuse) {
    this.#limits = limits;
    this.#refuse = refuse;
    this.#functions = new Map(
      model.functions.map((own) => [functionKey(own.domain, own.name), own]),
    );
  }

  graph(graph: Graph, outer: Scope | undefined): void {
    const scope = new Scope(outer);
    for (const { name, dims } of graph.inputs) {
      const fixed = dims?.every((dim) => typeof dim === 'number' && dim > 0);
      scope.set(name, fixed ? { dims: dims as number[], count: 0, shapeOnly: true } : undefined);
    }
    for (const tensor of [...graph.initializers, ...graph.sparseInitializers])
      scope.set(tensor.name, fromTensor(tensor));
    this.#nodes(graph.nodes, scope);
  }

  #nodes(nodes: readonly GraphNode[], scope: Scope, given?: FoldedCall['given']): void {
    for (const node of nodes) {
      for (const inner of subgraphs(node)) this.graph(inner, scope);
      const called = this.#functions.get(functionKey(node.domain, node.operator));
      const results = called
        ? this.#call(called, node, scope, given)
        : this.#fold(node, scope, given);
      node.outputs.forEach((name, i) => {
        if (name !== '') scope.set(name, results[i]);
      });
    }
  }

  #call(called: ModelFunction, node: GraphNode, outer: Scope, given?: FoldedCall['given']) {
    const scope = new Scope();
    called.inputs.forEach((name, i) => {
      scope.set(name, outer.get(node.inputs[i] ?? ''));
    });
    const attributes = callOf(node, outer, given);
    this.#nodes(called.nodes, scope, (name) => attributes.attribute(name));
    return called.outputs.map((name) => scope.get(name));
  }

  /** What a node makes where it depends on constants alone. */
  #fold(
    node: GraphNode,
    scope: Scope,
    given?: FoldedCall['given'],
  ): readonly (Folded | undefined)[] {
    if (subgraphs(node).length > 0 || node.operator.startsWith('Random')) return [];
    const call = callOf(node, scope, given);
    const ofShape = node.operator === 'Shape' || node.operator === 'Size';
    const constant = node.inputs.every((name, i) => {
      const input = call.inputs[i];
      return name === '' || (input !== undefined && (ofShape || !input.shapeOnly));
    });
    if (!constant) return [];
    const { work = 0, ...folded } = foldingRule(node.operator)(call);
    this.#sum.elements += folded.count;
    this.#sum.work += work;
    for (const kind of ['elements', 'work'] as const) {
      if (this.#sum[kind] <= this.#limits[kind]) continue;
      throw this.#refuse(
        `node ${(node.name || node.operator).slice(0, 100)}`,
        `constants that take at most ${this.#limits[kind]} ${kind === 'work' ? 'multiplications' : 'elements'} to compute before a run`,
        'more',
      );
    }
    return node.outputs.map(() => folded);
  }
}

function callOf(node: GraphNode, scope: Scope, given: FoldedCall['given']): FoldedCall {
  return {
    inputs: node.inputs.map((name) => (name === '' ? undefined : scope.get(name))),
    given,
    attribute(name) {
      const own = node.attributes.find((attribute) => attribute.name === name);
      return own?.reference ? given?.(own.reference) : own;
    },
  };
}

import type { Graph, GraphNode, ValueInfo } from './graph.js';
import type { Model, ModelFunction } from './model.js';
import { subgraphs } from './operators.js';

/** Operators that make sequences and optional values. */
const makers: Readonly<Record<string, string>> = {
  SequenceEmpty: 'sequence',
  SequenceConstruct: 'sequence',
  SequenceInsert: 'sequence',
  SequenceErase: 'sequence',
  SplitToSequence: 'sequence',
  SequenceMap: 'sequence',
  ZipMap: 'sequence',
  Optional: 'optional',
};

/** What values are that are no tensors, by name: `sequence`, `optional`, `map` or `sparse`. */
export type NonTensors = ReadonlyMap<string, string>;

/** The values of a graph that are no dense tensors, and so no layers. */
export function nonTensors(model: Model): NonTensors {
  const functions = new Map(model.functions.map((own) => [`${own.domain} ${own.name}`, own]));
  return new Reader(functions).graph(model.graph, () => undefined);
}

type KindOf = (name: string) => string | undefined;

class Reader {
  readonly #functions: ReadonlyMap<string, ModelFunction>;
  readonly #outputs = new Map<ModelFunction, readonly (string | undefined)[]>();

  constructor(functions: ReadonlyMap<string, ModelFunction>) {
    this.#functions = functions;
  }

  /** @param outer what values around a subgraph are, which it can read */
  graph({ inputs, valueInfo, outputs, nodes }: Graph, outer: KindOf): Map<string, string> {
    const found = new Map<string, string>();
    for (const info of [...inputs, ...valueInfo, ...outputs]) mark(info, found);
    this.#nodes(nodes, found, outer);
    return found;
  }

  #nodes(nodes: readonly GraphNode[], found: Map<string, string>, outer: KindOf): void {
    const kindOf: KindOf = (name) => found.get(name) ?? outer(name);
    for (const node of nodes) {
      const kinds = this.#kindsOf(node, kindOf);
      node.outputs.forEach((name, i) => {
        const kind = kinds[i];
        if (name !== '' && kind !== undefined) found.set(name, kind);
      });
    }
  }

  #kindsOf(node: GraphNode, kindOf: KindOf): readonly (string | undefined)[] {
    const { operator, domain, inputs } = node;
    const called = this.#functions.get(`${domain} ${operator}`);
    if (called) return this.#ofFunction(called);
    if (Object.hasOwn(makers, operator)) return [makers[operator]];
    if (operator === 'Identity') return [kindOf(inputs[0])];
    // The first output of a loop's body says whether it goes on, and is none of the loop's.
    const first = operator === 'Loop' ? 1 : 0;
    const branches = subgraphs(node).map((graph) => {
      const inner = this.graph(graph, kindOf);
      return graph.outputs.slice(first).map(({ name }) => inner.get(name) ?? kindOf(name));
    });
    return branches.length > 0 ? node.outputs.map((_, i) => anyOf(branches, i)) : [];
  }

  #ofFunction(called: ModelFunction): readonly (string | undefined)[] {
    const known = this.#outputs.get(called);
    if (known) return known;
    // A function that calls itself is refused elsewhere.
    this.#outputs.set(called, []);
    const inner = new Map<string, string>();
    this.#nodes(called.nodes, inner, () => undefined);
    const outputs = called.outputs.map((name) => inner.get(name));
    this.#outputs.set(called, outputs);
    return outputs;
  }
}

const anyOf = (branches: readonly (readonly (string | undefined)[])[], i: number) =>
  branches.map((kinds) => kinds[i]).find((kind) => kind !== undefined);

function mark({ name, kind }: ValueInfo, found: Map<string, string>): void {
  if (kind !== 'tensor' && kind !== 'untyped') found.set(name, kind);
}

import type { Graph, GraphNode } from './graph.js';

/**
 * Who makes and who reads each value of a graph's top level, and which values depend on the
 * stimulus rather than on shapes and constants alone.
 */
export interface Dataflow {
  readonly nodes: readonly GraphNode[];
  /** Index of the node that makes a value. */
  readonly producers: ReadonlyMap<string, number>;
  /** Indices of the nodes that read a value, inside their subgraphs too, in order. */
  readonly consumers: ReadonlyMap<string, readonly number[]>;
  /** What a node reads, values captured by its subgraphs included. */
  readonly reads: readonly (readonly string[])[];
  /** Values computed from the elements of a graph input. */
  readonly data: ReadonlySet<string>;
  readonly graphInputs: ReadonlySet<string>;
  readonly graphOutputs: ReadonlySet<string>;
}

/** Operators that look at the shape of a value only. */
export const shapeOperators: ReadonlySet<string> = new Set(['Shape', 'Size']);

/** The dataflow of a graph. */
export function dataflow(graph: Graph): Dataflow {
  const initialized = new Set(graph.initializers.map((tensor) => tensor.name));
  const graphInputs = new Set(
    graph.inputs.map((i) => i.name).filter((name) => !initialized.has(name)),
  );
  const producers = new Map<string, number>();
  const consumers = new Map<string, number[]>();
  const data = new Set(graphInputs);
  const reads = graph.nodes.map((node) => [...nodeReads(node)]);
  graph.nodes.forEach((node, index) => {
    for (const name of reads[index]) {
      const readers = consumers.get(name);
      if (readers === undefined) consumers.set(name, [index]);
      else readers.push(index);
    }
    const carries = !shapeOperators.has(node.operator) && reads[index].some((n) => data.has(n));
    for (const name of node.outputs) {
      if (name === '') continue;
      producers.set(name, index);
      if (carries) data.add(name);
    }
  });
  const graphOutputs = new Set(graph.outputs.map((output) => output.name));
  return { nodes: graph.nodes, producers, consumers, reads, data, graphInputs, graphOutputs };
}

/** Names that a node reads, those that its subgraphs capture from outside included. */
export function nodeReads(node: GraphNode): Set<string> {
  const names = new Set(node.inputs.filter((name) => name !== ''));
  for (const attribute of node.attributes) {
    for (const graph of attribute.graphs) for (const name of captured(graph)) names.add(name);
  }
  return names;
}

/** Values that a subgraph takes from the graphs around it. */
function captured(graph: Graph): Set<string> {
  const own = new Set([...graph.inputs, ...graph.initializers].map((value) => value.name));
  for (const node of graph.nodes) for (const name of node.outputs) own.add(name);
  const names = new Set<string>();
  for (const node of graph.nodes) {
    for (const name of nodeReads(node)) if (!own.has(name)) names.add(name);
  }
  for (const output of graph.outputs) if (!own.has(output.name)) names.add(output.name);
  return names;
}

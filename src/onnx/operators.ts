import type { Graph, GraphNode } from './graph.js';
import type { Model } from './model.js';

/** An operator that a model calls. */
export interface OperatorUse {
  /** `''` for the standard domain. */
  readonly domain: string;
  readonly operator: string;
  /** Calls in the graph, its subgraphs and the model's own functions. */
  readonly count: number;
  /** Name of the first node that calls it, `''` if it has none. */
  readonly node: string;
}

/** All nodes of a model: the graph's, its subgraphs' and its functions'. */
export function* allNodes(model: Model): Generator<GraphNode> {
  yield* nodesOf(model.graph.nodes);
  for (const { nodes } of model.functions) yield* nodesOf(nodes);
}

/** These nodes and those of their subgraphs. */
export function* nodesOf(nodes: readonly GraphNode[]): Generator<GraphNode> {
  for (const node of nodes) {
    yield node;
    for (const graph of subgraphs(node)) yield* nodesOf(graph.nodes);
  }
}

/** Graphs in the attributes of a node (If, Loop, Scan). */
export function subgraphs(node: GraphNode): Graph[] {
  return node.attributes.flatMap((attribute) => [...attribute.graphs]);
}

/** The operators of a model by domain and name, so that a refusal can say which one is lacking. */
export function listOperators(model: Model): OperatorUse[] {
  const found = new Map<string, OperatorUse>();
  for (const { domain: written, operator, name } of allNodes(model)) {
    const domain = written === 'ai.onnx' ? '' : written;
    const key = `${domain}\0${operator}`;
    const known = found.get(key) ?? { domain, operator, count: 0, node: name };
    found.set(key, { ...known, count: known.count + 1 });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => use);
}

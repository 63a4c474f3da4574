import type { Graph, GraphNode } from '../../onnx/graph.js';

/** Nodes of a network, and which of them are SiLU. */
export interface JoinedNodes {
  readonly nodes: readonly GraphNode[];
  /** Nodes that represent two: their input is the input of both. */
  readonly silu: ReadonlySet<GraphNode>;
}

/**
 * Joins Sigmoid and the Mul with its input into one node, whose forward and backward passes are shorter. A gate
 * that another node reads, or that is an output, stays separate.
 */
export function joinSilu({ nodes, outputs }: Graph): JoinedNodes {
  const read = [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ name }) => name)];
  const readers = new Map<string, number>();
  for (const name of read) readers.set(name, (readers.get(name) ?? 0) + 1);
  const alone = nodes.filter(
    ({ operator, domain, outputs: [gate] }) =>
      operator === 'Sigmoid' && domain === '' && readers.get(gate) === 1,
  );
  const gates = new Map(alone.map((node) => [node.outputs[0], node] as const));
  const silu = new Set<GraphNode>();
  const gone = new Set<GraphNode>();
  const joined = nodes.map((node) => {
    const [a, b] = node.operator === 'Mul' && node.domain === '' ? node.inputs : [];
    const gate = gates.get(b) ?? gates.get(a);
    if (!gate || gate.inputs[0] !== (gate.outputs[0] === b ? a : b)) return node;
    const pair = { ...node, inputs: gate.inputs };
    silu.add(pair);
    gone.add(gate);
    return pair;
  });
  return { nodes: joined.filter((node) => !gone.has(node)), silu };
}

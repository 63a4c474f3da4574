import { dataflow } from './dataflow.js';
import type { GraphNode } from './graph.js';
import type { Model } from './model.js';

/** The product that gives the classes of a network. */
export interface Head {
  readonly node: GraphNode;
  /** Which input of the node is computed from the image. */
  readonly input: number;
}

const PRODUCTS = new Set(['Gemm', 'MatMul', 'Conv']);
/** Operators between the last product and the first output that change nothing in which product that is. */
const AFTER = new Set(['Add', 'Identity', 'Reshape', 'Flatten', 'Squeeze', 'Softmax']);

/** The last product before the first output; undefined where that comes from something else. */
export function findHead(model: Model): Head | undefined {
  const flow = dataflow(model.graph);
  const producer = (value: string) => flow.nodes[flow.producers.get(value) ?? -1];
  let node: GraphNode | undefined = producer(model.graph.outputs[0]?.name ?? '');
  while (node && AFTER.has(node.operator)) {
    const [value] = node.inputs.filter((name) => flow.data.has(name));
    node = producer(value);
  }
  if (!node || !PRODUCTS.has(node.operator)) return undefined;
  return { node, input: node.inputs.findIndex((name) => flow.data.has(name)) };
}

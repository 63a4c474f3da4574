import type { Model } from './model.js';
import { modulesOf } from './modules.js';

/** Operators that carry weights over channels: what people count as the layers of a network. */
const counted: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/**
 * For each value that depends on the input, how many convolutions and matrix products are on the longest
 * way to it.
 */
export function valueDepths(model: Model): ReadonlyMap<string, number> {
  const { flow } = modulesOf(model);
  const depths = new Map([...flow.graphInputs].map((name) => [name, 0]));
  flow.nodes.forEach((node, index) => {
    const before = Math.max(0, ...flow.reads[index].map((name) => depths.get(name) ?? 0));
    const depth = before + (counted.has(node.operator) ? 1 : 0);
    for (const name of node.outputs) if (flow.data.has(name)) depths.set(name, depth);
  });
  return depths;
}

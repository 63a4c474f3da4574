import type { Graph, TensorInfo } from '../onnx/graph.js';
import type { WireRecord } from '../onnx/wire.js';

/** A name under which the nodes of a graph read stored values. */
export interface WeightSlot {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly number[];
  /** The initializer that holds the values. */
  readonly stored: TensorInfo;
  /**
   * Set where the exporter found that two weights had equal values, kept one of them and lets an Identity
   * bear the other's name: true of the weights at export, and of no others.
   */
  readonly shared?: WireRecord;
}

/** All slots of a graph by name: its initializers, and the names that share their values. */
export function readSlots(graph: Graph): ReadonlyMap<string, WeightSlot> {
  const slots = new Map<string, WeightSlot>();
  for (const stored of graph.initializers) {
    const { name, elementType, dims } = stored;
    slots.set(name, { name, elementType, dims, stored });
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    const slot = slots.get(node.inputs[0] ?? '');
    const [name] = node.outputs;
    if (node.operator !== 'Identity' || slot === undefined || outputs.has(name)) continue;
    slots.set(name, { ...slot, name, shared: node.record });
  }
  return slots;
}

/**
 * Whether a name was made up by an exporter (`onnx::Conv_12`, `/Constant_output_0`, `val_3`, `57`) and is
 * no name of a state dict.
 */
export const isMadeUp = (name: string): boolean => /::|\/|^(_?val_)?\d+$/.test(name);

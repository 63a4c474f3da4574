import type { Graph, GraphNode, TensorInfo } from '../../onnx/graph.js';
import type { Model } from '../../onnx/model.js';
import { modulesOf } from '../../onnx/modules.js';
import type { WireRecord } from '../../onnx/wire.js';

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
const isMadeUp = (name: string): boolean => /::|\/|^(_?val_)?\d+$/.test(name);

const FLOATING = new Set([1, 10, 11, 16]);
/** Whether a slot bears a name of a state dict and holds weights. */
export const isParameter = ({ name, elementType }: WeightSlot) =>
  !isMadeUp(name) && FLOATING.has(elementType);

/** Products whose weight the exporter turned over, with the path of their module. */
export function turnedProducts(
  model: Model,
  slots: ReadonlyMap<string, WeightSlot>,
): { path: string; slot: WeightSlot }[] {
  const { scopes, flow } = modulesOf(model);
  return scopes.all.flatMap((scope) =>
    scope.direct.flatMap((index) => {
      const { operator, inputs } = flow.nodes[index];
      const slot = slots.get(inputs[1] ?? '');
      const turned = /^onnx::MatMul_\d+$/.test(slot?.name ?? '') && slot?.dims.length === 2;
      return operator === 'MatMul' && slot && turned ? [{ path: scope.path, slot }] : [];
    }),
  );
}

const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'BatchNormalization']);

/** The weights that a node reads under a name that an exporter made up. */
export function computedWeight(
  node: GraphNode,
  slots: ReadonlyMap<string, WeightSlot>,
): WeightSlot | undefined {
  if (!WEIGHTED.has(node.operator)) return undefined;
  return node.inputs
    .map((name) => slots.get(name))
    .find((slot) => slot !== undefined && isMadeUp(slot.name) && FLOATING.has(slot.elementType));
}

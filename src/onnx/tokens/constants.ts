import type { GraphNode, TensorInfo } from '../graph.js';
import type { Model } from '../model.js';
import { tensorElements } from '../tensor-elements.js';

const known = new WeakMap<Model, ReadonlyMap<string, TensorInfo>>();

/**
 * Tensors that a graph stores, by the value that holds them: initializers, constant nodes, and integers that an export without
 * constant folding makes lists of one. Read once for all layers.
 */
export function storedTensors(model: Model): ReadonlyMap<string, TensorInfo> {
  const tensors = known.get(model) ?? readTensors(model);
  known.set(model, tensors);
  return tensors;
}

/** TensorProto.DataType. */
const INT64 = 7;

function readTensors({ graph }: Model): ReadonlyMap<string, TensorInfo> {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  for (const { operator, inputs, outputs, attributes } of graph.nodes) {
    const value = attributes.find(({ name }) => name === 'value')?.tensors[0];
    if (operator === 'Constant' && value) tensors.set(outputs[0], value);
    const whole = operator === 'Unsqueeze' ? tensors.get(inputs[0]) : undefined;
    if (whole?.elementType === INT64 && whole.dims.length === 0)
      tensors.set(outputs[0], { ...whole, dims: [1] });
  }
  return tensors;
}

/** Most elements of a tensor of indices that is read. */
const MOST = 64;

/** The whole numbers of an attribute, or of the stored tensor of an input; undefined if they are not known. */
export function integersOf(
  { attributes, inputs }: GraphNode,
  tensors: ReadonlyMap<string, TensorInfo>,
  from: { readonly attribute: string; readonly input: number },
): readonly number[] | undefined {
  const found = attributes.find(({ name }) => name === from.attribute);
  if (found) return found.integer === undefined ? found.integers : [found.integer];
  const tensor = tensors.get(inputs[from.input] ?? '');
  if (!tensor || tensor.dims.reduce((product, size) => product * size, 1) > MOST) return undefined;
  try {
    return Array.from<number | bigint, number>(tensorElements(tensor), Number);
  } catch {
    return undefined;
  }
}

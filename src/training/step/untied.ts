import type { GraphNode, TensorInfo } from '../../onnx/graph.js';
import { type Model, readModel, writeModelWithGraph } from '../../onnx/model.js';
import { tensorElements } from '../../onnx/tensor-elements.js';
import { bytesRecord, messagePieces, records } from '../../onnx/wire.js';

/** Field of TensorProto that bears the name. */
const NAME = 8;

/**
 * PyTorch's exporter stores equal tensors once and lets Identity nodes, called as the other parameters are, stand
 * for the rest: before training most batch norms would so share one scale, one bias and one variance. What was
 * shared in the network comes the same way. They are told apart by their numbers: a tensor whose elements
 * are all alike was equal to another by how it started, and each gets its own initializer in place of the Identity;
 * one whose elements differ is equal to another only because it is the other, and stays one parameter.
 */
export function untied(model: Model): Model {
  const tensors = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  const copies = new Map(
    model.graph.nodes.flatMap((node) => {
      const tensor = node.operator === 'Identity' ? tensors.get(node.inputs[0]) : undefined;
      return tensor && isUniform(tensor) ? [[node.record.payload, { node, tensor }] as const] : [];
    }),
  );
  if (copies.size === 0) return model;
  const graph = model.graph.records.flatMap((record) => {
    const copy = record.field === 1 ? copies.get(record.payload) : undefined;
    return copy ? renamed(copy) : [record.raw];
  });
  return readModel(writeModelWithGraph(model, graph), model.name);
}

const FLOATS = new Set([1, 11]);

function isUniform(tensor: TensorInfo): boolean {
  if (!FLOATS.has(tensor.elementType) || tensor.dims.length === 0) return false;
  const elements = tensorElements(tensor);
  return elements.every((element: unknown) => element === elements[0]);
}

/** The record of an initializer (field 5 of a graph) as the tensor is, under the name of the node's output. */
function renamed({ node, tensor }: { node: GraphNode; tensor: TensorInfo }): Uint8Array[] {
  const kept = [...records(tensor.bytes)].filter(({ field }) => field !== NAME);
  return messagePieces(5, [...kept.map(({ raw }) => raw), bytesRecord(NAME, node.outputs[0])]);
}

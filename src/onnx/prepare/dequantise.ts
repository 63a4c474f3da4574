import { dataflow } from '../dataflow.js';
import { type Graph, type GraphNode, readNode, startReading } from '../graph.js';
import type { Model } from '../model.js';
import { quantisedValues } from '../quantised.js';
import { bytesRecord, concatenate, records, type WireRecord } from '../wire.js';

const ENDING = '_dequantized';

/**
 * The model with the real numbers of all codes that it computes with and never dequantises itself (operators such as
 * `QLinearConv`), as values `NAME_dequantized` beside them. A model without such codes is given back as it is.
 */
export function withDequantised(model: Model): Model {
  const { graph } = model;
  if (!graph.nodes.some(({ operator }) => /^Q(Linear|Gemm)/.test(operator))) return model;
  const flow = dataflow(graph);
  const { scales } = quantisedValues(flow);
  const added = new Map<GraphNode, GraphNode[]>();
  for (const [value, [scale, zeroPoint]] of scales) {
    const producer = flow.nodes[flow.producers.get(value) ?? -1];
    const name = value + ENDING;
    if (!producer || flow.producers.has(name)) continue;
    const inputs = zeroPoint === '' ? [value, scale] : [value, scale, zeroPoint];
    const node = nodeOf({ name: (producer.name || value) + ENDING, inputs, output: name });
    added.set(producer, [...(added.get(producer) ?? []), node]);
  }
  return added.size > 0 ? { ...model, graph: inserted(graph, added) } : model;
}

/** A node of `DequantizeLinear`. The scope of its name is that of the node that it follows. */
function nodeOf({
  name,
  inputs,
  output,
}: {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
}): GraphNode {
  const payload = concatenate([
    ...inputs.map((input) => bytesRecord(1, input)),
    bytesRecord(2, output),
    bytesRecord(3, name),
    bytesRecord(4, 'DequantizeLinear'),
  ]);
  const [record] = records(bytesRecord(1, payload)) as unknown as Iterable<WireRecord>;
  return readNode(record, startReading());
}

/** The graph with nodes behind those that make what they read. */
function inserted(graph: Graph, added: ReadonlyMap<GraphNode, readonly GraphNode[]>): Graph {
  const behind = new Map([...added].map(([node, more]) => [node.record, more]));
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => [node, ...(added.get(node) ?? [])]),
    records: graph.records.flatMap((record) => [
      record,
      ...(behind.get(record) ?? []).map((node) => node.record),
    ]),
  };
}

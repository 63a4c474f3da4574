import { VentralError } from '../errors/ventral-error.js';
import { nodeReads } from './dataflow.js';
import type { Graph, GraphNode } from './graph.js';
import { type Model, modelPieces } from './model.js';
import { bytesRecord, concatenate, messagePieces } from './wire.js';

/**
 * Bytes of a model whose outputs are exactly `values`, in that order: any inner value, existing
 * output, graph input or initializer. Nodes and initializers that these do not need are left out,
 * so that the runtime computes no more than asked; everything else is kept byte for byte, and an
 * output whose type the file does not give stays untyped (the runtime infers it). Graph inputs all
 * stay, so that the same feeds fit.
 * @throws VentralError `layer-unknown` for a name that is no value
 */
export function exposeValues(model: Model, values: readonly string[]): Uint8Array {
  return concatenate(exposedPieces(model, values));
}

/**
 * The bytes of {@link exposeValues} in pieces, the large ones views of the file's: a network is sent to another process
 * without a second copy of its weights.
 */
export function exposedPieces(model: Model, values: readonly string[]): Uint8Array[] {
  const { graph } = model;
  const wanted = [...new Set(values)];
  const nodes = neededNodes(model, wanted);
  const reads = new Set(wanted);
  for (const node of nodes) for (const name of nodeReads(node)) reads.add(name);
  const made = new Set(nodes.flatMap((node) => [...node.outputs]));
  return modelPieces(model, pruned(graph, { nodes, reads, made, wanted }));
}

interface Kept {
  readonly nodes: ReadonlySet<GraphNode> | readonly GraphNode[];
  readonly reads: ReadonlySet<string>;
  readonly made: ReadonlySet<string>;
  readonly wanted: readonly string[];
}

/**
 * The values that some values are computed from, themselves included.
 * @throws VentralError `layer-unknown`
 */
export function ancestorValues(model: Model, values: readonly string[]): ReadonlySet<string> {
  const found = new Set(values);
  for (const node of neededNodes(model, values)) {
    for (const name of [...nodeReads(node), ...node.outputs]) found.add(name);
  }
  return found;
}

function neededNodes(model: Model, wanted: readonly string[]): GraphNode[] {
  const { graph } = model;
  const producer = new Map<string, GraphNode>();
  for (const node of graph.nodes) for (const name of node.outputs) producer.set(name, node);
  const given = new Set(
    [...graph.inputs, ...graph.initializers, ...graph.sparseInitializers].map((v) => v.name),
  );
  for (const name of wanted) {
    if (name !== '' && (producer.has(name) || given.has(name))) continue;
    throw new VentralError('layer-unknown', `${model.name} has no value ${JSON.stringify(name)}`, {
      file: model.name,
      field: name,
    });
  }
  const needed = new Set<GraphNode>();
  const queue = [...wanted];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const node = producer.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    queue.push(...nodeReads(node));
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** Records of the pruned graph, in the order of the file, outputs last. */
function pruned(graph: Graph, kept: Kept): Uint8Array[] {
  const nodes = new Set([...kept.nodes].map((node) => node.record));
  const dropped = new Set(
    [...graph.initializers, ...graph.sparseInitializers]
      .map((tensor) => tensor.name)
      .filter((name) => !kept.reads.has(name)),
  );
  const at = { 5: 0, 11: 0, 13: 0 };
  const pieces: Uint8Array[] = [];
  for (const record of graph.records) {
    if (record.field === 12) continue;
    if (record.wire !== 2) {
      pieces.push(record.raw);
      continue;
    }
    if (record.field === 1 && !nodes.has(record)) continue;
    if (record.field === 5 && dropped.has(graph.initializers[at[5]++].name)) continue;
    // IR version 3 lists initializers among the inputs: without its initializer it would have to be fed.
    if (record.field === 11 && dropped.has(graph.inputs[at[11]++].name)) continue;
    if (record.field === 13 && !kept.made.has(graph.valueInfo[at[13]++].name)) continue;
    pieces.push(record.raw);
  }
  return [...pieces, ...kept.wanted.flatMap((name) => outputRecord(graph, name))];
}

/** A ValueInfoProto for an output: as the file describes the value, else the name alone. */
function outputRecord(graph: Graph, name: string): Uint8Array[] {
  const known = [...graph.outputs, ...graph.valueInfo, ...graph.inputs].find(
    (info) => info.name === name,
  );
  return messagePieces(12, [known?.bytes ?? concatenate([bytesRecord(1, name)])]);
}

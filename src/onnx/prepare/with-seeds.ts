import { createHash } from 'node:crypto';
import { dataflow } from '../dataflow.js';
import { type GraphNode, readNode, startReading } from '../graph.js';
import type { Model } from '../model.js';
import { drawingNodes } from '../unsteady.js';
import { bytesRecord, concatenate, floatRecord, integerRecord, records, text } from '../wire.js';

/** The seed of every network's random numbers: it is among the inputs of a number that depends on them. */
export const SEED = 0;

/**
 * The model with a seed in every node that draws random numbers, in place of its own: each node has a stream of its own, decided by
 * {@link SEED} and the name of its output, so that no stream depends on what else is computed. Random numbers in subgraphs and
 * functions stay as they are. A model that draws none is given back as it is.
 */
export function withSeeds(model: Model): Model {
  const drawing = drawingNodes(model);
  if (drawing.length === 0) return model;
  const taken = new Set<number>();
  const changed = new Map(drawing.map((node) => [node, seededNode(node, seedOf(node, taken))]));
  const { graph } = model;
  const ofRecord = new Map([...changed].map(([node, { record }]) => [node.record, record]));
  const seeded = new Set<string>();
  const { reads } = dataflow(graph);
  graph.nodes.forEach((node, index) => {
    if (!changed.has(node) && !reads[index].some((name) => seeded.has(name))) return;
    for (const name of node.outputs) if (name !== '') seeded.add(name);
  });
  return {
    ...model,
    seeded,
    graph: {
      ...graph,
      nodes: graph.nodes.map((node) => changed.get(node) ?? node),
      records: graph.records.map((record) => ofRecord.get(record) ?? record),
    },
  };
}

/** 24 bits, which a float32 holds exactly: all but one operator have their seed as one. */
function seedOf({ name, outputs }: GraphNode, taken: Set<number>): number {
  const stream = JSON.stringify([SEED, outputs.find((output) => output !== '') ?? name]);
  const [high, middle, low] = createHash('sha256').update(stream).digest();
  // 0 is no seed of its own to the runtime's generator.
  let seed = (high << 16) | (middle << 8) | low || 1;
  while (taken.has(seed)) seed = (seed % 0xffffff) + 1;
  taken.add(seed);
  return seed;
}

const FLOAT = 1;
const INTEGER = 2;

function seededNode({ operator, record }: GraphNode, seed: number): GraphNode {
  const value =
    operator === 'Dropout'
      ? [integerRecord(3, seed), integerRecord(20, INTEGER)]
      : [floatRecord(2, seed), integerRecord(20, FLOAT)];
  const attribute = bytesRecord(5, concatenate([bytesRecord(1, 'seed'), ...value]));
  const kept = [...records(record.payload)].filter(
    ({ field, payload }) => field !== 5 || nameOf(payload) !== 'seed',
  );
  const payload = concatenate([...kept.map(({ raw }) => raw), attribute]);
  const [made] = records(bytesRecord(1, payload));
  return readNode(made, startReading());
}

function nameOf(attribute: Uint8Array): string | undefined {
  for (const part of records(attribute)) if (part.field === 1) return text(part);
  return undefined;
}

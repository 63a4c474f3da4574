import { GraphBuilder } from '../graph-builder.js';
import { type Model, readModel, writeModelWithGraph } from '../model.js';

/** A value to add to a graph: some tokens of another, or its channels first. */
export interface AddedPart {
  /** What the value is called; no value of the graph is. */
  readonly name: string;
  readonly of: string;
  /** Tokens from one to another, not included; channels first where undefined. */
  readonly tokens: readonly [from: number, to: number] | undefined;
}

/** The opset from which on a slice takes its bounds as inputs. */
const LEAST_OPSET = 10;

/** Whether parts can be added to a graph of its opset. */
export const takesParts = ({ opsets }: Model): boolean => (opsets.get('') ?? 0) >= LEAST_OPSET;

/** The model with nodes that make the parts; everything else is kept byte for byte. */
export function addParts(model: Model, parts: readonly AddedPart[]): Model {
  if (parts.length === 0) return model;
  const graph = new GraphBuilder('parts');
  for (const { name, of, tokens } of parts) {
    if (tokens === undefined) {
      const perm = { ints: [0, 3, 1, 2] };
      graph.node('Transpose', [of], { name, outputs: [name], attributes: { perm } });
      continue;
    }
    const bounds = (['from', 'to', 'axis'] as const).map((what, i) =>
      graph.initializer(`${name}/${what}`, [1], BigInt64Array.of(BigInt([...tokens, 1][i]))),
    );
    graph.node('Slice', [of, ...bounds], { name, outputs: [name] });
  }
  const added = readModel(graph.build(), model.name).graph.records.filter(
    ({ field }) => field === 1 || field === 5,
  );
  const records = [...model.graph.records, ...added].map(({ raw }) => raw);
  return readModel(writeModelWithGraph(model, records), model.name);
}

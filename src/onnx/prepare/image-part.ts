import { VentralError } from '../../errors/ventral-error.js';
import { nodeReads } from '../dataflow.js';
import type { Graph } from '../graph.js';
import type { Model } from '../model.js';
import { type ModelInput, modelInputs } from '../model-inputs.js';

/** Inputs of a value that are named at most. */
const MOST = 4;
const pictures: readonly (string | null)[] = ['float32', 'float16', 'bfloat16', 'uint8'];

/**
 * The input that images go to: the one that is named, else the only one, or the only one with the axes of an image, else of a clip.
 * Undefined where that does not tell.
 * @throws VentralError `input-mismatch` for a name that no input has
 */
export function imageInputName(
  inputs: readonly ModelInput[],
  model: string,
  named?: string,
): string | undefined {
  const names = inputs.map(({ name }) => name);
  if (named !== undefined) {
    if (names.includes(named)) return named;
    throw new VentralError(
      'input-mismatch',
      `${model}: the card names the input ${named}, the graph has ${names.slice(0, MOST).join(', ') || 'none'}`,
      { file: model, field: 'input.name', expected: names.slice(0, MOST).join(', '), found: named },
    );
  }
  if (inputs.length === 1) return names[0];
  const images = inputs.filter(isPicture);
  const fitting = images.length > 0 ? images : inputs.filter(isClip);
  return fitting.length === 1 ? fitting[0].name : undefined;
}

function isPicture({ dims, dtype }: ModelInput): boolean {
  return dims?.length === 4 && pictures.includes(dtype) && (dims[1] === 3 || dims[3] === 3);
}

function isClip({ dims, dtype }: ModelInput): boolean {
  return dims?.length === 5 && pictures.includes(dtype) && [1, 2, 4].some((at) => dims[at] === 3);
}

/**
 * The part of a graph with several inputs that is computed from the image alone: nodes, outputs and that one input. The
 * model itself where it has no other input, or where nothing says which one is the image's.
 * @throws VentralError `input-mismatch` for a name that no input has
 * @param named the image's input, as the card says
 */
export function imagePart(model: Model, named?: string): Model {
  const inputs = modelInputs(model);
  const image = imageInputName(inputs, model.name, named);
  if (image === undefined || inputs.length === 1) return model;
  const others = inputs.map(({ name }) => name).filter((name) => name !== image);
  const needs = needsOf(model.graph, others);
  return { ...model, graph: without(model.graph, needs), imagePart: { whole: model, needs } };
}

function needsOf(graph: Graph, others: readonly string[]): Map<string, readonly string[]> {
  const needs = new Map<string, readonly string[]>(others.map((name) => [name, [name]]));
  for (const node of graph.nodes) {
    const found = new Set<string>();
    for (const name of nodeReads(node)) for (const need of needs.get(name) ?? []) found.add(need);
    if (found.size === 0) continue;
    const some = [...found].slice(0, MOST);
    for (const name of node.outputs) if (name !== '') needs.set(name, some);
  }
  return needs;
}

/** The graph without some values, and without the nodes that make them. */
function without(graph: Graph, gone: ReadonlyMap<string, unknown>): Graph {
  const nodes = graph.nodes.filter(({ outputs }) => !outputs.some((name) => gone.has(name)));
  const kept = new Set(nodes.map(({ record }) => record));
  const inputs = graph.inputs.filter(({ name }) => !gone.has(name));
  const outputs = graph.outputs.filter(({ name }) => !gone.has(name));
  const at = { 11: 0, 12: 0 };
  const records = graph.records.filter((record) => {
    if (record.wire !== 2) return true;
    if (record.field === 1) return kept.has(record);
    if (record.field === 11) return !gone.has(graph.inputs[at[11]++].name);
    return record.field !== 12 || !gone.has(graph.outputs[at[12]++].name);
  });
  return { ...graph, nodes, inputs, outputs, records };
}

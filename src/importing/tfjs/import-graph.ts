import { VentralError } from '../../errors/ventral-error.js';
import {
  NetworkGraph,
  toChannelsFirst,
  toChannelsLast,
  type Value,
} from '../keras/network-graph.js';
import { invalidPart, valueText } from '../keras/refusals.js';
import { type Fields, isFields } from '../source/fields.js';
import type { Imported, MatchedLayer, Size } from '../source/imported.js';
import { readGraphNodes, type TfjsNode } from './graph-nodes.js';
import { channelsFirst, type Operand } from './graph-operands.js';
import { translateNode } from './graph-operators.js';
import { graphRuntime } from './graph-runtime.js';
import type { ModelJsonFiles } from './model-json.js';

/**
 * Imports a graph model: every node that depends on the picture becomes a module of the node's name.
 * @throws VentralError `import-unsupported` naming node and operator, `checkpoint-invalid`
 */
export async function importGraph(files: ModelJsonFiles): Promise<Imported> {
  const { file, topology } = files;
  const nodes = readGraphNodes(file, topology);
  const ends = outputNodes(files, nodes);
  const needed = neededNodes(nodes, ends);
  const placeholder = inputNode(file, needed);
  const graph = new NetworkGraph(file);
  const operands = new Map<string, Operand>();
  const input = declareInput(graph, placeholder, needed);
  operands.set(placeholder.name, { is: 'value', value: input });
  for (const node of needed) {
    if (node !== placeholder) operands.set(node.name, translated(files, graph, node, operands));
  }
  const valuesOf = (name: string): Value[] => {
    const operand = operands.get(name);
    return operand?.is === 'value' ? [operand.value] : [];
  };
  const outputs = ends.flatMap(valuesOf).filter(({ name }) => name !== input.name);
  if (outputs.length === 0) throw invalidPart(file, 'the outputs', 'values of the image', ends);
  const layers = needed
    .filter((node) => node !== placeholder)
    .flatMap(({ name }) => valuesOf(name).map((value) => matched(name, value)));
  const source = await graphRuntime(
    files,
    placeholder.name,
    input.shape,
    layers.map((layer) => ({
      name: layer.layer,
      shape: valuesOf(layer.layer)[0].shape,
    })),
  );
  const inputAxes = input.moved ? { inputAxes: toChannelsLast } : {};
  return { model: graph.build(outputs), layers, source, notes: [], ...inputAxes };
}

const matched = (layer: string, { name, moved }: Value): MatchedLayer => ({
  layer,
  value: name,
  ...(moved ? { axes: toChannelsFirst } : {}),
});

/** Nodes in the signature, else nodes without readers. */
function outputNodes({ file, json }: ModelJsonFiles, nodes: readonly TfjsNode[]): string[] {
  const metadata = isFields(json.userDefinedMetadata) ? json.userDefinedMetadata : {};
  const signature = [json.signature, metadata.signature].find(isFields);
  const outputs: Fields = isFields(signature?.outputs) ? signature.outputs : {};
  const named = Object.values(outputs).flatMap((output) =>
    isFields(output) && typeof output.name === 'string' ? [output.name.replace(/:0$/, '')] : [],
  );
  if (named.length > 0) {
    const known = new Set(nodes.map(({ name }) => name));
    const missing = named.find((name) => !known.has(name));
    if (missing === undefined) return [...new Set(named)];
    throw invalidPart(file, 'signature, outputs', 'nodes of the graph', missing);
  }
  const taken = new Set(nodes.flatMap(({ inputs }) => inputs));
  return nodes
    .filter(({ name, op }) => !taken.has(name) && !['Const', 'NoOp', 'Placeholder'].includes(op))
    .map(({ name }) => name);
}

function neededNodes(nodes: readonly TfjsNode[], ends: readonly string[]): TfjsNode[] {
  const wanted = new Set(ends);
  const needed: TfjsNode[] = [];
  // From the end: readers of a node come after it.
  for (const node of [...nodes].reverse()) {
    if (!wanted.has(node.name)) continue;
    needed.push(node);
    for (const input of node.inputs) wanted.add(input);
  }
  return needed.reverse();
}

function inputNode(file: string, nodes: readonly TfjsNode[]): TfjsNode {
  const inputs = nodes.filter(({ op }) => op === 'Placeholder' || op === 'PlaceholderWithDefault');
  const [only] = inputs;
  if (inputs.length === 1 && only.op === 'Placeholder') return only;
  throw invalidPart(file, 'the graph', 'one Placeholder for images', `${inputs.length}`);
}

function declareInput(graph: NetworkGraph, node: TfjsNode, nodes: readonly TfjsNode[]): Value {
  const shape = node.shape('shape');
  const sizes = shape?.slice(1).map((size): Size => (size === -1 ? null : size));
  const fits = sizes?.every((size) => size === null || (size > 0 && size <= 65_536));
  if (sizes === undefined || sizes.length === 0 || !fits) {
    throw node.refuse('shape', 'the batch and the image size', shape ?? 'an open rank');
  }
  graph.begin(node.name, node.op);
  return graph.input(node.name, sizes, sizes.length === 3 && !nodes.some(channelsFirst));
}

function translated(
  { file, weights }: ModelJsonFiles,
  graph: NetworkGraph,
  node: TfjsNode,
  operands: ReadonlyMap<string, Operand>,
): Operand {
  if (node.op === 'Const') {
    const weight = weights.get(node.name);
    if (weight !== undefined) return { is: 'constant', weight };
    throw new VentralError(
      'checkpoint-unmatched',
      `${file}: the constant ${valueText(node.name)} has no weight`,
      {
        file,
        field: valueText(node.name),
        expected: 'a weight',
        found: 'none',
      },
    );
  }
  graph.begin(node.name, node.op);
  const given = node.inputs.flatMap((input) => operands.get(input) ?? []);
  const result = translateNode({ graph, node, operands: given });
  return result.is === 'value' ? { is: 'value', value: graph.finish(result.value) } : result;
}

import { VentralError } from '../errors/ventral-error.js';
import { nodeReads } from './dataflow.js';
import { elementBytes, elementTypeName } from './element-type.js';
import { externalFiles } from './external-data.js';
import type { Graph, TensorInfo } from './graph.js';
import type { Model } from './model.js';
import { type ModelInput, type ModelValue, modelInputs, modelValue } from './model-inputs.js';
import { allNodes, listOperators, type OperatorUse, subgraphs } from './operators.js';

/** What a model may be at most. */
export interface GraphLimits {
  readonly nodes: number;
  /** Bytes of the file and its external data together. */
  readonly bytes: number;
}

/** More nodes than any network has; bytes as many as a protobuf, and so the runtime, can take. */
export const graphLimits: GraphLimits = { nodes: 100_000, bytes: 2 ** 31 - 1 };

/** What a checked model is. */
export interface GraphSummary {
  readonly inputs: readonly ModelInput[];
  readonly outputs: readonly ModelValue[];
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly producer: string;
  /** Nodes, those of subgraphs and functions included. */
  readonly nodes: number;
  /** Elements of all floating-point initializers. */
  readonly parameters: number;
  /** Bytes of all tensors, external ones included. */
  readonly bytes: number;
  readonly operators: readonly OperatorUse[];
  /** External data files, relative to the model's folder. */
  readonly externalFiles: readonly string[];
}

/** Operator domains that the runtime brings. */
const DOMAINS = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'ai.onnx.preview.training']);

/**
 * Looks at a model before the runtime sees it: operator sets and domains, how much there is of
 * everything, that tensors hold what their shapes say, that every value is made once and before it
 * is read, that external data stay in the model's folder. Subgraphs and functions too.
 * Throws `onnx-invalid`, `onnx-operator` or `onnx-external-data`.
 */
export function checkGraph(model: Model, limits: GraphLimits = graphLimits): GraphSummary {
  const opset = model.opsets.get('') ?? 0;
  if (model.opsets.has('') && opset < 9) {
    throw invalid(model, 'opset_import', 'opset 9 or later', `opset ${opset}`);
  }
  const nodes = checkNodes(model, limits);
  const tensors = [...allTensors(model)];
  const sizes = tensors.map((tensor) => checkTensor(model, tensor));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > limits.bytes) {
    throw invalid(model, 'tensors', `at most ${limits.bytes} bytes of tensors`, `${bytes}`);
  }
  const inputs = modelInputs(model);
  if (inputs.length === 0) throw invalid(model, 'graph.input', 'an input for pictures', 'none');
  checkValues(model, model.graph, () => false);
  return {
    inputs,
    outputs: model.graph.outputs.map(modelValue),
    opset,
    producer: model.producer,
    nodes,
    parameters: parametersOf(model.graph),
    bytes,
    operators: listOperators(model),
    externalFiles: externalFiles(model),
  };
}

function invalid(model: Model, field: string, expected: string, found: string): VentralError {
  return new VentralError(
    'onnx-invalid',
    `${model.name} is not a valid graph: ${field} should be ${expected}, found ${found}`,
    { file: model.name, field, expected, found },
  );
}

function checkNodes(model: Model, limits: GraphLimits): number {
  const own = new Set(model.functions.map((f) => `${f.domain}\0${f.name}`));
  let count = 0;
  for (const { name, operator, domain } of allNodes(model)) {
    count++;
    if (operator === '') throw invalid(model, `node ${name}`, 'an operator', 'none');
    if (DOMAINS.has(domain) || own.has(`${domain}\0${operator}`)) continue;
    throw new VentralError(
      'onnx-operator',
      `${model.name} calls ${domain}.${operator} in node ${name || '(without a name)'}: the runtime has no operators of that domain`,
      {
        file: model.name,
        field: name,
        expected: `an operator of ${[...DOMAINS].filter((d) => d.includes('.')).join(', ')}`,
        found: `${domain}.${operator}`,
      },
    );
  }
  if (count > limits.nodes) throw invalid(model, 'nodes', `at most ${limits.nodes}`, `${count}`);
  return count;
}

function* allTensors(model: Model): Generator<TensorInfo> {
  yield* tensorsOf(model.graph);
  for (const { nodes } of model.functions) {
    for (const node of nodes) {
      for (const attribute of node.attributes) yield* attribute.tensors;
      for (const graph of subgraphs(node)) yield* tensorsOf(graph);
    }
  }
}

function* tensorsOf(graph: Graph): Generator<TensorInfo> {
  yield* graph.initializers;
  yield* graph.sparseInitializers;
  for (const node of graph.nodes) {
    for (const attribute of node.attributes) yield* attribute.tensors;
    for (const inner of subgraphs(node)) yield* tensorsOf(inner);
  }
}

/** Bytes of a tensor; throws where its shape and its data disagree. */
function checkTensor(model: Model, tensor: TensorInfo): number {
  const field = `tensor ${tensor.name || '(without a name)'}`;
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  const shape = `[${tensor.dims.join(', ')}]`;
  if (tensor.dims.some((dim) => dim < 0) || !Number.isSafeInteger(count)) {
    throw invalid(model, field, 'a shape of sizes', shape);
  }
  const bytes = elementBytes(tensor.elementType, count);
  const type = elementTypeName(tensor.elementType);
  if (bytes === undefined) {
    throw invalid(model, field, 'a known element type', `number ${tensor.elementType}`);
  }
  const { data } = tensor;
  if (data.at === 'raw' && (type === 'string' || data.bytes.length !== bytes)) {
    throw invalid(model, field, `${bytes} bytes for ${type} ${shape}`, `${data.bytes.length}`);
  }
  if (data.at === 'typed' && data.elements !== typedCount(type ?? '', count)) {
    throw invalid(model, field, `${count} elements for ${type} ${shape}`, `${data.elements}`);
  }
  return bytes;
}

/** Entries of the typed data field: complex numbers take two, 4-bit numbers half a one. */
function typedCount(type: string, count: number): number {
  if (type.startsWith('complex')) return 2 * count;
  return ['uint4', 'int4', 'float4e2m1'].includes(type) ? Math.ceil(count / 2) : count;
}

/** Every value is made once, and before it is read; `outer` knows those around a subgraph. */
function checkValues(model: Model, graph: Graph, outer: (name: string) => boolean): void {
  const made = new Set([...graph.inputs, ...graph.initializers].map((value) => value.name));
  for (const { name } of graph.sparseInitializers) made.add(name);
  const known = (name: string) => name === '' || made.has(name) || outer(name);
  for (const node of graph.nodes) {
    const field = `node ${node.name || node.operator}`;
    const missing = [...nodeReads(node)].find((name) => !known(name));
    if (missing !== undefined) {
      throw invalid(model, field, 'inputs that something before it makes', missing);
    }
    for (const inner of subgraphs(node)) checkValues(model, inner, known);
    for (const name of node.outputs) {
      if (name !== '' && made.has(name)) throw invalid(model, field, 'outputs of new names', name);
      made.add(name);
    }
  }
  const missing = graph.outputs.find((output) => !known(output.name));
  if (missing) throw invalid(model, 'graph.output', 'values of the graph', missing.name);
}

function parametersOf(graph: Graph): number {
  const floating = (type: number) => /float/.test(elementTypeName(type) ?? '');
  return graph.initializers
    .filter((tensor) => floating(tensor.elementType))
    .reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
}

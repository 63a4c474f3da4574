import { VentralError } from '../../errors/ventral-error.js';
import { nodeReads } from '../dataflow.js';
import { elementTypeName } from '../element-type.js';
import { externalFiles } from '../external-data.js';
import type { Graph } from '../graph.js';
import type { Model } from '../model.js';
import { type ModelInput, type ModelValue, modelInputs, modelValue } from '../model-inputs.js';
import { allNodes, listOperators, type OperatorUse, subgraphs } from '../operators.js';
import { checkFolding, type FoldingLimits, foldingLimits } from './check-folding.js';
import {
  allTensors,
  checkDeclaredValues,
  checkTexts,
  expandedNodes,
  functionKey,
  tensorBytes,
} from './check-sizes.js';

/** What a model may be at most. */
export interface GraphLimits {
  /** Calls of functions of its own written out. */
  readonly nodes: number;
  /** Bytes of the file, and of all tensors as they are once loaded. */
  readonly bytes: number;
  /** Bytes of a value as large as the file says, in one run. */
  readonly valueBytes: number;
  /** Characters of a name, bytes of a text in an attribute. */
  readonly textLength: number;
  /** What its constants are folded into when it is loaded. */
  readonly folding: FoldingLimits;
}

/**
 * More nodes than any network has; bytes as many as a protobuf, and so the runtime, can take; values as
 * large as those of a ResNet for a fixed batch of a thousand.
 */
const graphLimits: GraphLimits = {
  nodes: 100_000,
  bytes: 2 ** 31 - 1,
  valueBytes: 2 ** 32,
  textLength: 2 ** 20,
  folding: foldingLimits,
};

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
 * everything and would be once loaded, that tensors hold what their shapes say, that every value is made
 * once and before it is read, how much is computed of constants when it is loaded, that external data stay
 * in the model's folder. Subgraphs and functions too.
 * @throws VentralError `onnx-invalid`, `onnx-operator` or `onnx-external-data`
 */
export function checkGraph(model: Model, given: Partial<GraphLimits> = {}): GraphSummary {
  const limits = { ...graphLimits, ...given };

  const opset = model.opsets.get('') ?? 0;
  if (model.opsets.has('') && opset < 9) {
    throw invalid(model, 'opset_import', 'opset 9 or later', `opset ${opset}`);
  }
  const nodes = checkNodes(model, limits);
  const bytes = checkSizes(model, limits);
  const inputs = modelInputs(model);
  if (inputs.length === 0) throw invalid(model, 'graph.input', 'an image input', 'none');
  const seen = new Set<string>();
  const twice = inputs.find(({ name }) => seen.size === seen.add(name).size);
  if (twice) throw invalid(model, 'graph.input', 'inputs of different names', twice.name);
  checkValues(model, model.graph, () => false);
  checkFolding(model, limits.folding, refusalOf(model));
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

/** Bytes of all tensors once loaded. */
function checkSizes(model: Model, limits: GraphLimits): number {
  const refuse = refusalOf(model);
  checkTexts(model, limits.textLength, refuse);
  checkDeclaredValues(model, limits.valueBytes, refuse);
  const file = model.records.reduce((sum, { raw }) => sum + raw.length, 0);
  let tensors = 0;
  for (const tensor of allTensors(model)) tensors += tensorBytes(tensor, refuse);
  for (const [field, bytes] of Object.entries({ file, tensors })) {
    if (bytes > limits.bytes) throw refuse(field, `at most ${limits.bytes} bytes`, `${bytes}`);
  }
  return tensors;
}

const refusalOf = (model: Model) => (field: string, expected: string, found: string) =>
  invalid(model, field, expected, found);

function invalid(model: Model, field: string, expected: string, found: string): VentralError {
  return new VentralError(
    'onnx-invalid',
    `${model.name} is not a valid graph: ${field} should be ${expected}, found ${found}`,
    { file: model.name, field, expected, found },
  );
}

function checkNodes(model: Model, limits: GraphLimits): number {
  const own = new Set(model.functions.map((f) => functionKey(f.domain, f.name)));
  const different = new Set(
    model.functions.map((f) => JSON.stringify([f.domain, f.name, f.overload])),
  );
  if (different.size < model.functions.length)
    throw invalid(model, 'functions', 'functions of different names', 'two of one name');
  let count = 0;
  for (const { name, operator, domain } of allNodes(model)) {
    count++;
    if (operator === '') throw invalid(model, `node ${name}`, 'an operator', 'none');
    if (DOMAINS.has(domain) || own.has(functionKey(domain, operator))) continue;
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
  for (const found of [count, expandedNodes(model, refusalOf(model))]) {
    if (found > limits.nodes) throw invalid(model, 'nodes', `at most ${limits.nodes}`, `${found}`);
  }
  return count;
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

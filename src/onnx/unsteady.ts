import type { Dataflow } from './dataflow.js';
import type { GraphNode, TensorInfo } from './graph.js';
import type { Model } from './model.js';
import { nodesOf } from './operators.js';
import { tensorElements } from './tensor-elements.js';

/** Operators that draw random numbers whatever they are given. */
const drawing: ReadonlySet<string> = new Set([
  ...['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'],
  ...['Bernoulli', 'Multinomial'],
]);

/** Why a value is not the same for the same image. */
export interface Unsteady {
  /** What it depends on. */
  readonly what: string;
  /** The node of the graph that brings it in, by its name or its first output. */
  readonly node: string;
  /** Whether it can be seeded: random numbers that the graph itself draws, not a subgraph or a function. */
  readonly seedable: boolean;
}

/**
 * Values that are not the same for the same image: they depend on random numbers, or on the other images of a batch.
 * Random numbers of a seeded graph are none.
 */
export function unsteadyValues(model: Model, flow: Dataflow): ReadonlyMap<string, Unsteady> {
  const constants = constantsOf(model);
  const functions = unsteadyFunctions(model, constants);
  const found = new Map<string, Unsteady>();
  flow.nodes.forEach((node, index) => {
    const before = flow.reads[index].flatMap((name) => found.get(name) ?? []);
    // What cannot be seeded counts more than what can.
    const why =
      before.find(({ seedable }) => !seedable) ??
      ownReason(node, { constants, functions, isSeeded: model.seeded !== undefined }) ??
      before[0];
    if (why === undefined) return;
    for (const name of node.outputs) if (name !== '') found.set(name, why);
  });
  return found;
}

interface Known {
  readonly constants: ReadonlyMap<string, TensorInfo>;
  readonly functions: Reasons;
  readonly isSeeded: boolean;
}

function ownReason(node: GraphNode, { constants, functions, isSeeded }: Known) {
  const drawn = drawnBy(node, constants);
  if (drawn !== undefined && isSeeded) return undefined;
  const what = drawn ?? whyOf([node], constants, functions);
  if (what === undefined) return undefined;
  const name = node.name || node.outputs.find((output) => output !== '') || node.operator;
  return { what, node: name, seedable: drawn !== undefined };
}

/** The nodes of the graph itself that draw random numbers. */
export function drawingNodes(model: Model): GraphNode[] {
  const constants = constantsOf(model);
  return model.graph.nodes.filter((node) => drawnBy(node, constants) !== undefined);
}

type Reasons = ReadonlyMap<string, string>;

/** Why these nodes, those of their subgraphs and of the functions that they call are unsteady. */
function whyOf(
  nodes: readonly GraphNode[],
  constants: ReadonlyMap<string, TensorInfo>,
  functions: Reasons,
): string | undefined {
  for (const node of nodesOf(nodes)) {
    const why = ofOperator(node, constants) ?? functions.get(keyOf(node.domain, node.operator));
    if (why !== undefined) return why;
  }
  return undefined;
}

function ofOperator(
  node: GraphNode,
  constants: ReadonlyMap<string, TensorInfo>,
): string | undefined {
  const training = node.attributes.find(({ name }) => name === 'training_mode')?.integer;
  return node.operator === 'BatchNormalization' && training === 1
    ? 'the other images of a batch (BatchNormalization in training mode)'
    : drawnBy(node, constants);
}

/** The random numbers that a node draws. */
function drawnBy(
  { operator, domain, inputs }: GraphNode,
  constants: ReadonlyMap<string, TensorInfo>,
): string | undefined {
  if (domain !== '' && domain !== 'ai.onnx') return undefined;
  if (drawing.has(operator)) return `random numbers (${operator})`;
  return operator === 'Dropout' && inputs[2] && !isFalse(constants.get(inputs[2]))
    ? 'random numbers (Dropout in training mode)'
    : undefined;
}

const keyOf = (domain: string, name: string) => `${domain} ${name}`;

/** Functions of the model's own that are unsteady, or call one that is, by domain and name. */
function unsteadyFunctions(
  { functions }: Model,
  constants: ReadonlyMap<string, TensorInfo>,
): Reasons {
  const found = new Map<string, string>();
  const callers = new Map<string, string[]>();
  const unread: string[] = [];
  for (const { domain, name, nodes } of functions) {
    const own = keyOf(domain, name);
    for (const node of nodesOf(nodes)) {
      const called = keyOf(node.domain, node.operator);
      const known = callers.get(called);
      if (known) known.push(own);
      else callers.set(called, [own]);
    }
    const why = whyOf(nodes, constants, new Map());
    if (why === undefined) continue;
    found.set(own, why);
    unread.push(own);
  }
  for (let name = unread.pop(); name !== undefined; name = unread.pop()) {
    for (const caller of callers.get(name) ?? []) {
      if (found.has(caller)) continue;
      found.set(caller, found.get(name) as string);
      unread.push(caller);
    }
  }
  return found;
}

function constantsOf({ graph }: Model): Map<string, TensorInfo> {
  const found = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  for (const { operator, outputs, attributes } of graph.nodes) {
    const tensor = attributes[0]?.tensors[0];
    if (operator === 'Constant' && tensor) found.set(outputs[0], tensor);
  }
  return found;
}

function isFalse(tensor: TensorInfo | undefined): boolean {
  try {
    return tensor !== undefined && Number(tensorElements(tensor)[0]) === 0;
  } catch {
    return false;
  }
}

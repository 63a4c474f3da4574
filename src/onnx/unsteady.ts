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

/**
 * Values that are not the same for the same image: they depend on random numbers, or on the other images of a batch.
 * By value, on what.
 */
export function unsteadyValues(model: Model, flow: Dataflow): ReadonlyMap<string, string> {
  const constants = constantsOf(model);
  const functions = unsteadyFunctions(model, constants);
  const found = new Map<string, string>();
  flow.nodes.forEach((node, index) => {
    const before = flow.reads[index].find((name) => found.has(name));
    const why = before === undefined ? whyOf([node], constants, functions) : found.get(before);
    if (why === undefined) return;
    for (const name of node.outputs) if (name !== '') found.set(name, why);
  });
  return found;
}

type Reasons = ReadonlyMap<string, string>;

/** Why these nodes, those of their subgraphs and of the functions that they call are unsteady. */
function whyOf(
  nodes: readonly GraphNode[],
  constants: ReadonlyMap<string, TensorInfo>,
  functions: Reasons,
): string | undefined {
  for (const node of nodesOf(nodes)) {
    const why = ofOperator(node, constants) ?? functions.get(node.operator);
    if (why !== undefined) return why;
  }
  return undefined;
}

function ofOperator(
  { operator, inputs, attributes }: GraphNode,
  constants: ReadonlyMap<string, TensorInfo>,
): string | undefined {
  if (drawing.has(operator)) return `random numbers (${operator})`;
  if (operator === 'Dropout' && inputs[2] && !isFalse(constants.get(inputs[2])))
    return 'random numbers (Dropout in training mode)';
  const training = attributes.find(({ name }) => name === 'training_mode')?.integer;
  return operator === 'BatchNormalization' && training === 1
    ? 'the other images of a batch (BatchNormalization in training mode)'
    : undefined;
}

/** Functions of the model's own that are unsteady, or call one that is. */
function unsteadyFunctions(
  { functions }: Model,
  constants: ReadonlyMap<string, TensorInfo>,
): Reasons {
  const found = new Map<string, string>();
  const callers = new Map<string, string[]>();
  const unread: string[] = [];
  for (const { name, nodes } of functions) {
    for (const { operator } of nodesOf(nodes)) {
      const known = callers.get(operator);
      if (known) known.push(name);
      else callers.set(operator, [name]);
    }
    const why = whyOf(nodes, constants, new Map());
    if (why === undefined) continue;
    found.set(name, why);
    unread.push(name);
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

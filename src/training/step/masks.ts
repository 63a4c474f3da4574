import { VentralError } from '../../errors/ventral-error.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import type { Dataflow } from '../../onnx/dataflow.js';
import { dataflow } from '../../onnx/dataflow.js';
import type { GraphNode } from '../../onnx/graph.js';
import { findHead } from '../../onnx/head.js';
import type { Model } from '../../onnx/model.js';
import { modulesOf, valueDepths } from '../../onnx/modules.js';
import { tensorElements } from '../../onnx/tensor-elements.js';

/**
 * Dropout and drop-connect. Networks that are exported for evaluation have no nodes for either, so where
 * they belong is read from the graph; masks are drawn outside of it, from seed and step.
 */

/** How much is dropped. */
export interface MaskRates {
  /** Share of the classifier's inputs (Srivastava et al. 2014). */
  readonly dropout?: number;
  /**
   * Share of images whose residual branch is left out, in the last block but one: it grows linearly with
   * depth, rate · index/blocks, as EfficientNet has it (stochastic depth, Huang et al. 2016).
   */
  readonly drop_connect?: number;
}

/** An input of a node that is multiplied by a mask: 0, or 1/(1 − rate), so that the mean stays. */
export interface MaskPlace {
  readonly node: GraphNode;
  readonly input: number;
  readonly rate: number;
  /** Whether a mask has one value an image, or one a value. */
  readonly per: 'picture' | 'value';
}

/**
 * The places of masks in a network. Nodes of Dropout that stand in the graph drop what they say; the rate
 * that is asked for takes the place of what one before the classifier says. Places whose rate is 0 are left out.
 * @throws VentralError `training-unsupported` where a rate is asked for and there is no place for it
 */
export function maskPlaces(model: Model, rates: MaskRates): readonly MaskPlace[] {
  const { dropout = 0, drop_connect = 0 } = rates;
  const classifier = dropout > 0 ? classifierInput(model, dropout) : [];
  const nodes = new Set(classifier.map(({ node }) => node));
  const own = model.graph.nodes
    .filter((node) => node.operator === 'Dropout' && node.domain === '' && !nodes.has(node))
    .map((node) => ({ node, input: 0, rate: ratioOf(model, node), per: 'value' as const }));
  const branches = drop_connect > 0 ? residualBranches(model, drop_connect) : [];
  return [...own, ...classifier, ...branches].filter(({ rate }) => rate > 0);
}

/** Numbers of a mask: the same for the same seed, step and mask, whatever was drawn before. */
export function drawMask(
  mask: { readonly name: string; readonly dims: readonly number[]; readonly rate: number },
  seed: number,
  step: number,
): Float32Array {
  const count = mask.dims.reduce((product, size) => product * size, 1);
  const random = randomStream(seed, `${mask.name} at step ${step}`);
  const kept = 1 / (1 - mask.rate);
  return Float32Array.from({ length: count }, () => (random.double() < mask.rate ? 0 : kept));
}

const DEFAULT_RATIO = 0.5;

/** The ratio of a Dropout: an input since opset 12, an attribute before. */
function ratioOf({ graph }: Model, { inputs, attributes }: GraphNode): number {
  const attribute = attributes.find(({ name }) => name === 'ratio')?.float;
  const constant = graph.nodes.find(
    ({ operator, outputs }) => operator === 'Constant' && outputs[0] === inputs[1],
  );
  const tensor =
    graph.initializers.find(({ name }) => name === inputs[1]) ??
    constant?.attributes.find(({ name }) => name === 'value')?.tensors[0];
  return attribute ?? (inputs[1] && tensor ? Number(tensorElements(tensor)[0]) : DEFAULT_RATIO);
}

const PRODUCTS = new Set(['Gemm', 'MatMul', 'Conv']);

/** What the last product of the network reads, or the Dropout before it. */
function classifierInput(model: Model, rate: number): readonly MaskPlace[] {
  const head = findHead(model);
  if (!head) throw nowhere(model, 'dropout', 'the logits do not come from a product');
  const { node, input } = head;
  const before = model.graph.nodes.find(({ outputs }) => outputs.includes(node.inputs[input]));
  return before?.operator === 'Dropout'
    ? [{ node: before, input: 0, rate, per: 'value' }]
    : [{ node, input, rate, per: 'value' }];
}

/**
 * Where an Add joins a branch with its shortcut: the shortcut is what the branch was computed of; where both
 * were computed of something else (a shortcut that is a convolution), the shallower one.
 */
function residualBranches(model: Model, rate: number): readonly MaskPlace[] {
  const flow = dataflow(model.graph);
  const depths = valueDepths(model);
  const joins = flow.nodes.flatMap((node) => {
    const { operator, inputs } = node;
    if (operator !== 'Add' || !inputs.every((name) => flow.data.has(name))) return [];
    const [a, b] = inputs;
    const deeper = (depths.get(a) ?? 0) - (depths.get(b) ?? 0);
    if (isComputedOf(flow, a, b)) return [{ node, input: 0 }];
    if (isComputedOf(flow, b, a)) return [{ node, input: 1 }];
    return deeper === 0 ? [] : [{ node, input: deeper > 0 ? 0 : 1 }];
  });
  if (joins.length === 0)
    throw nowhere(model, 'drop_connect', 'no Add joins a branch and a shortcut');
  const all = joins.map(({ node }) => node);
  return joins.map(({ node, input }) => {
    const { index, count } = blockOf(model, node) ?? {
      index: all.indexOf(node),
      count: all.length,
    };
    return { node, input, rate: (rate * index) / count, per: 'picture' as const };
  });
}

const nowhere = ({ name }: Model, field: keyof MaskRates, why: string) =>
  new VentralError('training-unsupported', `${name} has no place for ${field}: ${why}`, { field });

function isComputedOf(flow: Dataflow, value: string, of: string): boolean {
  const seen = new Set<string>();
  const left = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next === of) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    left.push(...(flow.reads[flow.producers.get(next) ?? -1] ?? []));
  }
  return false;
}

/** Convolutions or products that a block holds at the least. */
const LEAST = 2;

/**
 * The number of the block that a node stands in, among all that are called alike: those without a shortcut count
 * too. `layer2.1` is one of `layer*.*`, `blocks.3.1` of `blocks.*.*`. Undefined where the names tell of none.
 */
function blockOf(model: Model, node: GraphNode): { index: number; count: number } | undefined {
  const { flow, scopes } = modulesOf(model);
  const at = flow.nodes.indexOf(node);
  const own = scopes.all.filter(({ direct }) => direct.includes(at)).pop();
  if (!own || !/\d/.test(own.path)) return undefined;
  const kind = kindOf(own.path);
  const blocks = scopes.all.filter(
    ({ path, nodes }) =>
      kindOf(path) === kind &&
      nodes.filter((index) => PRODUCTS.has(flow.nodes[index].operator)).length >= LEAST,
  );
  const index = blocks.indexOf(own);
  return index < 0 ? undefined : { index, count: blocks.length };
}

const kindOf = (path: string) => path.replace(/\d+/g, '*');

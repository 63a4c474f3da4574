import { VentralError } from '../../errors/ventral-error.js';
import type { GraphNode } from '../../onnx/graph.js';
import type { Model } from '../../onnx/model.js';
import {
  type Kernels,
  type Precision,
  StaticGraph,
  sizeOf,
  type Value,
} from '../graph/static-graph.js';
import { consistency, VIEWS } from './consistency-loss.js';
import { writeBackward } from './differentiate.js';
import { crossEntropy, type Loss, margin } from './losses.js';
import type { MaskPlace } from './masks.js';
import { type Forward, writeForward } from './write-forward.js';

/** What one pass of a batch is to give. */
export interface StepRequest {
  /** Sizes of the network's one input, the batch first. */
  readonly dims: readonly number[];
  /** Initializers that become inputs of the graph, and whose gradients are given. */
  readonly parameters: readonly string[];
  /** Initializers that become inputs of the graph, without a gradient. */
  readonly fed?: readonly string[];
  /** Whether the gradient of the input is given. */
  readonly input: boolean;
  /** Batch normalisations that take the statistics of the batch, and give them. */
  readonly training: (node: GraphNode) => boolean;
  /** Cross-entropy by default. `jsd` is AugMix's: the batch then holds three views of a third as many images. */
  readonly loss?: LossName | 'jsd';
  /** Where masks are multiplied in, which are then inputs of the graph. Nodes of Dropout do nothing without one. */
  readonly masks?: readonly MaskPlace[];
  readonly precision?: Precision;
  /** None beside the standard's by default. */
  readonly kernels?: Kernels;
}

/** What gradients are of, in training as in an attack. */
export type LossName = 'cross-entropy' | 'margin';

type LossWriter = (graph: StaticGraph, logits: Value, targets: Value) => Loss;

const losses: Readonly<Record<LossName | 'jsd', LossWriter>> = {
  'cross-entropy': crossEntropy,
  margin,
  jsd: consistency,
};

/** A graph of plain ONNX that gives loss and gradients of a batch. */
export interface StepGraph {
  readonly model: Uint8Array;
  readonly inputs: { readonly pictures: string; readonly targets: string };
  readonly outputs: {
    readonly loss: string;
    readonly logits: string;
    /** By name of the parameter; row-major, in whatever sizes. */
    readonly gradients: ReadonlyMap<string, string>;
    readonly input?: string;
    /** Mean and variance of the batch, by name of the running mean and variance of the network. */
    readonly statistics: ReadonlyMap<string, string>;
  };
  /** Columns of the logits. */
  readonly classes: number;
  /** [images, classes]: as many images as the batch, but a third with `jsd`. */
  readonly targets: readonly number[];
  /** Sizes of each initializer that is an input. */
  readonly sizes: ReadonlyMap<string, readonly number[]>;
  /** Feeds for each mask. */
  readonly masks: readonly StepMask[];
  /** How many values the statistics of the batch are of, by the same names. */
  readonly counts: ReadonlyMap<string, number>;
}

/** A mask that a step is fed with. */
export interface StepMask {
  /** Name of the graph's input. */
  readonly name: string;
  readonly dims: readonly number[];
  /** Share of it that is 0. */
  readonly rate: number;
}

const TARGETS = 'step.targets';

/**
 * Writes the graph that computes a loss of a network's first output and its gradients.
 * @throws VentralError `training-unsupported`, naming the node
 */
export function stepGraph(model: Model, request: StepRequest): StepGraph {
  const graph = new StaticGraph(opsetOf(model), request.precision, request.kernels);
  const input = inputOf(model);
  const pictures = graph.input(input, request.dims);
  const parameters = parametersOf(graph, model, request.parameters);
  const fed = parametersOf(graph, model, request.fed ?? []);
  const forward = writeForward(graph, model, {
    inputs: new Map([[input, pictures]]),
    parameters: new Map([...parameters, ...fed]),
    training: request.training,
    masks: request.masks ?? [],
  });
  const logits = logitsOf(model, forward);
  const name = request.loss ?? 'cross-entropy';
  const targets = graph.input(TARGETS, targetDims(logits, name));
  const { loss, gradient } = losses[name](graph, logits, targets);
  const wanted = new Set([...parameters.values()].map(({ name }) => name));
  if (request.input) wanted.add(input);
  const found = writeBackward(graph, forward, { value: logits.name, gradient }, wanted);
  const outputs = {
    loss: graph.output(loss),
    logits: graph.output(logits),
    gradients: gradientOutputs(graph, parameters, found),
    ...(request.input
      ? { input: graph.output(graph.expand(found.get(input) as Value, pictures.dims)) }
      : {}),
    statistics: statisticOutputs(graph, forward),
  };
  return {
    model: graph.build(),
    inputs: { pictures: input, targets: TARGETS },
    outputs,
    counts: countsOf(forward),
    classes: logits.dims[1],
    targets: targets.dims,
    sizes: new Map([...parameters, ...fed].map(([name, { dims }]) => [name, dims] as const)),
    masks: forward.masks,
  };
}

function gradientOutputs(
  graph: StaticGraph,
  parameters: ReadonlyMap<string, Value>,
  found: ReadonlyMap<string, Value>,
): ReadonlyMap<string, string> {
  return new Map(
    [...parameters].flatMap(([name, value]) => {
      const gradient = found.get(value.name);
      if (!gradient) return [];
      // In other sizes it is the same row of numbers, and to change them would copy it.
      const same = sizeOf(gradient.dims) === sizeOf(value.dims);
      const whole = same ? gradient : graph.expand(gradient, value.dims);
      return [[name, graph.output(whole)] as const];
    }),
  );
}

function statisticOutputs(graph: StaticGraph, { calls }: Forward): ReadonlyMap<string, string> {
  return new Map(
    calls.flatMap(({ training, node, outputs }) =>
      training ? [1, 2].map((i) => [node.inputs[i + 2], graph.output(outputs[i])] as const) : [],
    ),
  );
}

function countsOf({ calls }: Forward): ReadonlyMap<string, number> {
  return new Map(
    calls.flatMap(({ training, node, output }) => {
      const count = sizeOf(output.dims) / output.dims[1];
      return training ? node.inputs.slice(3).map((name) => [name, count] as const) : [];
    }),
  );
}

/** @throws RangeError where three views do not make up the batch */
function targetDims({ dims: [rows, classes] }: Value, loss: LossName | 'jsd'): readonly number[] {
  if (loss !== 'jsd') return [rows, classes];
  if (rows % VIEWS !== 0) throw new RangeError(`${rows} images are not ${VIEWS} views of each`);
  return [rows / VIEWS, classes];
}

/** Before it, Softmax and others meant something else, and axes were attributes. */
const LEAST_OPSET = 13;

function opsetOf(model: Model): number {
  const opset = model.opsets.get('') ?? 0;
  if (opset >= LEAST_OPSET) return opset;
  const why = `it is of operator set ${opset}, and training needs ${LEAST_OPSET} at the least`;
  throw refused(model, why, 'opset_import');
}

/** The one input that is not an initializer. */
function inputOf(model: Model): string {
  const constants = new Set(model.graph.initializers.map(({ name }) => name));
  const [input, ...others] = model.graph.inputs.filter(({ name }) => !constants.has(name));
  if (input && others.length === 0) return input.name;
  throw refused(model, `it has ${input ? others.length + 1 : 0} inputs, and not one`, 'input');
}

function logitsOf(model: Model, { values }: Forward): Value {
  const [output] = model.graph.outputs;
  const logits = values.get(output?.name ?? '');
  if (logits?.dims.length === 2) return logits;
  const found = logits ? `[${logits.dims.join(', ')}]` : 'no such value';
  throw refused(model, `its first output must be [batch, classes], and is ${found}`, 'output');
}

const refused = ({ name }: Model, why: string, field: string) =>
  new VentralError('training-unsupported', `${name} cannot be trained: ${why}`, {
    file: name,
    field,
  });

function parametersOf(
  graph: StaticGraph,
  model: Model,
  names: readonly string[],
): ReadonlyMap<string, Value> {
  const tensors = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  return new Map(
    names.map((name) => {
      const tensor = tensors.get(name);
      if (!tensor) throw new RangeError(`the network has no initializer ${name}`);
      return [name, graph.input(name, tensor.dims)] as const;
    }),
  );
}

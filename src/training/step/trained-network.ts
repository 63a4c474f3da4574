import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { GraphNode } from '../../onnx/graph.js';
import type { Model } from '../../onnx/model.js';
import { replaceInitializers } from '../../onnx/prepare/replace-initializers.js';
import { tensorElements } from '../../onnx/tensor-elements.js';
import type { Provider } from '../../runtime/provider.js';
import { Session, type Tensor } from '../../runtime/session.js';
import type { Gradients, Parameter } from '../optimize/optimizers.js';
import { blockedChannels } from './blocked-kernels.js';
import { drawMask, type MaskRates, maskPlaces } from './masks.js';
import { type StepGraph, stepGraph } from './step-graph.js';
import { untied } from './untied.js';

/** How a network is trained. */
export interface TrainedNetworkOptions {
  /** Sizes of the input, the batch first: every batch has them. */
  readonly dims: readonly number[];
  /** Whether an initializer stays as it is; of a batch normalisation whose scale does, the statistics do too. */
  readonly frozen?: (name: string) => boolean;
  /** Share of the batch in new running statistics (torch's `momentum`). */
  readonly momentum?: number;
  /** Cross-entropy by default; `jsd` takes batches of three views, and targets of a third as many images. */
  readonly loss?: 'cross-entropy' | 'jsd';
  /** Dropout and drop-connect: their masks follow from this seed and the step. */
  readonly masks?: MaskRates & { readonly seed: number };
  /** Whether each pass gives the gradient of the images, too. */
  readonly input?: boolean;
  /** What runs the step, as `chooseProvider` finds it; the CPU by default. */
  readonly provider?: Provider;
  /** Whether threads wait busily; false if another session runs in between, whose threads they would hold up. */
  readonly spinning?: boolean;
  readonly threads?: number;
}

/** Images as the network takes them, and the share of each class. */
export interface Batch {
  /** dims of the network's input, row-major. */
  readonly pictures: Float32Array;
  /** [batch, classes]. */
  readonly targets: Float32Array;
  /** Number of the step, which masks are drawn for; 0 by default. */
  readonly step?: number;
}

/** What one pass of a batch gives; arrays are written over by the next pass. */
export interface TrainingPass {
  readonly loss: number;
  /** [batch, classes]. */
  readonly logits: Float32Array;
  readonly gradients: Gradients;
  /** Gradient of the images as the network takes them, where it was asked for. */
  readonly inputGradient?: Float32Array;
  /** Mean and variance of the batch, by name of the running statistic. */
  readonly statistics: ReadonlyMap<string, Float32Array>;
}

const MOMENTUM = 0.1;
const TENSOR_FLOAT = 1;

/** A network whose weights are trained: its parameters, its running statistics, and the graph of a step. */
export class TrainedNetwork {
  readonly parameters: readonly Parameter[];
  /** Running means and variances by name, which {@link follow} moves. */
  readonly statistics: ReadonlyMap<string, Float32Array>;
  readonly #model: Model;
  readonly #step: StepGraph;
  readonly #session: Session;
  readonly #options: TrainedNetworkOptions;
  readonly #norms: readonly GraphNode[];
  #outputs: Record<string, Tensor> | undefined;

  private constructor(
    model: Model,
    step: StepGraph,
    session: Session,
    made: Pick<TrainedNetwork, 'parameters' | 'statistics'> & {
      readonly norms: readonly GraphNode[];
      readonly options: TrainedNetworkOptions;
    },
  ) {
    this.parameters = made.parameters;
    this.statistics = made.statistics;
    this.#model = model;
    this.#step = step;
    this.#session = session;
    this.#options = made.options;
    this.#norms = made.norms;
  }

  /**
   * Prepares a network with its weights as initializers. Its first output are the logits.
   * @throws VentralError `training-unsupported`, naming the node
   */
  static async open(given: Model, options: TrainedNetworkOptions): Promise<TrainedNetwork> {
    const model = untied(given);
    const { dims, frozen = () => false, threads, loss = 'cross-entropy' } = options;
    const norms = model.graph.nodes.filter(
      ({ operator, inputs }) => operator === 'BatchNormalization' && !frozen(inputs[1]),
    );
    const running = new Set(
      model.graph.nodes
        .filter(({ operator }) => operator === 'BatchNormalization')
        .flatMap(({ inputs }) => inputs.slice(3)),
    );
    const read = new Set(model.graph.nodes.flatMap(({ inputs }) => inputs));
    // Single numbers are bounds and constants of formulas.
    const weights = model.graph.initializers.filter(
      ({ name, dims: sizes, elementType }) =>
        elementType === TENSOR_FLOAT &&
        sizes.length > 0 &&
        read.has(name) &&
        !running.has(name) &&
        !frozen(name),
    );
    const training = (node: GraphNode) => norms.includes(node);
    const names = weights.map(({ name }) => name);
    const masks = maskPlaces(model, options.masks ?? {});
    const { input = false } = options;
    const { provider = 'cpu', spinning = true } = options;
    const kernels = provider === 'cpu' ? { block: await blockedChannels() } : { portable: true };
    const request = { dims, parameters: names, input, training, loss, masks, kernels };
    const step = stepGraph(model, request);
    const values = new Map(
      model.graph.initializers.map((tensor) => [tensor.name, tensor] as const),
    );
    const elementsOf = (name: string) => {
      const tensor = values.get(name);
      if (!tensor) throw unnamed(name);
      return tensorElements(tensor) as Float32Array;
    };
    const parameters = weights
      .filter(({ name }) => step.outputs.gradients.has(name))
      .map(({ name, dims: sizes }) => ({
        name,
        values: elementsOf(name),
        decays: sizes.length > 1,
      }));
    const statistics = new Map(
      norms.flatMap(({ inputs }) =>
        inputs.slice(3).map((name) => [name, elementsOf(name)] as const),
      ),
    );
    const session = await Session.open(step.model, {
      name: 'the training step',
      operators: 'as written',
      provider,
      spinning,
      ...present({ threads }),
    });
    return new TrainedNetwork(model, step, session, { parameters, statistics, norms, options });
  }

  /** Columns of the logits. */
  get classes(): number {
    return this.#step.classes;
  }

  /** Loss and gradients of a batch, with the statistics of the batch; changes nothing. */
  async pass({ pictures, targets, step = 0 }: Batch): Promise<TrainingPass> {
    const { inputs, outputs, masks } = this.#step;
    const { dims } = this.#options;
    const feeds: Record<string, Tensor> = {
      [inputs.pictures]: { dtype: 'float32', dims, data: pictures },
      [inputs.targets]: { dtype: 'float32', dims: this.#step.targets, data: targets },
    };
    for (const mask of masks) {
      const data = drawMask(mask, this.#options.masks?.seed ?? 0, step);
      feeds[mask.name] = { dtype: 'float32', dims: mask.dims, data };
    }
    for (const { name, values } of this.parameters)
      feeds[name] = { dtype: 'float32', dims: this.#step.sizes.get(name) ?? [], data: values };
    // Tensors of the first pass serve all others.
    const filled = this.#outputs;
    const made = await this.#session.run(feeds, filled);
    this.#outputs ??= made;
    const of = (name: string) => (filled ?? made)[name].data as Float32Array;
    const each = (all: ReadonlyMap<string, string>) =>
      new Map([...all].map(([name, output]) => [name, of(output)] as const));
    return {
      loss: of(outputs.loss)[0],
      logits: of(outputs.logits),
      gradients: each(outputs.gradients),
      ...(outputs.input ? { inputGradient: of(outputs.input) } : {}),
      statistics: each(outputs.statistics),
    };
  }

  /**
   * Moves the running statistics towards those of a batch, as torch does: the variance is that of the
   * population, n/(n − 1) of the batch's.
   * @param momentum share of the batch; that of the options unless said
   */
  follow(
    { statistics }: Pick<TrainingPass, 'statistics'>,
    momentum: number = this.#options.momentum ?? MOMENTUM,
  ): void {
    for (const { inputs } of this.#norms) {
      const count = this.#step.counts.get(inputs[4]) ?? 1;
      const population = count > 1 ? count / (count - 1) : 1;
      move(this.statistics.get(inputs[3]), statistics.get(inputs[3]), momentum, 1);
      move(this.statistics.get(inputs[4]), statistics.get(inputs[4]), momentum, population);
    }
  }

  /** Every tensor that training moves, by name: the arrays themselves. */
  get live(): ReadonlyMap<string, Float32Array> {
    const weights = this.parameters.map(({ name, values }) => [name, values] as const);
    return new Map([...weights, ...this.statistics]);
  }

  /** ONNX bytes of the network as it is now, or with other values in its place: a valid model at every step. */
  checkpoint(values: ReadonlyMap<string, Float32Array> = this.live): Uint8Array {
    return replaceInitializers(this.#model, values);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

function move(
  running: Float32Array | undefined,
  batch: Float32Array | undefined,
  momentum: number,
  factor: number,
): void {
  if (!running || !batch) return;
  for (let i = 0; i < running.length; i++)
    running[i] = (1 - momentum) * running[i] + momentum * factor * batch[i];
}

const unnamed = (name: string) =>
  new VentralError(
    'training-unsupported',
    `${name}: running statistics of a batch normalisation must be initializers`,
    { field: name },
  );

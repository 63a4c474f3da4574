import { present } from '../../formats/present.js';
import type { Model } from '../../onnx/model.js';
import { type Provider, Session, type Tensor } from '../../runtime/session.js';
import type { InputSpec } from '../../screen/preprocess.js';
import { blockedChannels } from './blocked-kernels.js';
import { type LossName, type StepGraph, stepGraph } from './step-graph.js';

/** Images in [0, 1], [batch, 3, height, width] after resize and crop, and the class of each. */
export interface Examples {
  readonly pictures: Float32Array;
  readonly labels: readonly number[];
}

/** How the network answers to images. */
export interface Answer {
  /** Loss of each image: what an attack makes large. */
  readonly losses: Float64Array;
  readonly predicted: readonly number[];
}

/** The answer, and the gradient of the loss with regard to the images in [0, 1]. */
export interface Slope extends Answer {
  readonly gradient: Float32Array;
}

/** How the images of a card become the input: (pixel · range − mean)/std. */
export type PixelNormalisation = Pick<InputSpec, 'range' | 'mean' | 'std'>;

/** Interface of a network for attacks. */
export interface AttackTarget {
  /** Sizes of a batch: [batch, 3, height, width]. */
  readonly dims: readonly number[];
  answer(examples: Examples): Promise<Answer>;
  slope(examples: Examples): Promise<Slope>;
}

/** How a network is attacked. */
export interface AttackedNetworkOptions {
  /** [batch, 3, height, width]. */
  readonly dims: readonly number[];
  readonly normalisation: PixelNormalisation;
  readonly loss?: LossName;
  readonly threads?: number;
  /** The CPU unless said. */
  readonly provider?: Provider;
  /** Initializers that others change, by name: every question is about the network as they are then. */
  readonly live?: ReadonlyMap<string, Float32Array>;
}

/** A graph and what runs it. */
interface Loaded {
  readonly step: StepGraph;
  readonly session: Session;
}

/** A network under attack: in evaluation mode, with its normalisation inside. */
export class AttackedNetwork implements AttackTarget {
  readonly dims: readonly number[];
  readonly #forward: Loaded;
  readonly #backward: Loaded;
  readonly #options: AttackedNetworkOptions;

  private constructor(forward: Loaded, backward: Loaded, options: AttackedNetworkOptions) {
    this.#forward = forward;
    this.#backward = backward;
    this.#options = options;
    this.dims = options.dims;
  }

  /**
   * Writes the graph of the gradient of only the input. The first output are the logits.
   * @throws VentralError `training-unsupported`, naming the node
   */
  static async open(model: Model, options: AttackedNetworkOptions): Promise<AttackedNetwork> {
    const forward = await load(model, options, false);
    try {
      return new AttackedNetwork(forward, await load(model, options, true), options);
    } catch (error) {
      await forward.session.close();
      throw error;
    }
  }

  /** Columns of the logits. */
  get classes(): number {
    return this.#backward.step.classes;
  }

  async answer(examples: Examples): Promise<Answer> {
    const { step, session } = this.#forward;
    const { logits } = step.outputs;
    const found = await session.run(this.#feeds(examples), [logits]);
    return this.#answer(found[logits].data as Float32Array, examples.labels);
  }

  async slope(examples: Examples): Promise<Slope> {
    const { step, session } = this.#backward;
    const { logits, input } = step.outputs;
    const found = await session.run(this.#feeds(examples), [logits, input as string]);
    const gradient = (found[input as string].data as Float32Array).slice();
    const { range, std } = this.#options.normalisation;
    eachChannel(this.dims, (channel, from, to) => {
      const slope = range / std[channel];
      for (let i = from; i < to; i++) gradient[i] *= slope;
    });
    return { ...this.#answer(found[logits].data as Float32Array, examples.labels), gradient };
  }

  async close(): Promise<void> {
    await this.#forward.session.close();
    await this.#backward.session.close();
  }

  #feeds({ pictures, labels }: Examples): Record<string, Tensor> {
    const { inputs, classes, sizes } = this.#backward.step;
    const { normalisation, live } = this.#options;
    const data = normalised(pictures, this.dims, normalisation);
    const targets = new Float32Array(labels.length * classes);
    labels.forEach((label, row) => {
      targets[row * classes + label] = 1;
    });
    const feeds: Record<string, Tensor> = {
      [inputs.pictures]: { dtype: 'float32', dims: this.dims, data },
      [inputs.targets]: { dtype: 'float32', dims: [labels.length, classes], data: targets },
    };
    for (const [name, values] of live ?? [])
      feeds[name] = { dtype: 'float32', dims: sizes.get(name) ?? [], data: values };
    return feeds;
  }

  #answer(logits: Float32Array, labels: readonly number[]): Answer {
    const { classes } = this.#backward.step;
    const lossOf = this.#options.loss === 'margin' ? marginOf : crossEntropyOf;
    const rows = labels.map((_, row) => logits.subarray(row * classes, (row + 1) * classes));
    return {
      losses: Float64Array.from(labels, (label, row) => lossOf(rows[row], label)),
      predicted: rows.map((row) => row.indexOf(Math.max(...row))),
    };
  }
}

async function load(
  model: Model,
  { dims, loss = 'cross-entropy', threads, live, provider = 'cpu' }: AttackedNetworkOptions,
  input: boolean,
): Promise<Loaded> {
  const fed = [...(live?.keys() ?? [])];
  // Where weights are constant the runtime finds its own layout.
  const block = live ? await blockedChannels() : undefined;
  const training = () => false;
  const step = stepGraph(model, {
    dims,
    parameters: [],
    fed,
    input,
    training,
    loss,
    kernels: provider === 'cpu' ? { block } : { portable: true },
  });
  const session = await Session.open(step.model, {
    name: 'the attack',
    provider,
    // Between two questions about a network in training its own session runs.
    spinning: live === undefined,
    ...present({ threads }),
  });
  return { step, session };
}

/**
 * Images in [0, 1] as the network takes them.
 * @param dims [batch, channels, height, width]
 */
export function normalised(
  pictures: Float32Array,
  dims: readonly number[],
  { range, mean, std }: PixelNormalisation,
): Float32Array {
  const data = new Float32Array(pictures.length);
  eachChannel(dims, (channel, from, to) => {
    for (let i = from; i < to; i++) data[i] = (pictures[i] * range - mean[channel]) / std[channel];
  });
  return data;
}

function eachChannel(
  [batch, channels, height, width]: readonly number[],
  work: (channel: number, from: number, to: number) => void,
): void {
  const size = height * width;
  for (let plane = 0; plane < batch * channels; plane++)
    work(plane % channels, plane * size, (plane + 1) * size);
}

/** −log softmax of the label. */
export function crossEntropyOf(logits: Float32Array, label: number): number {
  const highest = Math.max(...logits);
  const sum = logits.reduce((total, value) => total + Math.exp(value - highest), 0);
  return Math.log(sum) - (logits[label] - highest);
}

/** The highest of the other classes less the label's; above 0 the image is taken for another. */
function marginOf(logits: Float32Array, label: number): number {
  const others = logits.filter((_, i) => i !== label);
  return Math.max(...others) - logits[label];
}

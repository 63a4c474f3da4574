import { present } from '../../formats/present.js';
import type { Model } from '../../onnx/model.js';
import type { Provider } from '../../runtime/provider.js';
import { Session, type Tensor } from '../../runtime/session.js';
import { colourChannels, type InputSpec } from '../../screen/preprocess.js';
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

/** How the images of a card become the input: (pixel · range − mean)/std, the colours in the network's order. */
export type PixelNormalisation = Pick<InputSpec, 'range' | 'mean' | 'std' | 'channels'>;

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
    const ofInput = found[input as string].data as Float32Array;
    const gradient = new Float32Array(ofInput.length);
    const { normalisation } = this.#options;
    eachColour(this.dims, normalisation, ({ channel, picture, tensor, count }) => {
      const slope = normalisation.range / normalisation.std[channel];
      for (let i = 0; i < count; i++) gradient[picture + i] = ofInput[tensor + i] * slope;
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
  normalisation: PixelNormalisation,
): Float32Array {
  const { range, mean, std } = normalisation;
  const data = new Float32Array(pictures.length);
  eachColour(dims, normalisation, ({ channel, picture, tensor, count }) => {
    for (let i = 0; i < count; i++)
      data[tensor + i] = (pictures[picture + i] * range - mean[channel]) / std[channel];
  });
  return data;
}

/** Where one colour of one image starts in the images and in the network's input. */
interface ColourPlane {
  /** Of the input. */
  readonly channel: number;
  readonly picture: number;
  readonly tensor: number;
  readonly count: number;
}

function eachColour(
  [batch, channels, height, width]: readonly number[],
  normalisation: PixelNormalisation,
  work: (plane: ColourPlane) => void,
): void {
  const count = height * width;
  const order = colourChannels(normalisation);
  for (let image = 0; image < batch; image++) {
    for (let colour = 0; colour < channels; colour++) {
      const channel = order[colour] ?? colour;
      const [picture, tensor] = [colour, channel].map((at) => (image * channels + at) * count);
      work({ channel, picture, tensor, count });
    }
  }
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

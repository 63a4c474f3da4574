import type { Model } from '../onnx/model.js';
import { Session, type Tensor } from '../runtime/session.js';
import type { InputSpec } from '../screen/preprocess.js';
import { type LossName, type StepGraph, stepGraph } from './step-graph.js';

/** Pictures in [0, 1], [batch, 3, height, width] after resize and crop, and the class of each. */
export interface Examples {
  readonly pictures: Float32Array;
  readonly labels: readonly number[];
}

/** How the network answers to pictures. */
export interface Answer {
  /** Loss of each picture: what an attack makes large. */
  readonly losses: Float64Array;
  readonly predicted: readonly number[];
}

/** The answer, and the gradient of the loss with regard to the pictures in [0, 1]. */
export interface Slope extends Answer {
  readonly gradient: Float32Array;
}

/** How the pictures of a card become the input: (pixel · range − mean)/std. */
export type Normalisation = Pick<InputSpec, 'range' | 'mean' | 'std'>;

/** What an attack needs of a network. */
export interface AttackTarget {
  /** Sizes of a batch: [batch, 3, height, width]. */
  readonly dims: readonly number[];
  answer(examples: Examples): Promise<Answer>;
  slope(examples: Examples): Promise<Slope>;
}

/** A network under attack: in evaluation mode, with its normalisation inside. */
export class AttackedNetwork implements AttackTarget {
  readonly dims: readonly number[];
  readonly #step: StepGraph;
  readonly #session: Session;
  readonly #loss: LossName;
  readonly #normalisation: Normalisation;

  private constructor(
    step: StepGraph,
    session: Session,
    given: {
      readonly dims: readonly number[];
      readonly loss: LossName;
      readonly normalisation: Normalisation;
    },
  ) {
    this.#step = step;
    this.#session = session;
    this.dims = given.dims;
    this.#loss = given.loss;
    this.#normalisation = given.normalisation;
  }

  /**
   * Writes the graph that gives the gradient of the input alone. The first output are the logits.
   * Throws `training-unsupported`, naming the node.
   */
  static async open(
    model: Model,
    given: {
      readonly dims: readonly number[];
      readonly normalisation: Normalisation;
      readonly loss?: LossName;
      readonly threads?: number;
    },
  ): Promise<AttackedNetwork> {
    const { dims, normalisation, loss = 'cross-entropy', threads } = given;
    const request = { dims, parameters: [], input: true, training: () => false, loss };
    const step = stepGraph(model, request);
    const session = await Session.open(step.model, {
      name: 'the attack',
      ...(threads === undefined ? {} : { threads }),
    });
    return new AttackedNetwork(step, session, { dims, loss, normalisation });
  }

  async answer(examples: Examples): Promise<Answer> {
    const { logits } = this.#step.outputs;
    const found = await this.#session.run(this.#feeds(examples), [logits]);
    return this.#answer(found[logits].data as Float32Array, examples.labels);
  }

  async slope(examples: Examples): Promise<Slope> {
    const { logits, input } = this.#step.outputs;
    const found = await this.#session.run(this.#feeds(examples), [logits, input as string]);
    const gradient = (found[input as string].data as Float32Array).slice();
    const { range, std } = this.#normalisation;
    this.#eachChannel((channel, from, to) => {
      const slope = range / std[channel];
      for (let i = from; i < to; i++) gradient[i] *= slope;
    });
    return { ...this.#answer(found[logits].data as Float32Array, examples.labels), gradient };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  #feeds({ pictures, labels }: Examples): Record<string, Tensor> {
    const { inputs, classes } = this.#step;
    const { range, mean, std } = this.#normalisation;
    const data = new Float32Array(pictures.length);
    this.#eachChannel((channel, from, to) => {
      for (let i = from; i < to; i++)
        data[i] = (pictures[i] * range - mean[channel]) / std[channel];
    });
    const targets = new Float32Array(labels.length * classes);
    labels.forEach((label, row) => {
      targets[row * classes + label] = 1;
    });
    return {
      [inputs.pictures]: { dtype: 'float32', dims: this.dims, data },
      [inputs.targets]: { dtype: 'float32', dims: [labels.length, classes], data: targets },
    };
  }

  #eachChannel(work: (channel: number, from: number, to: number) => void): void {
    const [batch, channels, height, width] = this.dims;
    const size = height * width;
    for (let plane = 0; plane < batch * channels; plane++)
      work(plane % channels, plane * size, (plane + 1) * size);
  }

  #answer(logits: Float32Array, labels: readonly number[]): Answer {
    const { classes } = this.#step;
    const lossOf = this.#loss === 'margin' ? marginOf : crossEntropyOf;
    const rows = labels.map((_, row) => logits.subarray(row * classes, (row + 1) * classes));
    return {
      losses: Float64Array.from(labels, (label, row) => lossOf(rows[row], label)),
      predicted: rows.map((row) => row.indexOf(Math.max(...row))),
    };
  }
}

/** −log softmax of the label. */
function crossEntropyOf(logits: Float32Array, label: number): number {
  const highest = Math.max(...logits);
  const sum = logits.reduce((total, value) => total + Math.exp(value - highest), 0);
  return Math.log(sum) - (logits[label] - highest);
}

/** The highest of the other classes less the label's; above 0 the picture is taken for another. */
function marginOf(logits: Float32Array, label: number): number {
  const others = logits.filter((_, i) => i !== label);
  return Math.max(...others) - logits[label];
}

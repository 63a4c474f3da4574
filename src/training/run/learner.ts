import { VentralError } from '../../errors/ventral-error.js';
import type { Model } from '../../onnx/model.js';
import type { Provider } from '../../runtime/provider.js';
import { imageOf, project } from '../attack/threat.js';
import type { TrainingBatch } from '../augment/training-batch.js';
import {
  adam,
  adamw,
  clipGradients,
  type Gradients,
  type Optimizer,
  type OptimizerState,
  sgd,
} from '../optimize/optimizers.js';
import { climb } from '../optimize/sharpness.js';
import type { OptimizerSpec, TrainStage } from '../recipe/recipe.js';
import { AttackedNetwork, normalised, type PixelNormalisation } from '../step/attacked-network.js';
import { type Frozen, frozenModules } from '../step/frozen-modules.js';
import { TrainedNetwork, type TrainingPass } from '../step/trained-network.js';
import { adversarialImages, type Moment, OverfittingGuard, threatAt } from './adversary.js';
import type { StateArrays } from './training-state.js';

/** A network that a stage trains: takes batches and rates, and changes its weights. */
export class Learner {
  readonly frozen: Frozen;
  readonly #stage: TrainStage;
  readonly #network: TrainedNetwork;
  readonly #attacked: AttackedNetwork | undefined;
  readonly #guard: OverfittingGuard | undefined;
  readonly #optimizer: Optimizer;
  readonly #how: LearnerOptions;
  /** Exponential moving averages, by name of the tensor. */
  readonly #ema: ReadonlyMap<string, Float32Array> | undefined;
  /** Where free training left each image of the last batch. */
  #moved: Float32Array | undefined;
  #sums: Map<string, Float32Array> | undefined;
  #summed = 0;

  private constructor(
    stage: TrainStage,
    how: LearnerOptions,
    made: {
      readonly network: TrainedNetwork;
      readonly attacked: AttackedNetwork | undefined;
      readonly frozen: Frozen;
    },
  ) {
    this.#stage = stage;
    this.#how = how;
    this.#network = made.network;
    this.#attacked = made.attacked;
    this.frozen = made.frozen;
    this.#optimizer = optimizerOf(stage.optimizer);
    const { live } = made.network;
    if (stage.ema !== undefined)
      this.#ema = new Map([...live].map(([name, values]) => [name, values.slice()]));
    if (made.attacked && stage.adversarial?.method === 'fast')
      this.#guard = new OverfittingGuard(made.attacked, stage.adversarial, how.guard ?? []);
  }

  /** @throws VentralError `training-unsupported`, naming the node; `recipe-invalid` for a glob that fits no module */
  static async open(model: Model, stage: TrainStage, how: LearnerOptions): Promise<Learner> {
    const frozen = frozenModules(model, stage);
    const { adversarial, dropout, drop_connect } = stage;
    const dims = [stage.batch * how.views, 3, how.side, how.side];
    const network = await TrainedNetwork.open(model, {
      dims,
      frozen: (name) => frozen.names.has(name),
      momentum: stage.batch_norm_momentum,
      loss: how.views === 3 ? 'jsd' : 'cross-entropy',
      masks: { dropout, drop_connect, seed: how.seed },
      input: adversarial?.method === 'free',
      threads: how.threads,
      provider: how.provider,
      spinning: adversarial === undefined,
    });
    try {
      if (network.parameters.length === 0)
        throw new VentralError('recipe-invalid', `${stage.name}: nothing is left to train`, {
          field: 'freeze',
        });
      if (network.classes !== how.classes)
        throw new VentralError(
          'training-data-invalid',
          `The data have ${how.classes} classes, and the network tells ${network.classes} apart`,
          { expected: `${network.classes} classes`, found: String(how.classes) },
        );
      const { live } = network;
      const { normalisation, threads, provider } = how;
      const attacked = adversarial
        ? await AttackedNetwork.open(model, { dims, normalisation, threads, provider, live })
        : undefined;
      return new Learner(stage, how, { network, attacked, frozen });
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** Accuracies of the guard in this epoch, for a run that continues. */
  get guard(): readonly number[] {
    return this.#guard?.accuracies ?? [];
  }

  get optimizerSteps(): number {
    return this.#optimizer.state.steps;
  }

  /** What validation under attack asks; undefined if the stage has no adversary. */
  get attacked(): AttackedNetwork | undefined {
    return this.#attacked;
  }

  newEpoch(): void {
    this.#guard?.newEpoch();
  }

  /**
   * Learns from a batch.
   * @throws VentralError `training-diverged` where the loss is no number
   * @returns the loss
   */
  async learn(batch: TrainingBatch, rate: number, moment: Moment, step: number): Promise<number> {
    const { adversarial } = this.#stage;
    const examples = { pictures: batch.pictures, labels: [...batch.labels] };
    if (adversarial?.method === 'free') return this.#replay(batch, rate, moment, step);
    const pictures =
      adversarial && this.#attacked
        ? await adversarialImages(this.#attacked, examples, adversarial, moment)
        : batch.pictures;
    const loss = await this.#step(pictures, batch, rate, step);
    await this.#guard?.watch(examples, moment);
    return loss;
  }

  async #step(
    pictures: Float32Array,
    { targets }: TrainingBatch,
    rate: number,
    step: number,
  ): Promise<number> {
    const input = { pictures: this.#asInput(pictures), targets, step };
    const pass = await this.#pass(input);
    // Statistics are those of the first pass only: the second has perturbed weights.
    this.#network.follow(pass);
    const { sharpness } = this.#stage;
    if (!sharpness) this.#move(pass.gradients, rate);
    else {
      const back = climb(this.#network.parameters, pass.gradients, sharpness);
      const { gradients } = await this.#pass(input);
      back();
      this.#move(gradients, rate);
    }
    return pass.loss;
  }

  async #pass(input: Parameters<TrainedNetwork['pass']>[0]): Promise<TrainingPass> {
    const pass = await this.#network.pass(input);
    if (Number.isFinite(pass.loss)) return pass;
    throw new VentralError(
      'training-diverged',
      `${this.#stage.name}: the loss is ${pass.loss} at step ${input.step}; take a lower rate`,
      { field: 'rate' },
    );
  }

  /** Free training: every replay learns, and moves the images by the same backward pass; where they are outlives the batch. */
  async #replay(batch: TrainingBatch, rate: number, moment: Moment, step: number): Promise<number> {
    const spec = this.#stage.adversarial as NonNullable<TrainStage['adversarial']>;
    const threat = threatAt(spec, moment);
    const { pictures: originals, targets } = batch;
    const size = originals.length / batch.labels.length;
    this.#moved ??= new Float32Array(originals.length);
    const moved = this.#moved;
    let loss = 0;
    for (let replay = 0; replay < spec.replays; replay++) {
      const pictures = originals.map((value, i) => value + moved[i]);
      for (let row = 0; row < batch.labels.length; row++)
        project(imageOf(pictures, row, size), imageOf(originals, row, size), threat);
      const pass = await this.#pass({ pictures: this.#asInput(pictures), targets, step });
      const gradient = pass.inputGradient as Float32Array;
      for (let i = 0; i < moved.length; i++) {
        const further = moved[i] + spec.step_size * Math.sign(gradient[i]);
        moved[i] = Math.max(-threat.epsilon, Math.min(threat.epsilon, further));
      }
      this.#network.follow(pass);
      this.#move(pass.gradients, rate);
      loss += pass.loss / spec.replays;
    }
    return loss;
  }

  #asInput(pictures: Float32Array): Float32Array {
    const { side, views, normalisation } = this.#how;
    return normalised(pictures, [this.#stage.batch * views, 3, side, side], normalisation);
  }

  /** Moves the weights, once this many batches have come as make a step. */
  #move(gradients: Gradients, rate: number): void {
    const { accumulate, clip } = this.#stage;
    const whole = accumulate === 1 ? gradients : this.#accumulated(gradients, accumulate);
    if (!whole) return;
    if (clip !== undefined) clipGradients(whole, clip);
    this.#optimizer.step(this.#network.parameters, whole, rate);
    this.#follow();
  }

  #accumulated(gradients: Gradients, count: number): Gradients | undefined {
    this.#sums ??= new Map(
      [...gradients].map(([name, { length }]) => [name, new Float32Array(length)]),
    );
    for (const [name, gradient] of gradients) {
      const sum = this.#sums.get(name) as Float32Array;
      for (let i = 0; i < sum.length; i++) sum[i] += gradient[i] / count;
    }
    this.#summed++;
    if (this.#summed < count) return undefined;
    const sums = this.#sums;
    this.#sums = undefined;
    this.#summed = 0;
    return sums;
  }

  /** e ← d·e + (1 − d)·w; d rises with the steps, so that the beginning is soon forgotten (TensorFlow's ExponentialMovingAverage). */
  #follow(): void {
    if (!this.#ema) return;
    const steps = this.optimizerSteps;
    const decay = Math.min(this.#stage.ema as number, (1 + steps) / (10 + steps));
    for (const [name, values] of this.#network.live) {
      const average = this.#ema.get(name) as Float32Array;
      for (let i = 0; i < values.length; i++)
        average[i] = decay * average[i] + (1 - decay) * values[i];
    }
  }

  /** ONNX bytes of the stage's network: the moving average if there is one. */
  checkpoint(): Uint8Array {
    return this.#network.checkpoint(this.#ema);
  }

  /** All that the next step depends on. */
  arrays(): StateArrays {
    const { slots } = this.#optimizer.state;
    const named = (prefix: string, all: StateArrays | undefined) =>
      [...(all ?? [])].map(([name, values]) => [`${prefix}:${name}`, values] as const);
    return new Map([
      ...named('weight', this.#network.live),
      ...[...slots].flatMap(([slot, tensors]) => named(`slot:${slot}`, tensors)),
      ...named('ema', this.#ema),
      ...named('sum', this.#sums),
      ...(this.#moved ? [['moved:', this.#moved] as const] : []),
    ]);
  }

  /** Goes back to what {@link arrays} gave. */
  restore(arrays: StateArrays, optimizerSteps: number, summed: number): void {
    const slots = new Map<string, Map<string, Float32Array>>();
    const sums = new Map<string, Float32Array>();
    for (const [key, values] of arrays) {
      const [kind, ...rest] = key.split(':');
      if (kind === 'weight') this.#network.live.get(rest.join(':'))?.set(values);
      else if (kind === 'ema') this.#ema?.get(rest.join(':'))?.set(values);
      else if (kind === 'moved') this.#moved = values.slice();
      else if (kind === 'sum') sums.set(rest.join(':'), values.slice());
      else {
        const [slot, ...name] = rest;
        const tensors = slots.get(slot) ?? new Map<string, Float32Array>();
        slots.set(slot, tensors.set(name.join(':'), values));
      }
    }
    const state: OptimizerState = { steps: optimizerSteps, slots };
    this.#optimizer.restore(state);
    this.#sums = sums.size > 0 ? sums : undefined;
    this.#summed = sums.size > 0 ? summed : 0;
  }

  async close(): Promise<void> {
    await this.#network.close();
    await this.#attacked?.close();
  }
}

/** What a learner needs to know beside its stage. */
export interface LearnerOptions {
  readonly normalisation: PixelNormalisation;
  readonly side: number;
  readonly views: 1 | 3;
  readonly classes: number;
  readonly seed: number;
  readonly threads: number;
  /** What runs the steps. */
  readonly provider: Provider;
  /** Accuracies of the guard, of a run that continues. */
  readonly guard?: readonly number[];
}

function optimizerOf(spec: OptimizerSpec): Optimizer {
  if (spec.name === 'sgd') return sgd(spec);
  return spec.name === 'adam' ? adam(spec) : adamw(spec);
}

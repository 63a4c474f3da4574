import { VentralError } from '../../errors/ventral-error.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import { catastrophicOverfitting, epsilonFactor } from '../attack/epsilon-schedule.js';
import { pgd } from '../attack/gradient-attacks.js';
import { ascend, imageOf, startAnywhere, type Threat } from '../attack/threat.js';
import { sizeOf } from '../graph/static-graph.js';
import type { AdversarialSpec } from '../recipe/recipe.js';
import type { AttackedNetwork, AttackTarget, Examples } from '../step/attacked-network.js';

/** A moment of a stage, which random numbers follow from. */
export interface Moment {
  readonly seed: number;
  readonly stage: string;
  readonly epoch: number;
  /** Of the epoch. */
  readonly batch: number;
  /** Batches of an epoch. */
  readonly batches: number;
}

/** The ball of a moment, after the schedule of epsilon. */
export function threatAt(spec: AdversarialSpec, { epoch, batch, batches }: Moment): Threat {
  const factor = epsilonFactor(epoch + batch / batches, spec.epsilon_schedule);
  return { norm: spec.norm, epsilon: spec.epsilon * factor };
}

/**
 * Images that the network finds hard as it is now, in evaluation mode: the worst place of PGD, or where one
 * step from a random start leads (fast).
 * @returns [batch, 3, side, side] in [0, 1]
 */
export async function adversarialImages(
  target: AttackTarget,
  examples: Examples,
  spec: AdversarialSpec,
  moment: Moment,
): Promise<Float32Array> {
  const threat = threatAt(spec, moment);
  if (threat.epsilon === 0) return examples.pictures;
  const { stage, epoch, batch, seed } = moment;
  const random = randomStream(seed, `attack of ${stage} in epoch ${epoch} batch ${batch}`);
  const step_size = spec.step_size * (threat.epsilon / spec.epsilon);
  if (spec.method === 'pgd') {
    const { steps, random_start } = spec;
    const options = { steps, step_size, random_start, seed: random.interval(2 ** 31 - 1) };
    return (await pgd(target, examples, threat, options)).pictures;
  }
  const size = sizeOf(target.dims.slice(1));
  const pictures = examples.pictures.slice();
  const each = (work: (picture: Float32Array, original: Float32Array, row: number) => void) =>
    examples.labels.forEach((_, row) => {
      work(imageOf(pictures, row, size), imageOf(examples.pictures, row, size), row);
    });
  if (spec.random_start)
    each((picture, original) => startAnywhere(picture, original, threat, random));
  const { gradient } = await target.slope({ ...examples, pictures });
  each((picture, original, row) => {
    ascend(picture, original, imageOf(gradient, row, size), threat, step_size);
  });
  return pictures;
}

/** Steps of the attack that guards fast training, and how many batches are between two. */
export const GUARD_STEPS = 5;
export const GUARD_SHARE = 10;

/** Watches fast training for catastrophic overfitting (Wong et al. 2020): PGD-5 on one batch, ten times an epoch. */
export class OverfittingGuard {
  /** Robust accuracies of this epoch. */
  accuracies: number[];

  readonly #target: AttackedNetwork;
  readonly #spec: AdversarialSpec;

  constructor(target: AttackedNetwork, spec: AdversarialSpec, accuracies: readonly number[]) {
    this.#target = target;
    this.#spec = spec;
    this.accuracies = [...accuracies];
  }

  /** Starts an epoch with the last accuracy of the one before. */
  newEpoch(): void {
    this.accuracies = this.accuracies.slice(-1);
  }

  /** @throws VentralError `training-diverged` where the network stands against the one step alone */
  async watch(examples: Examples, moment: Moment): Promise<void> {
    const every = Math.max(1, Math.floor(moment.batches / GUARD_SHARE));
    if (moment.batch % every !== every - 1) return;
    const threat = threatAt(this.#spec, moment);
    if (threat.epsilon < this.#spec.epsilon) return;
    const { fooled } = await pgd(this.#target, examples, threat, { steps: GUARD_STEPS, seed: 0 });
    this.accuracies.push(fooled.filter((each) => !each).length / fooled.length);
    const verdict = catastrophicOverfitting(this.accuracies, fooled.length);
    if (!verdict.overfitted) return;
    throw new VentralError(
      'training-diverged',
      `${moment.stage}: catastrophic overfitting in epoch ${moment.epoch}: accuracy under PGD-5 on a training batch fell from ${verdict.before.toFixed(2)} to ${verdict.after.toFixed(2)}; take a smaller step_size or epsilon, or method pgd`,
      { field: moment.stage },
    );
  }
}

import { RandomState } from '../../numerics/random/random-state.js';
import { sizeOf } from '../graph/static-graph.js';
import type { AttackTarget, Examples } from '../step/attacked-network.js';
import { ascend, imageOf, startAnywhere, type Threat } from './threat.js';

/** Projected gradient descent (Madry et al. 2018). */
export interface PgdOptions {
  readonly steps: number;
  /** Of one step; 2.5 · epsilon/steps by default, as `robustness` evaluates. */
  readonly step_size?: number;
  /** Starts at a random place of the ball. */
  readonly random_start?: boolean;
  /** Starts again this many times more, each from another place. */
  readonly restarts?: number;
  readonly seed?: number;
}

/** The worst that an attack found for each image. */
export interface Attacked {
  readonly pictures: Float32Array;
  /** The highest loss of each image. */
  readonly losses: Float64Array;
  /** Whether any place that was looked at is taken for another class. */
  readonly fooled: readonly boolean[];
}

/**
 * Moves images within a ball to where the network's loss is high. Every place on the way is looked at, the
 * original among them, and the worst is kept: misclassified before classified, then by loss. So no attack
 * leaves an image better than it was.
 */
export async function pgd(
  target: AttackTarget,
  examples: Examples,
  threat: Threat,
  options: PgdOptions,
): Promise<Attacked> {
  const { steps, random_start = true, restarts = 0, seed = 0 } = options;
  const { step_size = (2.5 * threat.epsilon) / steps } = options;
  const size = sizeOf(target.dims.slice(1));
  const random = new RandomState(seed);
  const worst = new Worst(examples, size);
  for (let start = 0; start <= restarts; start++) {
    const pictures = examples.pictures.slice();
    const each = (work: (picture: Float32Array, original: Float32Array, row: number) => void) =>
      examples.labels.forEach((_, row) => {
        work(imageOf(pictures, row, size), imageOf(examples.pictures, row, size), row);
      });
    if (random_start) each((picture, original) => startAnywhere(picture, original, threat, random));
    for (let step = 0; step < steps; step++) {
      const slope = await target.slope({ ...examples, pictures });
      worst.look(pictures, slope);
      each((picture, original, row) => {
        ascend(picture, original, imageOf(slope.gradient, row, size), threat, step_size);
      });
    }
    worst.look(pictures, await target.answer({ ...examples, pictures }));
  }
  // Without a random start the first slope was taken there.
  if (random_start) worst.look(examples.pictures, await target.answer(examples));
  return worst;
}

/** Keeps the worst example seen. */
class Worst implements Attacked {
  readonly pictures: Float32Array;
  readonly losses: Float64Array;
  readonly fooled: boolean[];
  readonly #labels: readonly number[];
  readonly #size: number;

  constructor({ pictures, labels }: Examples, size: number) {
    this.pictures = pictures.slice();
    this.losses = new Float64Array(labels.length).fill(Number.NEGATIVE_INFINITY);
    this.fooled = labels.map(() => false);
    this.#labels = labels;
    this.#size = size;
  }

  look(
    pictures: Float32Array,
    { losses, predicted }: { readonly losses: Float64Array; readonly predicted: readonly number[] },
  ): void {
    this.#labels.forEach((label, row) => {
      const fools = predicted[row] !== label;
      const higher = losses[row] > this.losses[row];
      if (fools === this.fooled[row] ? !higher : !fools) return;
      this.fooled[row] = fools;
      this.losses[row] = losses[row];
      imageOf(this.pictures, row, this.#size).set(imageOf(pictures, row, this.#size));
    });
  }
}

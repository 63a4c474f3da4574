import type { RandomState } from '../../numerics/random/random-state.js';
import { ascend, startAnywhere, type Threat } from '../attack/threat.js';
import type { Search, Seen } from './attack-slots.js';

/** An image under attack. */
export interface Example {
  /** [3, height, width] in [0, 1], after resize and crop. */
  readonly picture: Float32Array;
  /** Column of the logits. */
  readonly label: number;
}

/** How the gradient is followed. */
export interface GradientOptions {
  /** 0 starts only from the image. */
  readonly steps: number;
  readonly stepSize: number;
  /** The first starts at the image itself, as `robustness` does, each other at a random place of the ball. */
  readonly starts: number;
  /** Goes on after a place that fools, to where the loss is highest. */
  readonly toTheEnd?: boolean;
}

/** Projected gradient descent (Madry et al. 2018) from one image. */
export class GradientSearch implements Search {
  readonly label: number;
  readonly picture: Float32Array;
  fooled = false;
  /** The highest loss of the places that were looked at. */
  highest = Number.NEGATIVE_INFINITY;
  readonly #original: Float32Array;
  readonly #threat: Threat;
  readonly #options: GradientOptions;
  readonly #random: RandomState;
  #start = 0;
  #step = 0;

  constructor(
    { picture, label }: Example,
    threat: Threat,
    options: GradientOptions,
    random: RandomState,
  ) {
    this.label = label;
    this.picture = picture.slice();
    this.#original = picture;
    this.#threat = threat;
    this.#options = options;
    this.#random = random;
  }

  get uphill(): boolean {
    return this.#step < this.#options.steps;
  }

  see({ loss, fools, gradient }: Seen): boolean {
    const { steps, stepSize, starts, toTheEnd = false } = this.#options;
    this.highest = Math.max(this.highest, loss);
    this.fooled ||= fools;
    if (this.fooled && !toTheEnd) return true;
    if (this.#step < steps) {
      const slope = gradient as Float32Array;
      ascend(this.picture, this.#original, slope, this.#threat, stepSize);
      this.#step++;
      return false;
    }
    this.#start++;
    if (this.#start === starts) return true;
    this.#step = 0;
    this.picture.set(this.#original);
    startAnywhere(this.picture, this.#original, this.#threat, this.#random);
    return false;
  }
}

import type { RandomState } from '../../numerics/random/random-state.js';
import { randomStream } from '../../numerics/random/random-stream.js';

/**
 * Random numbers of a feed. Each purpose of each image has its own stream, from the seed, the epoch and the
 * image's position in the set: thread and order of batches change nothing.
 */
export class RandomStreams {
  constructor(
    readonly seed: number,
    readonly epoch: number,
  ) {}

  /** The order of the epoch. */
  order(): RandomState {
    return randomStream(this.seed, `order of epoch ${this.epoch}`);
  }

  /** What happens to one image. */
  picture(position: number, purpose: string): RandomState {
    return randomStream(this.seed, `${purpose} of picture ${position} in epoch ${this.epoch}`);
  }

  /** What happens to a batch as a whole. */
  batch(number: number, purpose: string): RandomState {
    return randomStream(this.seed, `${purpose} of batch ${number} in epoch ${this.epoch}`);
  }
}

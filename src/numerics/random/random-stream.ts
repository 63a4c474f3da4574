import { RandomState } from './random-state.js';

/**
 * An independent stream for each purpose, so that drawing more for one leaves the others as they
 * were: the seed and the purpose are hashed (FNV-1a, 32 bits) into RandomState's seed.
 */
export function randomStream(seed: number, purpose: string): RandomState {
  let hash = 0x811c9dc5;
  for (const character of `${purpose} ${seed}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }
  return new RandomState(hash);
}

/** A number from a uniform distribution over [low, high). */
export function uniform(random: RandomState, low: number, high: number): number {
  return low + (high - low) * random.double();
}

/** A number whose logarithm is uniform over [log low, log high). */
export function logUniform(random: RandomState, low: number, high: number): number {
  return low * Math.exp(Math.log(high / low) * random.double());
}

/** One standard normal number. */
export function normal(random: RandomState): number {
  return random.standardNormal(1)[0];
}

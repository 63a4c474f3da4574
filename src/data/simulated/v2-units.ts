import type { RandomState } from '../../numerics/random/random-state.js';
import { randomStream, uniform } from '../../numerics/random/random-stream.js';
import { type BankSpec, channelEnergies } from './energy-channels.js';
import { populationSeed } from './population-seed.js';
import type { RegionDrive } from './simulated-recordings.js';
import type { Retina } from './v1-units.js';

/**
 * V2: products of pairs of V1 channels that lie apart in position, orientation or frequency, over
 * their pooled activity (docs/simulated.md).
 */

const units = 72;
/** Pairs that a unit combines. */
const pairs = 4;
/** Positions a side of the square that a unit sums over. */
const window = 4;
/** Share of the product of means that is taken off: what is left grows with co-occurrence. */
const chance = 0.65;

const bank: BankSpec = { frequencies: [1.3, 2.4, 4.2], orientations: 4, grid: 6, spacing: 0.26 };
/** Steps that the square can move, one step left for the partner of a pair. */
const room = bank.grid - window - 1;
const channels = bank.frequencies.length * bank.orientations;

interface Pair {
  readonly a: number;
  readonly b: number;
  /** Steps of the grid from the position of a to that of b. */
  readonly dx: number;
  readonly dy: number;
  readonly weight: number;
}

interface Unit {
  readonly left: number;
  readonly top: number;
  readonly pairs: readonly Pair[];
  readonly halfEnergy: number;
  readonly threshold: number;
  readonly exponent: number;
}

function makeUnit(random: RandomState): Unit {
  return {
    left: random.interval(room),
    top: random.interval(room),
    pairs: Array.from({ length: pairs }, (_, m) => ({
      a: random.interval(channels - 1),
      b: random.interval(channels - 1),
      dx: random.interval(1),
      dy: random.interval(1),
      weight: m === pairs - 1 ? -uniform(random, 0.1, 0.4) : uniform(random, 0.4, 1),
    })),
    halfEnergy: uniform(random, 0.004, 0.02),
    threshold: uniform(random, 0, 0.2),
    exponent: uniform(random, 0.9, 1.6),
  };
}

function respond(unit: Unit, energies: Float64Array): number {
  const at = (x: number, y: number, channel: number) =>
    energies[((unit.top + y) * bank.grid + unit.left + x) * channels + channel];
  const mean = (value: (x: number, y: number) => number) => {
    let sum = 0;
    for (let p = 0; p < window * window; p++) sum += value(p % window, Math.floor(p / window));
    return sum / (window * window);
  };
  let pool = 0;
  for (let c = 0; c < channels; c++) pool += mean((x, y) => at(x, y, c)) / channels;
  const normal = (unit.halfEnergy + pool) ** 2;
  let drive = 0;
  for (const { a, b, dx, dy, weight } of unit.pairs) {
    const first = (x: number, y: number) => at(x, y, a) ** 2;
    const second = (x: number, y: number) => at(x + dx, y + dy, b) ** 2;
    const together = Math.sqrt(mean((x, y) => first(x, y) * second(x, y)));
    const apart = Math.sqrt(mean(first) * mean(second));
    drive += (weight * (together - chance * apart)) / normal;
  }
  return Math.max(0, drive - unit.threshold) ** unit.exponent;
}

/** Drive of the V2 units on images in contrast units, one array a stimulus. */
export function driveV2(pictures: readonly Float64Array[], retina: Retina): RegionDrive {
  const random = randomStream(populationSeed, 'V2 units');
  const population = Array.from({ length: units }, () => makeUnit(random));
  const drive = new Float64Array(pictures.length * units);
  channelEnergies(pictures, retina, bank).forEach((energies, s) => {
    population.forEach((unit, u) => {
      drive[s * units + u] = respond(unit, energies);
    });
  });
  return { region: 'V2', units, drive };
}

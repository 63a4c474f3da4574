import type { RandomState } from '../../numerics/random/random-state.js';
import { normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import { latentSize } from './object-models.js';
import type { ObjectPicture } from './object-stimuli.js';
import { populationSeed } from './population-seed.js';
import type { RegionDrive } from './simulated-recordings.js';

/**
 * IT: mixed selectivity for what an object is and how it stands, tolerant to where and how large it is
 * (docs/simulated.md).
 */

const units = 96;

interface Unit {
  readonly identity: Float64Array;
  /** Weights on roll, yaw, size and the two positions, and on their products with one latent. */
  readonly pose: Float64Array;
  readonly mixed: Float64Array;
  readonly partner: number;
  readonly threshold: number;
  /** Exponent of size, centre of its field in half images, and the field's deviation. */
  readonly size: number;
  readonly x: number;
  readonly y: number;
  readonly field: number;
}

const poseSize = 5;

function makeUnit(random: RandomState): Unit {
  return {
    identity: random.standardNormal(latentSize).map((value) => value / Math.sqrt(latentSize)),
    pose: random.standardNormal(poseSize).map((value) => 0.25 * value),
    mixed: random.standardNormal(poseSize).map((value) => 0.3 * value),
    partner: random.interval(latentSize - 1),
    threshold: uniform(random, -0.2, 0.8),
    size: uniform(random, 0, 0.8),
    x: 0.15 * normal(random),
    y: 0.15 * normal(random),
    field: uniform(random, 0.7, 1.4),
  };
}

function respond(unit: Unit, { object, pose }: ObjectPicture): number {
  const features = [pose.roll, 2 * (1 - pose.yaw), Math.log(pose.scale), pose.tx, pose.ty];
  let sum = -unit.threshold;
  object.latent.forEach((value, k) => {
    sum += 1.6 * unit.identity[k] * value;
  });
  features.forEach((value, k) => {
    sum += value * (unit.pose[k] + unit.mixed[k] * object.latent[unit.partner]);
  });
  const soft = Math.log(1 + Math.exp(2 * sum)) / 2;
  const off = (pose.tx - unit.x) ** 2 + (pose.ty - unit.y) ** 2;
  return soft * pose.scale ** unit.size * Math.exp(-0.5 * (off / unit.field ** 2));
}

/** Drive of the IT units on images of objects. */
export function driveIt(pictures: readonly ObjectPicture[]): RegionDrive {
  const random = randomStream(populationSeed, 'IT units');
  const population = Array.from({ length: units }, () => makeUnit(random));
  const drive = new Float64Array(pictures.length * units);
  pictures.forEach((picture, s) => {
    population.forEach((unit, u) => {
      drive[s * units + u] = respond(unit, picture);
    });
  });
  return { region: 'IT', units, drive };
}

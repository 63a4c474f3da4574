import type { RandomState } from '../../numerics/random/random-state.js';
import { logUniform, normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import {
  applyPatch,
  type FilterShape,
  filterPair,
  gaussianWindow,
  type Patch,
} from './offset-gaussians.js';
import { populationSeed } from './population-seed.js';
import type { RegionDrive } from './simulated-recordings.js';

/**
 * V1: differences of offset Gaussians, between half-squared and energy, divided by the contrast of
 * their centre and surround (docs/simulated.md).
 */

const units = 72;

/** Size of the images that units look at. */
export interface Retina {
  /** Pixels a side. */
  readonly side: number;
  readonly pixelsPerDegree: number;
}

interface Unit {
  readonly even: Patch;
  readonly odd: Patch;
  readonly center: Patch;
  readonly surround: Patch;
  readonly phase: number;
  /** 0 is a simple cell, 1 a complex one. */
  readonly complexity: number;
  readonly exponent: number;
  readonly halfContrast: number;
  readonly surroundWeight: number;
}

function makeUnit(random: RandomState, { side, pixelsPerDegree }: Retina): Unit {
  const middle = side / 2;
  const shape: FilterShape = {
    x: middle + 0.45 * pixelsPerDegree * normal(random),
    y: middle + 0.45 * pixelsPerDegree * normal(random),
    period: pixelsPerDegree / logUniform(random, 1.2, 4.5),
    orientation: uniform(random, 0, Math.PI),
    width: uniform(random, 0.3, 0.42),
    elongation: uniform(random, 1.1, 2),
  };
  return {
    ...filterPair(shape, side),
    center: gaussianWindow(shape, shape.period, side),
    surround: gaussianWindow(shape, 2.5 * shape.period, side),
    phase: uniform(random, 0, 2 * Math.PI),
    complexity: random.double() < 0.6 ? uniform(random, 0.75, 1) : uniform(random, 0, 0.4),
    exponent: uniform(random, 1.4, 2.4),
    halfContrast: logUniform(random, 0.05, 0.2),
    surroundWeight: uniform(random, 0.2, 1.2),
  };
}

/** Responses of a unit to all images, whose squares come too. */
function respond(
  unit: Unit,
  pictures: readonly Float64Array[],
  squared: readonly Float64Array[],
  side: number,
): Float64Array {
  const evens = applyPatch(unit.even, pictures, side);
  const odds = applyPatch(unit.odd, pictures, side);
  const centers = applyPatch(unit.center, squared, side);
  const surrounds = applyPatch(unit.surround, squared, side);
  return evens.map((even, s) => {
    const odd = odds[s];
    const simple = Math.max(0, Math.cos(unit.phase) * even + Math.sin(unit.phase) * odd);
    const energy = (even * even + odd * odd) / 2;
    const drive = (1 - unit.complexity) * simple * simple + unit.complexity * energy;
    const pool = (centers[s] + unit.surroundWeight * surrounds[s]) / (1 + unit.surroundWeight);
    const half = unit.exponent / 2;
    return drive ** half / (unit.halfContrast ** unit.exponent + pool ** half);
  });
}

/** Drive of the V1 units on images in contrast units, one array a stimulus. */
export function driveV1(pictures: readonly Float64Array[], retina: Retina): RegionDrive {
  const random = randomStream(populationSeed, 'V1 units');
  const population = Array.from({ length: units }, () => makeUnit(random, retina));
  const drive = new Float64Array(pictures.length * units);
  const squared = pictures.map((picture) => picture.map((value) => value * value));
  population.forEach((unit, u) => {
    respond(unit, pictures, squared, retina.side).forEach((response, s) => {
      drive[s * units + u] = response;
    });
  });
  return { region: 'V1', units, drive };
}

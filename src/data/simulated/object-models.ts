import { normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import { populationSeed } from './population-seed.js';

/**
 * Sixty-four objects in eight categories, as hvm has them (spec §3.2): each a handful of shaded
 * ellipses and rounded boxes, perturbed from its category's prototype. The same in every set.
 */

/** One part, in units of the object's half-size; y points down. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly a: number;
  readonly b: number;
  readonly angle: number;
  /** 2 is an ellipse, 4 a box with round corners. */
  readonly power: 2 | 4;
  /** Height of its dome over the plane. */
  readonly depth: number;
  readonly albedo: number;
}

/** An object: its parts from back to front, and where it lies among objects (for units and observers). */
export interface ObjectModel {
  readonly name: string;
  readonly category: string;
  readonly parts: readonly Part[];
  /** Stripes over its surface: cycles a half-size, direction and depth. */
  readonly stripes: { readonly cycles: number; readonly angle: number; readonly depth: number };
  /** Category plus own deviation. */
  readonly latent: Float64Array;
}

/** Dimensions of the space of objects. */
export const latentSize = 12;

type PartRow = readonly [x: number, y: number, a: number, b: number, angle: number, power: 2 | 4];

const prototypes: Readonly<Record<string, readonly PartRow[]>> = {
  animals: [
    [-0.75, -0.15, 0.28, 0.07, 0.5, 2],
    [-0.45, 0.45, 0.09, 0.34, 0, 4],
    [-0.2, 0.45, 0.09, 0.32, 0, 4],
    [0.25, 0.45, 0.09, 0.34, 0, 4],
    [0.45, 0.45, 0.09, 0.32, 0, 4],
    [0, 0, 0.62, 0.3, 0, 2],
    [0.68, -0.32, 0.27, 0.22, 0.3, 2],
  ],
  boats: [
    [0, -0.25, 0.05, 0.6, 0, 4],
    [0.3, -0.3, 0.27, 0.45, 0.3, 2],
    [0, 0.42, 0.85, 0.24, 0, 4],
    [-0.3, 0.15, 0.22, 0.13, 0, 4],
  ],
  cars: [
    [-0.05, -0.2, 0.52, 0.23, 0, 4],
    [0, 0.13, 0.9, 0.25, 0, 4],
    [-0.5, 0.4, 0.2, 0.2, 0, 2],
    [0.5, 0.4, 0.2, 0.2, 0, 2],
  ],
  chairs: [
    [-0.42, -0.35, 0.1, 0.6, 0.1, 4],
    [-0.42, 0.55, 0.08, 0.4, 0, 4],
    [0.42, 0.55, 0.08, 0.4, 0, 4],
    [0, 0.12, 0.54, 0.12, 0, 4],
  ],
  faces: [
    [0, -0.55, 0.62, 0.35, 0, 2],
    [0, 0, 0.6, 0.82, 0, 2],
    [-0.24, -0.1, 0.12, 0.07, 0, 2],
    [0.24, -0.1, 0.12, 0.07, 0, 2],
    [0, 0.12, 0.07, 0.16, 0, 2],
    [0, 0.45, 0.26, 0.07, 0, 2],
  ],
  fruits: [
    [0, -0.68, 0.05, 0.22, 0.2, 4],
    [0.26, -0.7, 0.26, 0.1, -0.4, 2],
    [-0.1, 0.12, 0.6, 0.62, 0, 2],
    [0.28, 0.15, 0.48, 0.58, 0, 2],
  ],
  planes: [
    [0.02, 0, 0.16, 0.85, 0.25, 4],
    [-0.75, -0.12, 0.09, 0.32, 0.35, 4],
    [0, 0, 0.92, 0.14, 0, 2],
  ],
  tables: [
    [-0.72, 0.3, 0.08, 0.52, 0, 4],
    [0.72, 0.3, 0.08, 0.52, 0, 4],
    [0, 0.3, 0.68, 0.05, 0, 4],
    [0, -0.22, 0.92, 0.11, 0, 4],
  ],
};

/** Objects of each category. */
const perCategory = 8;
/** Deviation of an object from its category in the space of objects; categories have 1. */
const ownDeviation = 0.6;

function makeObject(category: string, number: number, center: Float64Array): ObjectModel {
  const random = randomStream(populationSeed, `object ${category} ${number}`);
  const stretch = Math.exp(0.22 * normal(random));
  const tone = uniform(random, 0.35, 0.9);
  const parts = prototypes[category].map(
    ([x, y, a, b, angle, power]): Part => ({
      x: x * stretch + 0.07 * normal(random),
      y: y / stretch + 0.07 * normal(random),
      a: a * stretch * Math.exp(0.2 * normal(random)),
      b: (b / stretch) * Math.exp(0.2 * normal(random)),
      angle: angle + 0.15 * normal(random),
      power,
      depth: uniform(random, 0.2, 0.6),
      albedo: Math.min(1, Math.max(0.08, tone + 0.25 * normal(random))),
    }),
  );
  return {
    name: `${category}-${number + 1}`,
    category,
    parts,
    stripes: {
      cycles: uniform(random, 1.5, 6),
      angle: uniform(random, 0, Math.PI),
      depth: uniform(random, 0, 0.35),
    },
    latent: center.map((value) => value + ownDeviation * normal(random)),
  };
}

/** The sixty-four objects, category by category. */
export const objectModels: readonly ObjectModel[] = Object.keys(prototypes).flatMap((category) => {
  const center = randomStream(populationSeed, `category ${category}`).standardNormal(latentSize);
  return Array.from({ length: perCategory }, (_, number) => makeObject(category, number, center));
});

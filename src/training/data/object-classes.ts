import type { RandomState } from '../../numerics/random/random-state.js';
import {
  above,
  bar,
  both,
  box,
  type Distance,
  ellipse,
  type Point,
  polygon,
  ring,
  without,
} from './distance-shapes.js';

/**
 * The ten classes of objects-on-backgrounds: each a few parts from back to front inside ±1, y down, its
 * measures varied from object to object (docs/training-data.md has them as a table).
 */

/** Part of an object: where it is, and which of the object's three paints it has. */
export interface ObjectPart {
  readonly distance: Distance;
  readonly paint: 0 | 1 | 2;
}

/** Draws measures of an object. */
export interface ObjectMeasures {
  /** The usual measure times U(.8, 1.2). */
  about(usual: number): number;
  /** A number of U(low, high). */
  between(low: number, high: number): number;
  /** An integer from low to high, both included. */
  count(low: number, high: number): number;
}

/** Measures out of a stream of random numbers. */
export function objectMeasures(random: RandomState): ObjectMeasures {
  const between = (low: number, high: number) => low + (high - low) * random.double();
  return {
    between,
    about: (usual) => usual * between(0.8, 1.2),
    count: (low, high) => low + random.interval(high - low),
  };
}

type Draw = (measures: ObjectMeasures) => ObjectPart[];

const part = (paint: 0 | 1 | 2, distance: Distance): ObjectPart => ({ paint, distance });

/** Mirrors a shape at the vertical axis. */
const mirrored =
  (shape: Distance): Distance =>
  (x, y) =>
    shape(-x, y);

const bottle: Draw = ({ about, between }) => {
  const [wide, neck, shoulder] = [about(0.34), about(0.12), between(-0.35, -0.1)];
  const label = between(0.25, 0.5);
  return [
    part(0, box(0, -0.55, neck, 0.4, 0.03)),
    part(
      0,
      polygon([
        [-neck, shoulder - 0.2],
        [neck, shoulder - 0.2],
        [wide, shoulder + 0.06],
        [-wide, shoulder + 0.06],
      ]),
    ),
    part(0, box(0, (shoulder + 0.95) / 2, wide, (0.95 - shoulder) / 2, 0.08)),
    part(1, box(0, label, wide, about(0.22))),
    part(2, box(0, -0.88, neck + 0.05, about(0.09), 0.02)),
  ];
};

const butterfly: Draw = ({ about, between }) => {
  const [upper, lower] = [about(0.42), about(0.3)];
  const wings = (shape: Distance, paint: 0 | 1 | 2) => [
    part(paint, shape),
    part(paint, mirrored(shape)),
  ];
  const tip = between(-0.95, -0.75);
  return [
    ...wings(bar([0, -0.3], [0.25, tip], 0.035), 2),
    ...wings(ellipse(0.45, -0.28, upper, about(0.38)), 0),
    ...wings(ellipse(0.36, 0.4, lower, about(0.32)), 0),
    ...wings(ellipse(0.5, -0.3, about(0.18), about(0.16)), 1),
    ...wings(ellipse(0.38, 0.42, about(0.12), about(0.12)), 1),
    part(2, ellipse(0, 0.05, about(0.09), about(0.55))),
  ];
};

const fish: Draw = ({ about, between }) => {
  const [long, high, tail] = [about(0.62), about(0.36), about(0.34)];
  return [
    part(
      1,
      polygon([
        [0.4 - long, 0],
        [-0.95, -tail],
        [-0.8, between(-0.1, 0.1)],
        [-0.95, tail],
      ]),
    ),
    part(
      1,
      polygon([
        [-0.3, -0.15],
        [between(-0.35, 0), -high - about(0.28)],
        [0.35, -0.15],
      ]),
    ),
    part(0, ellipse(0.15, 0, long, high)),
    part(1, both(ellipse(0.15, 0, long, high), box(between(-0.2, 0.1), 0, about(0.08), 1))),
    part(2, ellipse(0.5, -0.1, about(0.08), about(0.08))),
  ];
};

const glasses: Draw = ({ about, between }) => {
  const [a, b, width] = [about(0.32), about(0.28), about(0.065)];
  const centre = a + between(0.08, 0.18);
  return [
    part(1, ellipse(-centre, 0, a, b)),
    part(1, ellipse(centre, 0, a, b)),
    part(0, ring(-centre, 0, a, b, width)),
    part(0, ring(centre, 0, a, b, width)),
    part(0, bar([-centre + a, -0.08], [centre - a, -0.08], width)),
    part(2, bar([-centre - a, -0.08], [-0.98, between(-0.4, -0.2)], width)),
    part(2, bar([centre + a, -0.08], [0.98, between(-0.4, -0.2)], width)),
  ];
};

const hammer: Draw = ({ about, between }) => {
  const [head, high] = [about(0.42), about(0.18)];
  const level = between(-0.75, -0.6);
  return [
    part(1, box(0, 0.15, about(0.1), 0.8, 0.05)),
    part(2, box(0, 0.68, about(0.12), about(0.26), 0.06)),
    part(
      0,
      polygon([
        [-head + 0.1, level - high],
        [-head - about(0.42), level + about(0.22)],
        [-head + 0.1, level + high],
      ]),
    ),
    part(0, box(0, level, head, high, 0.03)),
    part(0, box(head, level, about(0.1), high + 0.07, 0.02)),
  ];
};

const house: Draw = ({ about, between, count }) => {
  const [wide, eaves, roof] = [about(0.62), between(-0.2, 0), about(0.6)];
  const door = between(-0.3, 0.3);
  const windows = count(1, 2);
  return [
    part(2, box(wide * 0.55, eaves - 0.35, about(0.09), 0.35)),
    part(0, box(0, (eaves + 0.9) / 2, wide, (0.9 - eaves) / 2)),
    part(
      1,
      polygon([
        [-wide - 0.18, eaves],
        [between(-0.15, 0.15), eaves - roof],
        [wide + 0.18, eaves],
      ]),
    ),
    part(2, box(door, 0.65, about(0.13), 0.26)),
    ...Array.from({ length: windows }, (_, i) =>
      part(1, box(door + (i === 0 ? -0.34 : 0.34), eaves + 0.32, about(0.1), about(0.1))),
    ),
  ];
};

const key: Draw = ({ about, between, count }) => {
  const [bow, width, teeth] = [about(0.27), about(0.1), count(2, 3)];
  const end = between(0.8, 0.95);
  return [
    part(0, box((end - 0.4) / 2, 0, (end + 0.4) / 2, about(0.075), 0.02)),
    ...Array.from({ length: teeth }, (_, i) =>
      part(0, box(end - 0.08 - i * 0.2, about(0.17), 0.055, about(0.13))),
    ),
    part(0, ring(-0.6, 0, bow, about(0.27), width)),
    part(1, box(-0.6 + bow + width, 0, about(0.06), about(0.14), 0.02)),
  ];
};

const mug: Draw = ({ about, between }) => {
  const [wide, high, lip] = [about(0.46), about(0.58), about(0.12)];
  const left = -0.18;
  return [
    part(0, ring(left + wide, between(-0.05, 0.1), about(0.3), about(0.32), about(0.075))),
    part(0, box(left, 0.08, wide, high, 0.1)),
    part(1, box(left, between(0, 0.25), wide, about(0.13))),
    part(0, ellipse(left, 0.08 - high, wide, lip)),
    part(2, ellipse(left, 0.08 - high, wide * 0.82, lip * 0.65)),
  ];
};

const mushroom: Draw = ({ about, between, count }) => {
  const [wide, high, edge] = [about(0.78), about(0.75), between(-0.05, 0.15)];
  const cap = both(ellipse(0, edge, wide, high), above(edge));
  return [
    part(1, box(0, 0.45, about(0.2), 0.5, 0.1)),
    part(1, ellipse(0, 0.85, about(0.28), about(0.14))),
    part(0, cap),
    ...Array.from({ length: count(3, 5) }, () =>
      part(
        2,
        both(
          ellipse(between(-0.6, 0.6) * wide, edge - between(0.1, 0.75) * high, about(0.11), 0.1),
          cap,
        ),
      ),
    ),
  ];
};

/** Corners along a half circle below a centre, from its right end to its left one. */
const hook = (x: number, y: number, radius: number): readonly Point[] =>
  [
    [1, 0],
    [0.7, 0.7],
    [0, 1],
    [-0.7, 0.7],
    [-1, 0],
  ].map(([p, q]) => [x + p * radius, y + q * radius]);

const umbrella: Draw = ({ about, between }) => {
  const [wide, high, edge] = [about(0.9), about(0.68), between(-0.15, 0.05)];
  const [radius, width] = [about(0.15), about(0.05)];
  const points = hook(-radius, 0.72, radius);
  const dome = both(ellipse(0, edge, wide, high), above(edge));
  const scallop = (at: number) => ellipse(at * wide, edge, wide / 3, about(0.16));
  const canopy = [-2 / 3, 0, 2 / 3].reduce((shape, at) => without(shape, scallop(at)), dome);
  return [
    part(2, bar([0, edge - high - 0.12], [0, 0.72], width)),
    ...points.slice(1).map((point, i) => part(2, bar(points[i], point, width))),
    part(0, canopy),
    part(1, both(canopy, ellipse(0, edge, wide * between(0.3, 0.42), high * 1.1))),
  ];
};

/** Draws an object of each class, in the order of labels. */
export const objectClasses: readonly { readonly name: string; readonly draw: Draw }[] = [
  { name: 'bottle', draw: bottle },
  { name: 'butterfly', draw: butterfly },
  { name: 'fish', draw: fish },
  { name: 'glasses', draw: glasses },
  { name: 'hammer', draw: hammer },
  { name: 'house', draw: house },
  { name: 'key', draw: key },
  { name: 'mug', draw: mug },
  { name: 'mushroom', draw: mushroom },
  { name: 'umbrella', draw: umbrella },
];

import type { RandomState } from '../../numerics/random/random-state.js';
import { logUniform, normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import { bandNoise, bandPass, standardise } from './band-pass.js';
import { populationSeed } from './population-seed.js';

/**
 * Fifteen families of textures on a torus: three parameter sets for each of five ways in which
 * features of natural textures depend on one another beyond their power spectrum: occlusion, energy
 * shared across scales, curved strokes, skewed labyrinths, cells (docs/simulated.md).
 */

/** Pixels a side. */
export const textureSide = 128;
const side = textureSide;
const wrap = (value: number) => value & (side - 1);

/** A family: its number and how a sample of it is drawn, mean 0 and standard deviation 1. */
export interface TextureFamily {
  readonly number: number;
  readonly kind: string;
  sample(random: RandomState): Float64Array;
}

/** Dead leaves: opaque ellipses whose radii follow r⁻³ fall on each other. */
function leaves(parameters: RandomState): TextureFamily['sample'] {
  const smallest = logUniform(parameters, 2.5, 5);
  const largest = smallest * uniform(parameters, 3, 6);
  const aspect = uniform(parameters, 1, 2.6);
  const orientation = uniform(parameters, 0, Math.PI);
  const spread = uniform(parameters, 0.1, 0.9);
  return (random) => {
    const out = new Float64Array(side * side);
    for (let n = 0; n < 700; n++) {
      const u = random.double();
      const radius = 1 / Math.sqrt((1 - u) / smallest ** 2 + u / largest ** 2);
      const angle = orientation + spread * normal(random);
      const place = { x: uniform(random, 0, side), y: uniform(random, 0, side) };
      paintEllipse(out, place, { radius, aspect, angle }, normal(random));
    }
    return standardise(out);
  };
}

function paintEllipse(
  out: Float64Array,
  { x, y }: { x: number; y: number },
  { radius, aspect, angle }: { radius: number; aspect: number; angle: number },
  value: number,
): void {
  const [c, s] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  const reach = Math.ceil(radius * aspect);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const [u, v] = [(dx * c + dy * s) / aspect, dy * c - dx * s];
      if (u * u + v * v <= 1)
        out[wrap(Math.floor(y) + dy) * side + wrap(Math.floor(x) + dx)] = value;
    }
  }
}

/** Noise of a coarse band opens and shuts noise of a finer one, and that a finer one still. */
function gates(parameters: RandomState): TextureFamily['sample'] {
  const coarse = uniform(parameters, 4, 8);
  const bands = [1, uniform(parameters, 1.8, 2.6), uniform(parameters, 3.4, 5)].map((ratio) => ({
    frequency: coarse * ratio,
    octaves: 0.45,
    orientation: uniform(parameters, 0, Math.PI),
    concentration: uniform(parameters, 0.5, 3),
  }));
  const power = uniform(parameters, 1, 2.2);
  const weights = [uniform(parameters, 0.5, 1), uniform(parameters, 0.6, 1), 0.9];
  return (random) => {
    let gate = new Float64Array(side * side).fill(1);
    const out = new Float64Array(side * side);
    bands.forEach((band, scale) => {
      const layer = standardise(bandNoise(random, side, band).map((value, i) => value * gate[i]));
      for (let i = 0; i < out.length; i++) out[i] += weights[scale] * layer[i];
      gate = layer.map((value) => Math.max(0, value) ** power);
    });
    return standardise(out);
  };
}

/** Strokes that bend as they go, bright on one side and dark on the other. */
function strokes(parameters: RandomState): TextureFamily['sample'] {
  const width = uniform(parameters, 1.2, 2.6);
  const length = uniform(parameters, 14, 40);
  const bend = uniform(parameters, 0.02, 0.16);
  const orientation = uniform(parameters, 0, Math.PI);
  const spread = uniform(parameters, 0.2, 1.4);
  return (random) => {
    const out = new Float64Array(side * side);
    for (let n = 0; n < 5200 / length; n++) {
      let [x, y] = [uniform(random, 0, side), uniform(random, 0, side)];
      let angle = orientation + spread * normal(random);
      const turn = bend * normal(random);
      const ink = uniform(random, 0.4, 1);
      for (let step = 0; step < length; step += 0.7) {
        stamp(out, { x, y, angle }, width, ink);
        x += 0.7 * Math.cos(angle);
        y += 0.7 * Math.sin(angle);
        angle += 0.7 * turn;
      }
    }
    return standardise(out);
  };
}

/** One point of a stroke: the first derivative of a Gaussian across its direction. */
function stamp(
  out: Float64Array,
  { x, y, angle }: { x: number; y: number; angle: number },
  width: number,
  ink: number,
): void {
  const [nx, ny] = [-Math.sin(angle), Math.cos(angle)];
  for (let across = -2.5 * width; across <= 2.5 * width; across += 0.7) {
    const t = across / width;
    const value = ink * t * Math.exp(-0.5 * t * t);
    out[wrap(Math.floor(y + across * ny)) * side + wrap(Math.floor(x + across * nx))] += value;
  }
}

/** A narrow band pushed through a steep, shifted sigmoid: stripes and islands with sharp borders. */
function labyrinth(parameters: RandomState): TextureFamily['sample'] {
  const band = {
    frequency: uniform(parameters, 6, 16),
    octaves: uniform(parameters, 0.12, 0.3),
    orientation: uniform(parameters, 0, Math.PI),
    concentration: uniform(parameters, 0, 2.5),
  };
  const shift = uniform(parameters, -0.9, 0.9);
  return (random) =>
    standardise(
      bandNoise(random, side, band).map((value) => Math.tanh(4 * (value - shift)) + 0.15 * value),
    );
}

/** Distances to the two nearest of scattered points: walls between cells, or domes on them. */
function cells(parameters: RandomState): TextureFamily['sample'] {
  const points = Math.round(uniform(parameters, 35, 110));
  const wall = uniform(parameters, 0, 1);
  const stretch = uniform(parameters, 0.6, 1.6);
  const grain = {
    frequency: 24,
    octaves: 0.5,
    orientation: uniform(parameters, 0, Math.PI),
    concentration: 1,
  };
  return (random) => {
    const places = Array.from({ length: points }, () => [
      uniform(random, 0, side),
      uniform(random, 0, side),
    ]);
    const out = new Float64Array(side * side);
    for (let i = 0; i < out.length; i++) {
      const [first, second] = nearestTwo(places, i % side, Math.floor(i / side), stretch);
      out[i] = wall * Math.tanh((second - first) / 2.5) - (1 - wall) * 0.12 * first;
    }
    const walls = standardise(out);
    const rough = bandPass(
      walls.map((value) => value * (random.double() - 0.5)),
      grain,
    );
    return standardise(walls.map((value, i) => value + 0.35 * rough[i]));
  };
}

function nearestTwo(places: number[][], x: number, y: number, stretch: number): [number, number] {
  let [first, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const [px, py] of places) {
    const ax = Math.abs(px - x);
    const ay = Math.abs(py - y);
    const dx = Math.min(ax, side - ax) * stretch;
    const dy = Math.min(ay, side - ay) / stretch;
    const squared = dx * dx + dy * dy;
    if (squared < first) [first, second] = [squared, first];
    else if (squared < second) second = squared;
  }
  return [Math.sqrt(first), Math.sqrt(second)];
}

const kinds = { leaves, gates, strokes, labyrinth, cells };

/** The fifteen families, the same in every set: parameters come from one fixed seed. */
export const textureFamilies: readonly TextureFamily[] = Object.entries(kinds).flatMap(
  ([kind, make], k) =>
    [0, 1, 2].map((variant) => ({
      number: k * 3 + variant + 1,
      kind,
      sample: make(randomStream(populationSeed, `family ${kind} ${variant}`)),
    })),
);

import type { RandomState } from '../../numerics/random/random-state.js';
import { normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import { type BankSpec, channelEnergies } from './energy-channels.js';
import type { ObjectPicture } from './object-stimuli.js';
import { toContrast } from './offset-gaussians.js';
import { populationSeed } from './population-seed.js';
import type { RegionDrive } from './simulated-recordings.js';
import type { Retina } from './v1-units.js';

/**
 * V4: curvature of the silhouette's border at an angle around its centre (Pasupathy and Connor 2001),
 * mixed with the surface's energy in a pair of channels, in a receptive field of some degrees.
 */

const units = 64;
/** Directions in which the border is followed. */
const rays = 48;

const bank: BankSpec = { frequencies: [0.5, 1.1], orientations: 4, grid: 4, spacing: 1.3 };
const channels = bank.frequencies.length * bank.orientations;

interface Unit {
  /** Angle around the object's centre, and curvature, that it prefers. */
  readonly angle: number;
  readonly curvature: number;
  readonly angleWidth: number;
  readonly curvatureWidth: number;
  /** Share of the border in its drive; the rest is surface. */
  readonly border: number;
  readonly channel: number;
  readonly opponent: number;
  /** Centre of its field, in half images, and the field's deviation. */
  readonly x: number;
  readonly y: number;
  readonly field: number;
  readonly exponent: number;
}

function makeUnit(random: RandomState): Unit {
  return {
    angle: uniform(random, -Math.PI, Math.PI),
    curvature: uniform(random, -0.6, 0.9),
    angleWidth: uniform(random, 0.4, 0.9),
    curvatureWidth: uniform(random, 0.15, 0.35),
    border: uniform(random, 0.3, 0.8),
    channel: random.interval(channels - 1),
    opponent: random.interval(channels - 1),
    x: 0.2 * normal(random),
    y: 0.2 * normal(random),
    field: uniform(random, 0.4, 0.7),
    exponent: uniform(random, 2, 3.5),
  };
}

/** Distance of the border from the silhouette's centre along each ray, in half images, smoothed. */
function borderRadii(
  mask: Uint8Array,
  side: number,
): { radii: Float64Array; x: number; y: number } {
  let [count, x, y] = [0, 0, 0];
  mask.forEach((value, i) => {
    if (value === 0) return;
    count++;
    x += i % side;
    y += Math.floor(i / side);
  });
  [x, y] = count > 0 ? [x / count, y / count] : [side / 2, side / 2];
  const raw = Float64Array.from({ length: rays }, (_, j) => {
    const angle = (2 * Math.PI * j) / rays;
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    let last = 1;
    for (let r = 1; r < side; r++) {
      const [px, py] = [Math.round(x + r * dx), Math.round(y + r * dy)];
      if (px < 0 || py < 0 || px >= side || py >= side) break;
      if (mask[py * side + px]) last = r;
    }
    return last / (side / 2);
  });
  const radii = raw.map((value, j) => {
    const next = raw[(j + 1) % rays];
    const before = raw[(j + rays - 1) % rays];
    return 0.5 * value + 0.25 * (next + before);
  });
  return { radii, x: (2 * x) / side - 1, y: (2 * y) / side - 1 };
}

/** Squashed curvature of the border at each ray: tanh(κ / 6), κ in 1 / half images. */
function curvatures(radii: Float64Array): Float64Array {
  const step = (2 * Math.PI) / rays;
  return radii.map((r, j) => {
    const next = radii[(j + 1) % rays];
    const before = radii[(j + rays - 1) % rays];
    const first = (next - before) / (2 * step);
    const second = (next - 2 * r + before) / (step * step);
    const squared = r * r + first * first;
    return Math.tanh((r * r + 2 * first * first - r * second) / (squared * Math.sqrt(squared)) / 6);
  });
}

/** What the units see of one image. */
interface Seen {
  readonly curvatures: Float64Array;
  /** Centre of the silhouette, in half images. */
  readonly x: number;
  readonly y: number;
  readonly energies: Float64Array;
}

function respond(unit: Unit, { curvatures: border, x, y, energies }: Seen): number {
  let shape = 0;
  border.forEach((curvature, j) => {
    const angle = (2 * Math.PI * j) / rays;
    const near = Math.exp((Math.cos(angle - unit.angle) - 1) / unit.angleWidth ** 2);
    const alike = Math.exp(-0.5 * ((curvature - unit.curvature) / unit.curvatureWidth) ** 2);
    shape = Math.max(shape, near * alike);
  });
  let [own, other, all] = [0, 0, 0.02];
  for (let p = 0; p < energies.length; p += channels) {
    own += energies[p + unit.channel];
    other += energies[p + unit.opponent];
    for (let c = 0; c < channels; c++) all += energies[p + c] / channels;
  }
  const surface = Math.max(0, own - 0.5 * other) / all;
  const off = (x - unit.x) ** 2 + (y - unit.y) ** 2;
  const inField = Math.exp(-0.5 * (off / unit.field ** 2));
  return inField * (unit.border * shape + (1 - unit.border) * surface) ** unit.exponent;
}

/** Drive of the V4 units on images of objects. */
export function driveV4(pictures: readonly ObjectPicture[], retina: Retina): RegionDrive {
  const random = randomStream(populationSeed, 'V4 units');
  const population = Array.from({ length: units }, () => makeUnit(random));
  const energies = channelEnergies(
    pictures.map(({ pixels }) => toContrast(pixels)),
    retina,
    bank,
  );
  const drive = new Float64Array(pictures.length * units);
  pictures.forEach((picture, s) => {
    const { radii, x, y } = borderRadii(picture.mask, retina.side);
    const seen: Seen = { curvatures: curvatures(radii), x, y, energies: energies[s] };
    population.forEach((unit, u) => {
      drive[s * units + u] = respond(unit, seen);
    });
  });
  return { region: 'V4', units, drive };
}

import type { RandomState } from '../../numerics/random/random-state.js';
import { randomStream, uniform } from '../../numerics/random/random-stream.js';
import { standardise } from './band-pass.js';
import { filterField, fourierOfReal, realInverse } from './fourier.js';
import type { ObjectModel, Part } from './object-models.js';
import { populationSeed } from './population-seed.js';

/**
 * Draws an object on a background: Lambertian domes under one light, then clouds where no part
 * covers them.
 */

/** Pixels a side. */
export const objectSide = 128;
const side = objectSide;

/** Pose of an object in an image. */
export interface Pose {
  /** Displacement of its centre from the image's, in half images (4 degrees). */
  readonly tx: number;
  readonly ty: number;
  /** Size over the usual one (half-size .52 of a half image). */
  readonly scale: number;
  /** Rotation in the plane, radians. */
  readonly roll: number;
  /** Width that a turn around the vertical axis leaves, 0 to 1. */
  readonly yaw: number;
}

/** An image, 8-bit grey, and which of its pixels the object covers. */
export interface Rendering {
  readonly pixels: Uint8Array;
  readonly mask: Uint8Array;
  /** Mean absolute difference between the object and the covered background, in 8-bit units. */
  readonly visibility: number;
}

const usualSize = 0.52;
const light = [-0.45, -0.6, 0.66];
/** Side of a field of clouds, from which windows are cut. */
const cloudSide = 256;

let clouds: Float64Array[] | undefined;

/** Eight fields of noise whose amplitude falls with frequency^−1.3, mean 0 and deviation 1; the same in every set. */
function cloudFields(): Float64Array[] {
  clouds ??= Array.from({ length: 8 }, (_, k) => {
    const white = randomStream(populationSeed, `clouds ${k}`).randomSample(cloudSide * cloudSide);
    const gain = (fx: number, fy: number) =>
      fx === 0 && fy === 0 ? 0 : (fx * fx + fy * fy) ** -0.65;
    return standardise(realInverse(filterField(fourierOfReal(white), gain)));
  });
  return clouds;
}

/** A window of clouds as 8-bit grey around a mean of its own. */
function background(random: RandomState): Float64Array {
  const field = cloudFields()[random.interval(7)];
  const [left, top] = random.randint(0, cloudSide, 2);
  const mean = uniform(random, 100, 150);
  const contrast = uniform(random, 8, 24);
  return Float64Array.from({ length: side * side }, (_, i) => {
    const x = (left + (i % side)) % cloudSide;
    const y = (top + Math.floor(i / side)) % cloudSide;
    return mean + contrast * field[y * cloudSide + x];
  });
}

/** Maps pixels to the object's own coordinates: [[xx, xy], [yx, yy]] · (pixel − center). */
interface View {
  readonly centerX: number;
  readonly centerY: number;
  readonly half: number;
  readonly cos: number;
  readonly sin: number;
  readonly yaw: number;
}

function viewOf(pose: Pose): View {
  return {
    centerX: (side / 2) * (1 + pose.tx),
    centerY: (side / 2) * (1 + pose.ty),
    half: (side / 2) * usualSize * pose.scale,
    cos: Math.cos(pose.roll),
    sin: Math.sin(pose.roll),
    yaw: pose.yaw,
  };
}

function shade(model: ObjectModel, part: Part, at: { u: number; v: number; x: number; y: number }) {
  const { a, b, power, depth, albedo } = part;
  const [p, q] = [at.u / a, at.v / b];
  const inside = power === 2 ? 1 - p * p - q * q : 1 - p ** 4 - q ** 4;
  const rise = Math.sqrt(Math.max(0.02, inside));
  // The dome is depth · rise; its normal in the part's own axes.
  const slope = depth / rise;
  const nu = (slope * (power === 2 ? p : 2 * p ** 3)) / a;
  const nv = (slope * (power === 2 ? q : 2 * q ** 3)) / b;
  const [c, s] = [Math.cos(part.angle), Math.sin(part.angle)];
  const lit =
    (light[0] * (nu * c - nv * s) + light[1] * (nu * s + nv * c) + light[2]) /
    Math.sqrt(nu * nu + nv * nv + 1);
  const { cycles, angle, depth: stripeDepth } = model.stripes;
  const stripe = Math.sin(2 * Math.PI * cycles * (at.x * Math.cos(angle) + at.y * Math.sin(angle)));
  return 255 * albedo * (0.35 + 0.65 * Math.max(0, lit)) * (1 + stripeDepth * stripe);
}

function drawPart(model: ObjectModel, part: Part, view: View, out: Float64Array, mask: Uint8Array) {
  const reach = Math.max(part.a, part.b) * view.half * 1.2 + 1;
  const px = part.x * view.yaw;
  const midX = view.centerX + view.half * (px * view.cos - part.y * view.sin);
  const midY = view.centerY + view.half * (px * view.sin + part.y * view.cos);
  const [c, s] = [Math.cos(part.angle), Math.sin(part.angle)];
  for (let y = Math.max(0, Math.floor(midY - reach)); y < Math.min(side, midY + reach); y++) {
    for (let x = Math.max(0, Math.floor(midX - reach)); x < Math.min(side, midX + reach); x++) {
      const [dx, dy] = [(x - view.centerX) / view.half, (y - view.centerY) / view.half];
      const ox = (dx * view.cos + dy * view.sin) / view.yaw;
      const oy = dy * view.cos - dx * view.sin;
      const u = (ox - part.x) * c + (oy - part.y) * s;
      const v = (oy - part.y) * c - (ox - part.x) * s;
      const [p, q] = [(u / part.a) ** 2, (v / part.b) ** 2];
      const inside = part.power === 2 ? 1 - p - q : 1 - p * p - q * q;
      // About one pixel of soft border.
      const cover = Math.min(
        1,
        Math.max(0, 0.5 + inside * Math.min(part.a, part.b) * view.half * 0.5),
      );
      if (cover <= 0) continue;
      const i = y * side + x;
      out[i] += cover * (shade(model, part, { u, v, x: ox, y: oy }) - out[i]);
      if (cover > 0.5) mask[i] = 1;
    }
  }
}

/** The silhouette and surface of an object in a pose, over clouds drawn from `random`. */
export function renderObject(model: ObjectModel, pose: Pose, random: RandomState): Rendering {
  const behind = background(random);
  const out = behind.slice();
  const mask = new Uint8Array(side * side);
  const view = viewOf(pose);
  for (const part of model.parts) drawPart(model, part, view, out, mask);
  let [covered, difference] = [0, 0];
  mask.forEach((value, i) => {
    if (value === 0) return;
    covered++;
    difference += Math.abs(out[i] - behind[i]);
  });
  return {
    pixels: Uint8Array.from(out, (value) => Math.min(255, Math.max(0, Math.round(value)))),
    mask,
    visibility: covered > 0 ? difference / covered : 0,
  };
}

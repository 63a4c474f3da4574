import type { RandomState } from '../../numerics/random/random-state.js';
import type { Raster } from '../../screen/picture.js';
import { type Frame, withPixels } from './frame.js';
import { type MixKind, mixKind, unmixed } from './mix.js';
import {
  affine,
  autocontrast,
  brightness,
  color,
  contrast,
  equalize,
  posterize,
  rotate,
  sharpness,
  solarize,
} from './pillow-operations.js';
import { beta, dirichlet } from './random-mixtures.js';
import { integerSchema, numberSchema } from './transform.js';

/**
 * AugMix (Hendrycks et al. 2020), as google-research/augmix draws and computes it; the names of the parameters are
 * torchvision's.
 */

/** Changes an 8-bit image by a random amount, at most `severity` of ten. */
type Operation = (picture: Raster, severity: number, random: RandomState) => Raster;

/** A level from 0.1 to the severity, scaled so that ten stands for `most`. */
const amount = (random: RandomState, severity: number, most: number) =>
  ((0.1 + (severity - 0.1) * random.double()) * most) / 10;

/** The same with either sign. */
const signed = (random: RandomState, value: number) => (random.double() > 0.5 ? -value : value);

const turned: Operation = (picture, severity, random) =>
  rotate(picture, signed(random, Math.trunc(amount(random, severity, 30))));

const sheared =
  (horizontal: boolean): Operation =>
  (picture, severity, random) => {
    const level = signed(random, amount(random, severity, 0.3));
    return affine(picture, horizontal ? [1, level, 0, 0, 1, 0] : [1, 0, 0, level, 1, 0]);
  };

const shifted =
  (horizontal: boolean): Operation =>
  (picture, severity, random) => {
    const most = (horizontal ? picture.width : picture.height) / 3;
    const level = signed(random, Math.trunc(amount(random, severity, most)));
    return affine(picture, horizontal ? [1, 0, level, 0, 1, 0] : [1, 0, 0, 0, 1, level]);
  };

const enhanced =
  (enhance: (picture: Raster, factor: number) => Raster): Operation =>
  (picture, severity, random) =>
    enhance(picture, amount(random, severity, 1.8) + 0.1);

const operations: readonly Operation[] = [
  autocontrast,
  equalize,
  (picture, severity, random) => posterize(picture, 4 - Math.trunc(amount(random, severity, 4))),
  turned,
  (picture, severity, random) => solarize(picture, 256 - Math.trunc(amount(random, severity, 256))),
  sheared(true),
  sheared(false),
  shifted(true),
  shifted(false),
];

/** These overlap with the corruptions of ImageNet-C. */
const allOperations: readonly Operation[] = [
  ...operations,
  enhanced(color),
  enhanced(contrast),
  enhanced(brightness),
  enhanced(sharpness),
];

/** What AugMix is given. */
export interface AugMixParameters {
  readonly severity: number;
  readonly mixture_width: number;
  /** −1: one to three operations a chain. */
  readonly chain_depth: number;
  readonly alpha: number;
  readonly all_ops: boolean;
}

/** The frame mixed with chains of operations on it: (1 − m) x + m Σ wᵢ chainᵢ(x). */
export function augMix(frame: Frame, parameters: AugMixParameters, random: RandomState): Frame {
  const { mixture_width, chain_depth, alpha, severity } = parameters;
  const known = parameters.all_ops ? allOperations : operations;
  const weights = dirichlet(random, alpha, mixture_width);
  const mixed = beta(random, alpha, alpha);
  const { width, height, pixels } = frame;
  const whole: Raster = { width, height, channels: 3, data: bytesOf(pixels) };
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) out[i] = (1 - mixed) * pixels[i];
  for (const weight of weights) {
    const depth = chain_depth > 0 ? chain_depth : 1 + random.interval(2);
    let chain = whole;
    for (let k = 0; k < depth; k++)
      chain = known[random.interval(known.length - 1)](chain, severity, random);
    const share = (mixed * weight) / 255;
    for (let i = 0; i < out.length; i++) out[i] += share * chain.data[i];
  }
  return withPixels(frame, out);
}

function bytesOf(pixels: Float32Array): Uint8Array {
  const bytes = new Uint8ClampedArray(pixels.length);
  for (let i = 0; i < pixels.length; i++) bytes[i] = 255 * pixels[i];
  return new Uint8Array(bytes.buffer);
}

/** The image and two mixtures of it. */
export const augMixKind: MixKind = mixKind<AugMixParameters>(
  3,
  {
    severity: integerSchema(1, 10, 3),
    mixture_width: integerSchema(1, 16, 3),
    chain_depth: { type: 'integer', minimum: -1, maximum: 16, default: -1, not: { const: 0 } },
    alpha: numberSchema(0.01, 100, 1),
    all_ops: { type: 'boolean', default: false },
  },
  (parameters) => (frames, streams) => {
    const mixtures = frames.map((frame, i) => {
      const random = streams.picture(i);
      return [augMix(frame, parameters, random), augMix(frame, parameters, random)];
    });
    return unmixed([frames, mixtures.map(([one]) => one), mixtures.map(([, other]) => other)]);
  },
);

import { VentralError } from '../../errors/ventral-error.js';
import type { RandomState } from '../../numerics/random/random-state.js';
import { centerCrop, type Window } from '../../screen/crop.js';
import { roundHalfEven } from '../../screen/round-half-even.js';
import { targetSize } from '../../screen/target-size.js';
import { cutFrame, eachLayer, type Frame, resizeFrame } from './frame.js';
import {
  integerFrom,
  logUniformIn,
  ordered,
  pairSchema,
  type Range,
  type Transform,
  type TransformKind,
  transformKind,
  uniformIn,
} from './transform.js';

/** torchvision 0.21: crops and resizes of float tensors. */

const TRIES = 10;

/** The largest part of the middle that has an aspect ratio within the range. */
function middle({ width, height }: Pick<Frame, 'width' | 'height'>, ratio: Range): Window {
  const own = width / height;
  const w = own > ratio[1] ? roundHalfEven(height * ratio[1]) : width;
  const h = own < ratio[0] ? roundHalfEven(width / ratio[0]) : height;
  return {
    left: Math.floor((width - w) / 2),
    top: Math.floor((height - h) / 2),
    width: Math.max(1, w),
    height: Math.max(1, h),
  };
}

/** `RandomResizedCrop.get_params`: area uniform, aspect ratio log-uniform, ten tries, else the middle. */
export function randomWindow(
  size: Pick<Frame, 'width' | 'height'>,
  scale: Range,
  ratio: Range,
  random: RandomState,
): Window {
  const area = size.width * size.height;
  for (let i = 0; i < TRIES; i++) {
    const wanted = area * uniformIn(random, scale);
    const aspect = logUniformIn(random, ratio);
    const width = roundHalfEven(Math.sqrt(wanted * aspect));
    const height = roundHalfEven(Math.sqrt(wanted / aspect));
    if (width === 0 || width > size.width || height === 0 || height > size.height) continue;
    const top = integerFrom(random, 0, size.height - height);
    const left = integerFrom(random, 0, size.width - width);
    return { left, top, width, height };
  }
  return middle(size, ratio);
}

/** The whole image as the network sees it, its aspect ratio not kept. */
const wholePicture: Transform = (frame, _random, side) => resizeFrame(frame, side, side);

const randomResizedCrop = transformKind<{ readonly scale: Range; readonly ratio: Range }>(
  1,
  { scale: pairSchema(1e-6, 1, [0.08, 1]), ratio: pairSchema(0.01, 100, [3 / 4, 4 / 3]) },
  (parameters) => {
    const scale = ordered('RandomResizedCrop.scale', parameters.scale);
    const ratio = ordered('RandomResizedCrop.ratio', parameters.ratio);
    return (frame, random, side) =>
      resizeFrame(cutFrame(frame, randomWindow(frame, scale, ratio, random)), side, side);
  },
  wholePicture,
);

/** Largest side that a recipe may ask for. */
export const MOST_SIDE = 1024;

/** Pixels that a resized image may have: a long and thin one would take any amount of memory. */
const MOST_PIXELS = 2 ** 24;

/** A new size: `size`, or that of what the network sees. */
const sizeKind = (change: (frame: Frame, size: number) => Frame): TransformKind => ({
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: { size: { type: 'integer', minimum: 1, maximum: MOST_SIDE } },
  },
  sizes: true,
  make: (parameters) => (frame, _random, side) =>
    change(frame, (parameters as { readonly size?: number }).size ?? side),
});

const resize = sizeKind((frame, size) => {
  const [width, height] = targetSize(frame, { to: size, mode: 'short-side' });
  if (width * height > MOST_PIXELS) {
    throw new VentralError(
      'training-data-invalid',
      `Resize makes ${width} × ${height} pixels of ${frame.width} × ${frame.height}, which is more than ${MOST_PIXELS}`,
    );
  }
  return resizeFrame(frame, width, height);
});

const crop = sizeKind((frame, size) =>
  eachLayer(
    frame,
    size,
    size,
    (data, channels) =>
      centerCrop(
        { width: frame.width, height: frame.height, channels, data },
        size,
        size,
        'torchvision',
      ).data,
  ),
);

/** Exchanges left and right. */
export function flipped(frame: Frame): Frame {
  const { width, height } = frame;
  return eachLayer(frame, width, height, (data, channels) => {
    const out = new Float32Array(data.length);
    for (let y = 0, o = 0; y < height; y++) {
      for (let x = width - 1; x >= 0; x--) {
        const from = (y * width + x) * channels;
        for (let c = 0; c < channels; c++) out[o++] = data[from + c];
      }
    }
    return out;
  });
}

const flip = transformKind(0.5, {}, () => flipped);

/** By name. */
export const crops = {
  RandomResizedCrop: randomResizedCrop,
  Resize: resize,
  CenterCrop: crop,
  RandomHorizontalFlip: flip,
} satisfies Record<string, TransformKind>;

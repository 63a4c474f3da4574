import { VentralError } from '../../errors/ventral-error.js';
import type { RandomState } from '../../numerics/random/random-state.js';
import type { Window } from '../../screen/crop.js';
import { roundHalfEven } from '../../screen/round-half-even.js';
import { clipped, type Frame, withPixels } from './frame.js';
import {
  integerFrom,
  integerSchema,
  limitSchema,
  logUniformIn,
  ordered,
  pairSchema,
  type Range,
  type TransformKind,
  transformKind,
  uniformIn,
} from './transform.js';

/** Rectangles that hide parts of an image; the foreground stays where it was, seen or not. */

/** The pixels of windows inside the frame, each colour given by `fill`. */
function filled(
  frame: Frame,
  windows: readonly Window[],
  fill: (channel: number) => number,
): Frame {
  const pixels = frame.pixels.slice();
  for (const { left, top, width, height } of windows) {
    for (let y = top; y < top + height; y++) {
      const end = (y * frame.width + left + width) * 3;
      for (let at = (y * frame.width + left) * 3; at < end; at++) pixels[at] = fill(at % 3);
    }
  }
  return withPixels(frame, pixels);
}

const fillSchema = integerSchema(0, 255, 0);
const MOST_HOLES = 1000;

/** albumentations 1.1.0 `Cutout`: squares about uniform centres, moved in at the top and left, cut at the rest. */
const cutoutKind = transformKind<{
  readonly num_holes: number;
  readonly max_h_size: number;
  readonly max_w_size: number;
  readonly fill_value: number;
}>(
  0.5,
  {
    num_holes: integerSchema(1, MOST_HOLES, 8),
    max_h_size: integerSchema(1, 1024, 8),
    max_w_size: integerSchema(1, 1024, 8),
    fill_value: fillSchema,
  },
  ({ num_holes, max_h_size, max_w_size, fill_value }) => {
    const along = (random: RandomState, length: number, size: number) => {
      const middle = integerFrom(random, 0, length);
      const start = Math.min(length, Math.max(0, middle - Math.floor(size / 2)));
      return { start, size: Math.min(length, start + size) - start };
    };
    return (frame, random) => {
      const windows = Array.from({ length: num_holes }, (): Window => {
        const y = along(random, frame.height, max_h_size);
        const x = along(random, frame.width, max_w_size);
        return { left: x.start, top: y.start, width: x.size, height: y.size };
      });
      return filled(frame, windows, () => fill_value / 255);
    };
  },
);

interface DropoutParameters {
  readonly max_holes: number;
  readonly max_height: number;
  readonly max_width: number;
  readonly min_holes?: number;
  readonly min_height?: number;
  readonly min_width?: number;
  readonly fill_value: number;
}

/** A whole number of pixels, or a share of the side below 1 (as albumentations tells them apart by their type). */
const extentSchema = {
  type: 'number',
  exclusiveMinimum: 0,
  maximum: 1024,
};

function extent(random: RandomState, length: number, [low, high]: Range): number {
  if (high < 1) return Math.trunc(length * uniformIn(random, [low, high]));
  return Math.min(length, integerFrom(random, low, high));
}

/** Both ends pixels, or both shares. */
function extents(name: string, high: number, low = high): Range {
  const range = ordered(`CoarseDropout.${name}`, [low, high]);
  if (high < 1 || (Number.isInteger(low) && Number.isInteger(high))) return range;
  throw new VentralError(
    'recipe-invalid',
    `CoarseDropout.${name}: expected whole pixels, or shares below 1 at both ends, found ${low} to ${high}`,
    { field: `CoarseDropout.${name}`, found: `[${low}, ${high}]` },
  );
}

/** albumentations 1.1.0 `CoarseDropout`: holes that lie wholly inside; a minimum that is not given is the maximum. */
const coarseDropoutKind = transformKind<DropoutParameters>(
  0.5,
  {
    max_holes: integerSchema(1, MOST_HOLES, 8),
    max_height: { ...extentSchema, default: 8 },
    max_width: { ...extentSchema, default: 8 },
    min_holes: { type: 'integer', minimum: 1, maximum: MOST_HOLES },
    min_height: extentSchema,
    min_width: extentSchema,
    fill_value: fillSchema,
  },
  (parameters) => {
    const { max_holes, min_holes = max_holes, fill_value } = parameters;
    const holes = ordered('CoarseDropout.holes', [min_holes, max_holes]);
    const heights = extents('height', parameters.max_height, parameters.min_height);
    const widths = extents('width', parameters.max_width, parameters.min_width);
    return (frame, random) => {
      const windows = Array.from({ length: integerFrom(random, ...holes) }, (): Window => {
        const height = extent(random, frame.height, heights);
        const width = extent(random, frame.width, widths);
        const top = integerFrom(random, 0, frame.height - height);
        const left = integerFrom(random, 0, frame.width - width);
        return { left, top, width, height };
      });
      return filled(frame, windows, () => fill_value / 255);
    };
  },
);

const TRIES = 10;

/** torchvision's `RandomErasing.get_params`: ten tries, else nothing. */
export function randomErasedWindow(
  frame: Pick<Frame, 'width' | 'height'>,
  scale: Range,
  ratio: Range,
  random: RandomState,
): Window | undefined {
  for (let i = 0; i < TRIES; i++) {
    const area = frame.width * frame.height * uniformIn(random, scale);
    const aspect = logUniformIn(random, ratio);
    const height = roundHalfEven(Math.sqrt(area * aspect));
    const width = roundHalfEven(Math.sqrt(area / aspect));
    if (height >= frame.height || width >= frame.width) continue;
    const top = integerFrom(random, 0, frame.height - height);
    const left = integerFrom(random, 0, frame.width - width);
    return { left, top, width, height };
  }
  return undefined;
}

/** torchvision 0.21 `RandomErasing`; what `random` draws is clipped to [0, 1]. */
const randomErasingKind = transformKind<{
  readonly scale: Range;
  readonly ratio: Range;
  readonly value: number | readonly [number, number, number] | 'random';
}>(
  0.5,
  {
    scale: pairSchema(0, 1, [0.02, 0.33]),
    ratio: pairSchema(0.01, 100, [0.3, 3.3]),
    value: {
      ...limitSchema(0, 1, 0),
      type: ['number', 'array', 'string'],
      minItems: 3,
      maxItems: 3,
      pattern: '^random$',
    },
  },
  (parameters) => {
    const scale = ordered('RandomErasing.scale', parameters.scale);
    const ratio = ordered('RandomErasing.ratio', parameters.ratio);
    const { value } = parameters;
    const draw = (random: RandomState) => clipped(random.standardNormal(1)[0]);
    return (frame, random) => {
      const window = randomErasedWindow(frame, scale, ratio, random);
      if (!window) return frame;
      return filled(frame, [window], (channel) => {
        if (value === 'random') return draw(random);
        return typeof value === 'number' ? value : value[channel];
      });
    };
  },
);

/** By name. */
export const erasing = {
  Cutout: cutoutKind,
  CoarseDropout: coarseDropoutKind,
  RandomErasing: randomErasingKind,
} satisfies Record<string, TransformKind>;

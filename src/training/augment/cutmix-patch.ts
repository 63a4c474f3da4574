import type { RandomState } from '../../numerics/random/random-state.js';
import type { Window } from '../../screen/crop.js';
import { randomWindow } from './crops.js';
import { cutFrame, type Frame, resizeFrame, withPixels } from './frame.js';
import { type Mixed, type MixKind, mixKind } from './mix.js';
import {
  integerFrom,
  logUniformIn,
  ordered,
  pairSchema,
  probabilitySchema,
  type Range,
  uniformIn,
} from './transform.js';

/**
 * CutMixPatch: an object of one image, resized, at a random place of another; labels by what is seen of each.
 * The definition is ours (docs/augmentation.md): the author of the 2022 recipe left nothing of it but the name.
 */

/** What CutMixPatch is given. */
export interface PatchParameters {
  /** Share of the frame that the rectangle about the patch covers before it is clipped. */
  readonly scale: Range;
  /** By how much the aspect ratio of the patch changes. */
  readonly ratio: Range;
  /** Where an image has no mask: share of it that the patch is cut from. */
  readonly crop: Range;
  /** What a label's share is counted in. */
  readonly area: 'foreground' | 'frame';
  readonly p: number;
}

/** A pasted patch: the image, and the share of its label. */
export interface Pasted {
  readonly frame: Frame;
  readonly share: number;
}

const isObject = (value: number) => value >= 0.5;

/** The smallest window that holds the whole object; undefined if none is seen. */
function objectWindow({ mask, width, height }: Frame): Window | undefined {
  if (!mask) return undefined;
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let i = 0; i < mask.length; i++) {
    if (!isObject(mask[i])) continue;
    const x = i % width;
    const y = (i - x) / width;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = y;
  }
  if (right < 0) return undefined;
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** The object of an image, or a part of the image as a whole; resized for a frame of this size. */
function patchOf(source: Frame, parameters: PatchParameters, random: RandomState): Frame {
  const object = objectWindow(source);
  const window = object ?? randomWindow(source, parameters.crop, [3 / 4, 4 / 3], random);
  const cut = cutFrame(source, window);
  const area = source.width * source.height * uniformIn(random, parameters.scale);
  const aspect = (window.width / window.height) * logUniformIn(random, parameters.ratio);
  const within = (length: number, most: number) => Math.min(most, Math.max(1, Math.round(length)));
  const resized = resizeFrame(
    cut,
    within(Math.sqrt(area * aspect), source.width),
    within(Math.sqrt(area / aspect), source.height),
  );
  if (object) return resized;
  const { width, height, pixels } = resized;
  return { width, height, pixels };
}

/** Pastes a patch with its top left corner at (left, top), which may are outside; a patch without mask is all seen. */
export function paste(
  frame: Frame,
  patch: Frame,
  [left, top]: readonly [number, number],
  area: PatchParameters['area'],
): Pasted {
  const pixels = frame.pixels.slice();
  let [pasted, hidden] = [0, 0];
  for (let y = Math.max(0, -top); y < Math.min(patch.height, frame.height - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(patch.width, frame.width - left); x++) {
      const from = y * patch.width + x;
      if (patch.mask && !isObject(patch.mask[from])) continue;
      const to = (top + y) * frame.width + left + x;
      pixels.set(patch.pixels.subarray(from * 3, from * 3 + 3), to * 3);
      pasted++;
      if (frame.mask && isObject(frame.mask[to])) hidden++;
    }
  }
  const inForeground = area === 'foreground' && patch.mask && frame.mask;
  const own = inForeground
    ? frame.mask.reduce((count, value) => count + Number(isObject(value)), 0) - hidden
    : frame.width * frame.height - pasted;
  const share = own + pasted === 0 ? 1 : own / (own + pasted);
  return { frame: withPixels(frame, pixels), share };
}

/** Each image with probability p, its partner from a random permutation of the batch. */
export const cutMixPatchKind: MixKind = mixKind<PatchParameters>(
  1,
  {
    scale: pairSchema(1e-4, 1, [0.1, 0.5]),
    ratio: pairSchema(0.1, 10, [3 / 4, 4 / 3]),
    crop: pairSchema(1e-4, 1, [0.5, 1]),
    area: { type: 'string', enum: ['foreground', 'frame'], default: 'foreground' },
    p: probabilitySchema(0.5),
  },
  (parameters) => {
    for (const name of ['scale', 'ratio', 'crop'] as const)
      ordered(`CutMixPatch.${name}`, parameters[name]);
    return (frames, streams): Mixed => {
      const partners = Int32Array.from(streams.batch.permutation(frames.length));
      const pasted = frames.map((frame, i): Pasted => {
        const random = streams.picture(i);
        if (random.double() >= parameters.p) return { frame, share: 1 };
        const patch = patchOf(frames[partners[i]], parameters, random);
        const place = (length: number, size: number) =>
          integerFrom(random, 0, length - 1) - Math.floor(size / 2);
        const left = place(frame.width, patch.width);
        const top = place(frame.height, patch.height);
        return paste(frame, patch, [left, top], parameters.area);
      });
      return {
        views: [pasted.map(({ frame }) => frame)],
        partners,
        shares: Float64Array.from(pasted, ({ share }) => share),
      };
    };
  },
);

import type { RandomState } from '../../numerics/random/random-state.js';
import type { Window } from '../../screen/crop.js';
import { type Frame, withPixels } from './frame.js';
import { type Mixed, type MixKind, mixKind, unmixed } from './mix.js';
import { beta } from './random-mixtures.js';
import { integerFrom, numberSchema, probabilitySchema } from './transform.js';

/** CutMix (Yun et al. 2019, clovaai/CutMix-PyTorch) and mixup (Zhang et al. 2018, timm), a whole batch alike. */

/** `rand_bbox`: a box of the share 1 − λ about a uniform centre, clipped to the image. */
export function randomBox(
  { width, height }: Pick<Frame, 'width' | 'height'>,
  share: number,
  random: RandomState,
): Window {
  const cut = Math.sqrt(1 - share);
  const along = (length: number) => {
    const half = Math.floor(Math.trunc(length * cut) / 2);
    const middle = integerFrom(random, 0, length - 1);
    const start = Math.max(0, middle - half);
    return [start, Math.min(length, middle + half) - start];
  };
  const [left, w] = along(width);
  const [top, h] = along(height);
  return { left, top, width: w, height: h };
}

/** The frame with a window of another in the same place. */
function withWindow(frame: Frame, other: Frame, window: Window): Frame {
  const { left, top, width, height } = window;
  const pixels = frame.pixels.slice();
  for (let y = top; y < top + height; y++) {
    const from = (y * frame.width + left) * 3;
    pixels.set(other.pixels.subarray(from, from + width * 3), from);
  }
  return withPixels(frame, pixels);
}

/** Box by box: the same box in all images of a batch, each from its partner in a random permutation. */
export const cutMixKind: MixKind = mixKind<{ readonly beta: number; readonly p: number }>(
  1,
  { beta: numberSchema(0.01, 100, 1), p: probabilitySchema(1) },
  (parameters) =>
    (frames, { batch }): Mixed => {
      if (batch.double() >= parameters.p) return unmixed([frames]);
      const share = beta(batch, parameters.beta, parameters.beta);
      const partners = Int32Array.from(batch.permutation(frames.length));
      const box = randomBox(frames[0], share, batch);
      const own = 1 - (box.width * box.height) / (frames[0].width * frames[0].height);
      return {
        views: [frames.map((frame, i) => withWindow(frame, frames[partners[i]], box))],
        partners,
        shares: new Float64Array(frames.length).fill(own),
      };
    },
);

/** λ x + (1 − λ) x', x' from the same batch in reverse order. */
export const mixUpKind: MixKind = mixKind<{ readonly mixup_alpha: number; readonly p: number }>(
  1,
  { mixup_alpha: numberSchema(0.01, 100, 1), p: probabilitySchema(1) },
  ({ mixup_alpha, p }) =>
    (frames, { batch }): Mixed => {
      if (batch.double() >= p) return unmixed([frames]);
      const share = beta(batch, mixup_alpha, mixup_alpha);
      const partners = Int32Array.from(frames, (_, i) => frames.length - 1 - i);
      const mixed = frames.map((frame, i) => {
        const other = frames[partners[i]].pixels;
        return withPixels(
          frame,
          frame.pixels.map((value, k) => share * value + (1 - share) * other[k]),
        );
      });
      return { views: [mixed], partners, shares: new Float64Array(frames.length).fill(share) };
    },
);

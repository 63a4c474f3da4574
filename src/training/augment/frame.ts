import { VentralError } from '../../errors/ventral-error.js';
import { cut, type Window } from '../../screen/crop.js';
import { resizeTorch } from '../../screen/resize-torch.js';
import type { LabelledImage } from '../data/labelled-set.js';

/** An image on its way into a batch. Transformations make a new one and leave the old as it was. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  /** height × width × 3, RGB, row-major, in [0, 1]. */
  readonly pixels: Float32Array;
  /** height × width in [0, 1]: object from ½ on; absent if unknown. */
  readonly mask?: Float32Array;
}

/** 8-bit values as floats: a quotient of float64, rounded once. */
const unit = Float32Array.from({ length: 256 }, (_, value) => value / 255);

function inUnit(bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) out[i] = unit[bytes[i]];
  return out;
}

/** Pixels of an image that is worked on in its own size, in float32. */
const MOST_PIXELS = 2 ** 25;

/** An image of a set as a frame of its own size; throws `training-data-invalid` where it is too large for that. */
export function frameOf({ width, height, pixels, mask }: LabelledImage): Frame {
  if (width * height > MOST_PIXELS) {
    const found = `${width} × ${height}`;
    throw new VentralError(
      'training-data-invalid',
      `It has ${found} pixels; the maximum for augmentation without resizing is ${MOST_PIXELS}`,
      { expected: `at most ${MOST_PIXELS} pixels`, found },
    );
  }
  return { width, height, pixels: inUnit(pixels), ...(mask ? { mask: inUnit(mask) } : {}) };
}

/** The same frame with other pixels and the same mask. */
export function withPixels(frame: Frame, pixels: Float32Array): Frame {
  return { ...frame, pixels };
}

/** Applies `change` to the pixels (3 channels) and, if there is one, to the mask (1 channel). */
export function eachLayer(
  frame: Frame,
  width: number,
  height: number,
  change: (data: Float32Array, channels: number) => Float32Array,
): Frame {
  const { pixels, mask } = frame;
  return {
    width,
    height,
    pixels: change(pixels, 3),
    ...(mask ? { mask: change(mask, 1) } : {}),
  };
}

/** An image of a set as a square frame, its aspect ratio not kept: resized as {@link resizeFrame} does. */
export function squareFrameOf(picture: LabelledImage, side: number): Frame {
  const { width, height, pixels, mask } = picture;
  if (width === side && height === side) return frameOf(picture);
  const resized = (bytes: Uint8Array, channels: number) => {
    const { data } = resizeTorch({ width, height, channels, data: bytes }, side, side, true);
    for (let i = 0; i < data.length; i++) data[i] /= 255;
    return data;
  };
  return {
    width: side,
    height: side,
    pixels: resized(pixels, 3),
    ...(mask ? { mask: resized(mask, 1) } : {}),
  };
}

/** Bilinear with antialias, as torchvision resizes a float tensor (and as a card's `library: torch` does). */
export function resizeFrame(frame: Frame, width: number, height: number): Frame {
  if (frame.width === width && frame.height === height) return frame;
  return eachLayer(
    frame,
    width,
    height,
    (data, channels) =>
      resizeTorch({ width: frame.width, height: frame.height, channels, data }, width, height, true)
        .data,
  );
}

/** The pixels of a window inside the frame. */
export function cutFrame(frame: Frame, window: Window): Frame {
  return eachLayer(
    frame,
    window.width,
    window.height,
    (data, channels) =>
      cut({ width: frame.width, height: frame.height, channels, data }, window).data,
  );
}

/** Writes a frame as three planes, from `offset` on, clipped to [0, 1]. */
export function writePlanes(
  { width, height, pixels }: Frame,
  planes: Float32Array,
  offset: number,
): void {
  const area = width * height;
  const [green, blue] = [offset + area, offset + 2 * area];
  for (let i = 0, from = 0; i < area; i++, from += 3) {
    planes[offset + i] = clipped(pixels[from]);
    planes[green + i] = clipped(pixels[from + 1]);
    planes[blue + i] = clipped(pixels[from + 2]);
  }
}

/** Into [0, 1]. */
export function clipped(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

import { VentralError } from '../../errors/ventral-error.js';
import { type FrameLayout, frameReadings, isFrameLayout } from '../../onnx/input-layout.js';
import type { FloatRaster, Raster } from '../../screen/picture.js';
import { type InputSpec, normaliseInto } from '../../screen/preprocess.js';

/** Clips: what a network of videos takes in place of one image. */

/** Makes the refusal of an input. */
export type RefuseInput = (expected: string, found: string) => VentralError;

/** Frames of a clip, at most. */
export const MOST_FRAMES = 512;
/** Bytes of the clips of one call as float32, at most: those of a few calls are in memory at once. */
const MOST_BYTES = 256 * 2 ** 20;

type ClipSpec = Pick<InputSpec, 'frames'> & { readonly layout?: InputSpec['layout'] };

/**
 * The order of five axes: as the card says, else the only one that the shape allows.
 * @param shown the input as messages show it
 * @throws VentralError `input-mismatch` where the card says an order of four axes, or nothing and the shape allows several
 */
export function frameLayout(
  dims: readonly (number | null)[],
  { layout }: ClipSpec,
  shown: string,
  refuse: RefuseInput,
): FrameLayout {
  const readings = frameReadings(dims);
  if (readings.length === 0) throw refuse('an input of 3 channels', shown);
  const lines = readings.map((each) => `layout: ${each}`).join(' or ');
  if (layout === undefined) {
    if (readings.length === 1) return readings[0];
    throw refuse(`${lines} under input in the card`, `${shown}, which can be read either way`);
  }
  if (isFrameLayout(layout)) return layout;
  throw refuse(`${lines} under input in the card`, `layout: ${layout} for ${shown}`);
}

/**
 * The number of frames: as the graph fixes it, else as the card says.
 * @throws VentralError `input-mismatch` where neither says it, they disagree, or there are too many
 */
export function frameCount(
  fixed: number | null,
  { frames }: ClipSpec,
  shown: string,
  refuse: RefuseInput,
): number {
  if (fixed !== null && frames !== undefined && fixed !== frames)
    throw refuse(`${fixed} frames, from the graph`, `frames: ${frames} in the card`);
  const count = fixed ?? frames;
  if (count === undefined)
    throw refuse('frames: N under input in the card', `${shown}, which leaves their number free`);
  if (count < 1 || count > MOST_FRAMES)
    throw refuse(`1 to ${MOST_FRAMES} frames`, `${count} in ${shown}`);
  return count;
}

/**
 * @param clips in one call
 * @throws VentralError `memory-exceeded` for clips too large to be held a few calls at a time
 */
export function requireClipSize(
  clips: number,
  frames: number,
  { width, height }: { readonly width: number; readonly height: number },
  model: string,
): void {
  const bytes = 4 * 3 * clips * frames * width * height;
  if (bytes <= MOST_BYTES) return;
  const mib = (count: number) => `${Math.ceil(count / 2 ** 20)} MiB`;
  const what = clips === 1 ? 'a clip' : `a batch of ${clips} clips`;
  throw new VentralError(
    'memory-exceeded',
    `${model}: ${what} of ${frames} frames of ${width} × ${height} pixels takes ${mib(bytes)}, expected at most ${mib(MOST_BYTES)}`,
    { file: model, field: 'input', expected: mib(MOST_BYTES), found: mib(bytes) },
  );
}

/**
 * Which of the frames that there are a network gets. `even`: the one in the middle of each of as many equal parts as it takes, so
 * that fewer frames are repeated equally often. `consecutive`: a run from the middle; of fewer frames all, and the last one again.
 * @param there frames of the stimulus; 1 for an image, which is repeated
 */
export function frameIndices(
  there: number,
  wanted: number,
  sampling: NonNullable<InputSpec['sampling']>,
): number[] {
  const first = Math.max(0, Math.floor((there - wanted) / 2));
  return Array.from({ length: wanted }, (_, i) =>
    sampling === 'consecutive'
      ? Math.min(first + i, there - 1)
      : Math.floor(((2 * i + 1) * there) / (2 * wanted)),
  );
}

/**
 * Writes the network's input for one clip, the frames in their order, into `out` (frames × 3 × height × width values in the
 * card's layout). A network of images has clips of one frame.
 */
export function writeClip(
  frames: readonly (Raster | FloatRaster)[],
  spec: InputSpec,
  out: Float32Array | Uint8Array,
): void {
  const one = out.length / frames.length;
  const area = one / 3;
  const apart = spec.layout === 'NCTHW' && frames.length > 1;
  const frame = apart ? out.slice(0, one) : undefined;
  frames.forEach((pixels, t) => {
    const place = frame ?? out.subarray(t * one, (t + 1) * one);
    const isRepeated = t > 0 && pixels === frames[t - 1];
    if (!isRepeated) normaliseInto(pixels, spec, place);
    else if (!frame) out.copyWithin(t * one, (t - 1) * one, t * one);
    if (!frame) return;
    for (let c = 0; c < 3; c++)
      out.set(frame.subarray(c * area, (c + 1) * area), (c * frames.length + t) * area);
  });
}

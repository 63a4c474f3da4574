import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { inLayout } from '../../onnx/input-layout.js';
import type { Tensor } from '../../runtime/session.js';
import { decodeImage } from '../../screen/decode.js';
import type { FloatRaster, Raster } from '../../screen/picture.js';
import { pixelsOnScreen } from '../../screen/place-on-screen.js';
import { toGreyOrRgb } from '../../screen/preprocess.js';
import type { ModelCard } from '../card/card.js';
import { frameIndices, requireClipSize, writeClip } from './clip.js';
import { toHalf } from './half.js';
import type { InputPlan } from './input-plan.js';
import type { PreparedSet } from './prepared-stimuli.js';
import type { Shown } from './shown.js';

/** Which frame of a stimulus, by its position, and who learns how large it is in its file. */
interface FrameRequest {
  readonly frame?: number;
  readonly decoded?: (size: { readonly width: number; readonly height: number }) => void;
}

/**
 * The picture of a row, grey or RGB, after screen, resize and crop; of a clip its first frame, or the one asked for.
 * @throws VentralError `image-…`, `degrees-mismatch`, `input-mismatch`
 */
export async function prepareStimulus(
  { stimuli, degrees }: Shown,
  row: number,
  { input, visual_degrees }: ModelCard,
  { frame = 0, decoded }: FrameRequest = {},
): Promise<Raster | FloatRaster> {
  const picture = stimuli.computed
    ? { ...stimuli.computed.pixels(row), channels: 1, mode: 'L' as const }
    : await decodeImage(await stimuli.read(row, frame), stimuli.filename(row, frame));
  decoded?.(picture);
  if (!degrees) return toGreyOrRgb(picture, input);
  const angle = { target: visual_degrees, source: degrees[row] };
  const placed = pixelsOnScreen(picture, angle, { shared: true });
  const pixels = toGreyOrRgb(placed, input);
  // Where nothing was resized or cut these are the shared pixels themselves.
  const isShared = pixels.data.buffer === placed.data.buffer && placed.data !== picture.data;
  return isShared ? { ...placed, data: placed.data.slice() } : pixels;
}

/**
 * Batches that are made beside the one that the network works on. The runtime holds the thread meanwhile, and an image needs the
 * thread several times: for each step of reading its file, to be decoded, and to be placed and resized.
 */
const AHEAD = { least: 2, most: 4 };
/** Bytes of images as they are in their files that may be in memory for more than the least. */
const ROOM = 64 * 2 ** 20;
/** Batches in memory at the least: those, and the one that the network works on. */
export const BATCHES_AT_ONCE = AHEAD.least + 1;

/** Rows of a stimulus set, from `first` on, as the network takes them. */
export interface StimulusBatch {
  readonly first: number;
  readonly input: Tensor;
}

/** Turns rows of a stimulus set into the network's input tensors: decode, screen, resize, crop, normalise. */
export class StimulusFeed {
  readonly #shown: Shown;
  readonly #card: ModelCard;
  readonly #prepared: PreparedSet | undefined;
  readonly plan: InputPlan;
  /** Of the tensor that the network reads; batches ahead of it are pixels. */
  #memory: Float32Array | Uint8Array | undefined;
  /** Bytes of the largest image, as it is in its file. */
  #largest = 0;
  #size: { readonly width: number; readonly height: number; readonly row: number } | undefined;

  constructor(shown: Shown, card: ModelCard, plan: InputPlan, prepared?: PreparedSet) {
    this.#shown = shown;
    this.#card = card;
    this.plan = plan;
    this.#prepared = prepared;
  }

  /**
   * All batches in order; the last image is repeated at the end of the set. A batch is valid until the next one is
   * requested. When iteration ends, nothing reads the stimuli.
   */
  async *batches(): AsyncGenerator<StimulusBatch> {
    const rows = this.#shown.stimuli.ids.length;
    const { batch } = this.plan;
    const asked: Promise<Clip[]>[] = [];
    let next = 0;
    const ask = () => {
      for (; next < rows && asked.length < this.#ahead(); next += batch) {
        const made = this.#batch(next);
        made.catch(() => {});
        asked.push(made);
      }
    };
    try {
      for (let first = 0; first < rows; first += batch) {
        ask();
        const clips = await asked[0];
        asked.shift();
        const input = this.#tensor(clips);
        ask();
        yield { first, input };
      }
    } finally {
      await Promise.allSettled(asked);
    }
  }

  /** Batches that are made beside one, the more the smaller their images are. */
  #ahead(): number {
    const { batch, spec } = this.plan;
    if (spec.frames !== undefined) return AHEAD.least;
    const fitting = Math.floor(ROOM / (batch * this.#largest));
    return Math.max(AHEAD.least, Math.min(AHEAD.most, fitting));
  }

  #batch(first: number): Promise<Clip[]> {
    const rows = this.#shown.stimuli.ids.length;
    const count = Math.min(this.plan.batch, rows - first);
    return Promise.all(Array.from({ length: count }, (_, i) => this.#clip(first + i)));
  }

  #tensor(clips: readonly Clip[]): Tensor {
    const { batch, dtype } = this.plan;
    const { layout, frames = 1 } = this.plan.spec;
    const [[{ width, height }]] = clips;
    const length = frames * width * height * 3;
    this.#memory ??=
      dtype === 'uint8' ? new Uint8Array(batch * length) : new Float32Array(batch * length);
    const data = this.#memory;
    clips.forEach((clip, i) => {
      writeClip(clip, this.plan.spec, data.subarray(i * length, (i + 1) * length));
    });
    for (let i = clips.length; i < batch; i++)
      data.copyWithin(i * length, (clips.length - 1) * length, clips.length * length);
    const dims = inLayout(layout, { N: batch, C: 3, T: frames, H: height, W: width });
    return dtype === 'float16'
      ? { dtype, dims, data: toHalf(data as Float32Array) }
      : { dtype, dims, data };
  }

  /** The frames that the network gets of a stimulus; one after the other, since a frame may be large in its file. */
  async #clip(row: number): Promise<Clip> {
    const { stimuli } = this.#shown;
    const { frames, sampling = 'even' } = this.plan.spec;
    const there = stimuli.frames?.(row) ?? 1;
    if (frames === undefined && there > 1) throw clipForImages(String(stimuli.ids[row]), there);
    const indices = frameIndices(there, frames ?? 1, sampling);
    const taken: Clip = [];
    const like = sameFrameSizes(String(stimuli.ids[row]));
    for (const [i, frame] of indices.entries()) {
      const slot = stimuli.frames ? row * indices.length + i : row;
      const isSame = i > 0 && frame === indices[i - 1];
      taken.push(isSame ? taken[i - 1] : await this.#pixels({ row, frame, slot }, like));
    }
    return taken;
  }

  async #pixels(at: FramePlace, decoded: FrameRequest['decoded']) {
    const pixels = this.#prepared?.get(at.slot) ?? (await this.#prepare(at, decoded));
    this.#checkSize(pixels, at);
    return pixels;
  }

  async #prepare({ row, frame, slot }: FramePlace, decoded: FrameRequest['decoded']) {
    const seen: FrameRequest['decoded'] = (size) => {
      this.#largest = Math.max(this.#largest, size.width * size.height * BYTES_A_PIXEL);
      decoded?.(size);
    };
    const pixels = await prepareStimulus(this.#shown, row, this.#card, { frame, decoded: seen });
    this.#prepared?.put(slot, pixels);
    return pixels;
  }

  #checkSize(
    { width, height }: { width: number; height: number },
    { row, frame }: FramePlace,
  ): void {
    const { width: w, height: h, spec, name: input, batch } = this.plan;
    const first = this.#size ?? { width: w ?? width, height: h ?? height, row };
    if (!this.#size && spec.frames !== undefined) requireClipSize(batch, spec.frames, first, input);
    this.#size = first;
    if (width === first.width && height === first.height) return;
    const name = this.#shown.stimuli.filename(row, frame);
    const expected = `${first.width} × ${first.height} pixels`;
    throw new VentralError(
      'input-mismatch',
      `${name} has ${width} × ${height} pixels after preprocessing, the network takes ${expected}: add a resize or crop to the card`,
      { file: name, field: 'input', expected, found: `${width} × ${height} pixels` },
    );
  }
}

/** Of a decoded image, its transparency too. */
const BYTES_A_PIXEL = 4;

/** The frames of a stimulus, of an image one. */
type Clip = (Raster | FloatRaster)[];

/** A frame of a stimulus, and the slot in which its pixels are kept. */
interface FramePlace {
  readonly row: number;
  readonly frame: number;
  readonly slot: number;
}

const clipForImages = (id: string, frames: number) =>
  new VentralError(
    'input-mismatch',
    `The stimulus ${quoted(id)} is a clip of ${frames} frames, and the network takes images: score a network with an axis of frames, or name one frame of each clip in the table`,
    { field: id, expected: 'an image', found: `${frames} frames` },
  );

/** Sees the frames of a stimulus one after the other; throws `input-mismatch` at one of another size than the first. */
export function sameFrameSizes(id: string): NonNullable<FrameRequest['decoded']> {
  let first: string | undefined;
  return ({ width, height }) => {
    const size = `${width} × ${height} pixels`;
    first ??= size;
    if (size === first) return;
    throw new VentralError(
      'input-mismatch',
      `The frames of the stimulus ${quoted(id)} differ in size: expected ${first} as its first, found ${size}`,
      { field: id, expected: first, found: size },
    );
  };
}

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
 * Batches that are made beside the one that the network works on. The runtime holds the thread meanwhile, and a
 * image needs the thread twice: to be decoded when its file is read, and to become pixels of the input.
 */
const AHEAD = 2;
/** Batches in memory: those, and the one that the network works on. */
export const BATCHES_AT_ONCE = AHEAD + 1;

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
  /** Memory of batches, which serve in turn: some are filled while the network reads one. */
  readonly #memory: (Float32Array | Uint8Array)[] = [];
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
    const asked: Promise<Tensor>[] = [];
    const ask = (first: number) => {
      if (first >= rows) return;
      const made = this.#batch(first);
      made.catch(() => {});
      asked.push(made);
    };
    try {
      for (let i = 0; i < AHEAD; i++) ask(i * batch);
      for (let first = 0; first < rows; first += batch) {
        const input = await asked[0];
        asked.shift();
        ask(first + AHEAD * batch);
        yield { first, input };
      }
    } finally {
      await Promise.allSettled(asked);
    }
  }

  async #batch(first: number): Promise<Tensor> {
    const { batch, dtype } = this.plan;
    const rows = this.#shown.stimuli.ids.length;
    const { layout, frames = 1 } = this.plan.spec;
    const clips = await Promise.all(
      Array.from({ length: Math.min(batch, rows - first) }, (_, i) => this.#clip(first + i)),
    );
    const [{ width, height }] = clips[0];
    const length = frames * width * height * 3;
    const data = this.#slot(first / batch, batch * length);
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

  /** By the batch's own number: they need not be decoded in their order. */
  #slot(batch: number, length: number): Float32Array | Uint8Array {
    const slot = batch % BATCHES_AT_ONCE;
    this.#memory[slot] ??=
      this.plan.dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
    return this.#memory[slot];
  }

  /** The frames that the network gets of a stimulus; one after the other, since a frame may be large in its file. */
  async #clip(row: number): Promise<(Raster | FloatRaster)[]> {
    const { stimuli } = this.#shown;
    const { frames, sampling = 'even' } = this.plan.spec;
    const there = stimuli.frames?.(row) ?? 1;
    if (frames === undefined && there > 1) throw clipForImages(String(stimuli.ids[row]), there);
    const indices = frameIndices(there, frames ?? 1, sampling);
    const taken: (Raster | FloatRaster)[] = [];
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
    const asked = { frame, ...(decoded && { decoded }) };
    const pixels = await prepareStimulus(this.#shown, row, this.#card, asked);
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

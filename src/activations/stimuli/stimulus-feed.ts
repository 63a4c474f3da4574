import { VentralError } from '../../errors/ventral-error.js';
import type { Tensor } from '../../runtime/session.js';
import { decodeImage } from '../../screen/decode.js';
import type { FloatRaster, Raster } from '../../screen/picture.js';
import { pixelsOnScreen } from '../../screen/place-on-screen.js';
import { normaliseInto, toGreyOrRgb } from '../../screen/preprocess.js';
import type { ModelCard } from '../card/card.js';
import { toHalf } from './half.js';
import type { InputPlan } from './input-plan.js';
import type { PreparedSet } from './prepared-stimuli.js';
import type { Shown } from './shown.js';

/**
 * The picture of a row, grey or RGB, after screen, resize and crop.
 * @throws VentralError `image-…`, `degrees-mismatch`, `input-mismatch`
 */
export async function prepareStimulus(
  { stimuli, degrees }: Shown,
  row: number,
  { input, visual_degrees }: ModelCard,
): Promise<Raster | FloatRaster> {
  const picture = stimuli.computed
    ? { ...stimuli.computed.pixels(row), channels: 1, mode: 'L' as const }
    : await decodeImage(await stimuli.read(row), stimuli.filename(row));
  const placed = degrees
    ? pixelsOnScreen(picture, { target: visual_degrees, source: degrees[row] })
    : picture;
  return toGreyOrRgb(placed, input);
}

/**
 * Batches that are made beside the one that the network works on. The runtime holds the thread meanwhile, and a
 * image needs the thread twice: to be decoded when its file is read, and to become pixels of the input.
 */
const AHEAD = 2;

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
    const pictures = await Promise.all(
      Array.from({ length: Math.min(batch, rows - first) }, (_, i) => this.#pixels(first + i)),
    );
    const { width, height } = pictures[0];
    const length = width * height * 3;
    const data = this.#slot(first / batch, batch * length);
    pictures.forEach((pixels, i) => {
      normaliseInto(pixels, this.plan.spec, data.subarray(i * length, (i + 1) * length));
    });
    for (let i = pictures.length; i < batch; i++)
      data.copyWithin(i * length, (pictures.length - 1) * length, pictures.length * length);
    const dims =
      this.plan.spec.layout === 'NCHW' ? [batch, 3, height, width] : [batch, height, width, 3];
    return dtype === 'float16'
      ? { dtype, dims, data: toHalf(data as Float32Array) }
      : { dtype, dims, data };
  }

  /** By the batch's own number: they need not be decoded in their order. */
  #slot(batch: number, length: number): Float32Array | Uint8Array {
    const slot = batch % (AHEAD + 1);
    this.#memory[slot] ??=
      this.plan.dtype === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
    return this.#memory[slot];
  }

  async #pixels(row: number) {
    const pixels = this.#prepared?.get(row) ?? (await this.#prepare(row));
    this.#checkSize(pixels, row);
    return pixels;
  }

  async #prepare(row: number) {
    const pixels = await prepareStimulus(this.#shown, row, this.#card);
    this.#prepared?.put(row, pixels);
    return pixels;
  }

  #checkSize({ width, height }: { width: number; height: number }, row: number): void {
    const { width: w, height: h } = this.plan;
    const first = this.#size ?? { width: w ?? width, height: h ?? height, row };
    this.#size = first;
    if (width === first.width && height === first.height) return;
    const name = this.#shown.stimuli.filename(row);
    const expected = `${first.width} × ${first.height} pixels`;
    throw new VentralError(
      'input-mismatch',
      `${name} has ${width} × ${height} pixels after preprocessing, the network takes ${expected}: add a resize or crop to the card`,
      { file: name, field: 'input', expected, found: `${width} × ${height} pixels` },
    );
  }
}

import { VentralError } from '../../errors/ventral-error.js';
import type { LabelledImage, LabelledSet } from '../data/labelled-set.js';
import { type Frame, frameOf, squareFrameOf, writePlanes } from './frame.js';
import { ImageCache } from './image-cache.js';
import { type Mixed, unmixed } from './mix.js';
import { RandomStreams } from './random-streams.js';
import type { FeedSpec, TrainingBatch } from './training-batch.js';
import { mixOf, type NamedMix, type NamedTransform, transformsOf } from './transforms.js';

/** Which batch to make. */
export interface BatchRequest {
  readonly epoch: number;
  /** Of the epoch, from 0. */
  readonly number: number;
  /** Positions in the set. */
  readonly indices: Int32Array;
}

/** Images as they are, for validation and test. */
export interface ExampleBatch {
  /** [batch, 3, side, side] in [0, 1]; 0 behind the last example. */
  readonly pictures: Float32Array;
  /** Class of each example; −1 behind the last. */
  readonly labels: Int32Array;
  /** Positions in the set; −1 behind the last. */
  readonly indices: Int32Array;
  /** Examples that are there: the batch, but for the last one. */
  readonly count: number;
}

/** Bytes of images that a feed keeps, all of its workers together. */
const KEPT_BYTES = 128 * 2 ** 20;

/** Makes batches of a set: what it makes depends on the request, the set and the spec alone. */
export class BatchMaker {
  readonly #transforms: readonly NamedTransform[];
  readonly #mix: NamedMix | undefined;
  readonly #pictures: ImageCache;

  readonly #set: LabelledSet;
  readonly #spec: FeedSpec;

  /** @param spec with every default written out */
  constructor(set: LabelledSet, spec: FeedSpec) {
    this.#set = set;
    this.#spec = spec;
    this.#transforms = transformsOf(spec.augment);
    this.#mix = mixOf(spec.mix);
    this.#pictures = new ImageCache(set, KEPT_BYTES / Math.max(1, spec.workers));
  }

  /**
   * A batch to train on.
   * @throws what reading a picture throws, and says which picture it was
   */
  async make({ epoch, number, indices }: BatchRequest): Promise<TrainingBatch> {
    const streams = new RandomStreams(this.#spec.seed, epoch);
    const frames: Frame[] = [];
    for (const index of indices) frames.push(await this.#augmented(index, streams));
    const mixed = this.#mixed(frames, indices, number, streams);
    const labels = Int32Array.from(indices, (index) => this.#set.labels[index]);
    return {
      pictures: this.#planes(mixed.views),
      views: mixed.views.length as 1 | 3,
      targets: this.#targets(labels, mixed),
      labels,
      indices: indices.slice(),
    };
  }

  /** Examples brought to the size of the network and nothing else; at most a batch of them. */
  async examples(indices: Int32Array): Promise<ExampleBatch> {
    const { side, batch } = this.#spec;
    const frames: Frame[] = [];
    for (const index of indices)
      frames.push(await this.#named(index, (stored) => squareFrameOf(stored, side)));
    const padded = new Int32Array(batch).fill(-1);
    padded.set(indices);
    return {
      pictures: this.#planes([frames]),
      labels: padded.map((index) => (index < 0 ? -1 : this.#set.labels[index])),
      indices: padded,
      count: indices.length,
    };
  }

  async #augmented(index: number, streams: RandomStreams): Promise<Frame> {
    const { side } = this.#spec;
    // A list that says how images get their size has all of it; any other works on the size of the network.
    const sizes = this.#transforms.some((each) => each.sizes);
    const frame = await this.#named(index, (stored) =>
      this.#transforms.reduce(
        (before, { name, transform }, place) =>
          transform(before, streams.picture(index, `${name} ${place}`), side),
        sizes ? frameOf(stored) : squareFrameOf(stored, side),
      ),
    );
    if (frame.width === side && frame.height === side) return frame;
    const found = `${frame.width} × ${frame.height}`;
    throw new VentralError(
      'recipe-invalid',
      `augment: expected images of ${side} × ${side} pixels after the last transformation, found ${found} ` +
        `for image ${index}; end with CenterCrop or RandomResizedCrop`,
      { field: 'augment', expected: `${side} × ${side}`, found },
    );
  }

  /** What becomes of an image; an error that names no file says which image it was. */
  async #named(index: number, change: (stored: LabelledImage) => Frame): Promise<Frame> {
    try {
      return change(await this.#pictures.picture(index));
    } catch (thrown) {
      const error = VentralError.from(thrown);
      if (error.details.file !== undefined) throw error;
      const details = { ...error.details, cause: thrown };
      throw new VentralError(error.code, `Image ${index} of the set: ${error.message}`, details);
    }
  }

  #mixed(
    frames: readonly Frame[],
    indices: Int32Array,
    number: number,
    streams: RandomStreams,
  ): Mixed {
    if (!this.#mix) return unmixed([frames]);
    const { name, mix } = this.#mix;
    return mix(frames, {
      batch: streams.batch(number, name),
      picture: (inBatch) => streams.picture(indices[inBatch], name),
    });
  }

  #planes(views: readonly (readonly Frame[])[]): Float32Array {
    const { side, batch } = this.#spec;
    const each = 3 * side * side;
    const planes = new Float32Array(views.length * batch * each);
    views.forEach((frames, view) => {
      frames.forEach((frame, i) => {
        writePlanes(frame, planes, (view * batch + i) * each);
      });
    });
    return planes;
  }

  /** Smoothed one-hot rows, mixed as the images are. */
  #targets(labels: Int32Array, { partners, shares }: Mixed): Float32Array {
    const classes = this.#set.classes.length;
    const smoothing = this.#spec.label_smoothing;
    const targets = new Float32Array(labels.length * classes).fill(smoothing / classes);
    labels.forEach((label, i) => {
      targets[i * classes + label] += (1 - smoothing) * shares[i];
      targets[i * classes + labels[partners[i]]] += (1 - smoothing) * (1 - shares[i]);
    });
    return targets;
  }
}

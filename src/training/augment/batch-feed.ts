import { Piscina } from 'piscina';
import { VentralError } from '../../errors/ventral-error.js';
import { programFile } from '../../formats/package-root.js';
import type { LabelledSet, LabelledSource } from '../data/labelled-set.js';
import { openLabelledSet } from '../data/open-labelled-set.js';
import type { BatchAnswer, BatchTask, BatchWorkerData } from './batch-worker.js';
import { BatchMaker, type ExampleBatch } from './make-batch.js';
import { RandomStreams } from './random-streams.js';
import type { FeedSpec, TrainingBatch } from './training-batch.js';
import { completeFeed } from './transforms.js';

/** Which images of a set a feed goes through; all of them unless said. */
export interface FeedPart {
  /** Positions in the set. */
  readonly indices?: Int32Array;
}

/** Batches that each worker is ahead of who takes them. */
const AHEAD = 2;

const filename = programFile('training/augment/batch-worker.js');

/**
 * Batches of a set, epoch by epoch, made beside the training step. The same set, part and spec give the same bits
 * with any number of workers. Close it when done.
 */
export class BatchFeed {
  readonly #piscina: Piscina<BatchTask, BatchAnswer> | undefined;
  readonly #maker: BatchMaker;
  #closed = false;

  private constructor(
    /** The whole set: a feed of a part has positions in it, too. */
    readonly set: LabelledSet,
    /** Positions of the part. */
    readonly indices: Int32Array,
    /** With every default written out. */
    readonly spec: FeedSpec,
    workerData: BatchWorkerData | undefined,
  ) {
    this.#maker = new BatchMaker(set, spec);
    if (!workerData || spec.workers === 0) return;
    this.#piscina = new Piscina({
      filename,
      workerData,
      minThreads: 0,
      maxThreads: spec.workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Workers wait for files: they may not sleep in Atomics.wait.
      atomics: 'disabled',
    });
  }

  /**
   * Opens a set and makes ready to feed it; the feed closes the set.
   * @throws VentralError `training-data-invalid` where the set cannot be opened or the part is not in it, and
   *   `recipe-invalid` where the spec is wrong
   */
  static async open(
    source: LabelledSource,
    folder: string,
    part: FeedPart,
    spec: FeedSpec,
  ): Promise<BatchFeed> {
    const complete = completeFeed(spec);
    const set = await openLabelledSet(source, folder);
    try {
      const indices = checkedPart(part, set);
      return new BatchFeed(set, indices, complete, {
        source,
        folder,
        digest: set.digest,
        spec: complete,
      });
    } catch (error) {
      await set.close();
      throw error;
    }
  }

  /** A feed of a set that is open already, made in this thread; the feed closes the set. */
  static of(set: LabelledSet, part: FeedPart, spec: Omit<FeedSpec, 'workers'>): BatchFeed {
    const complete = completeFeed({ ...spec, workers: 0 });
    return new BatchFeed(set, checkedPart(part, set), complete, undefined);
  }

  /** Batches of an epoch: all are full; leftover images are not shown in this epoch. */
  get batches(): number {
    return Math.floor(this.indices.length / this.spec.batch);
  }

  /**
   * The batches of an epoch in their order. Leaving early ends what is being made.
   * @throws what reading a picture throws, and `interrupted` where the feed is closed meanwhile
   * @param from the batch to start with, of a run that continues
   */
  epoch(number: number, from = 0): AsyncIterable<TrainingBatch> {
    const order = new RandomStreams(this.spec.seed, number).order();
    const positions = Int32Array.from(order.permutation([...this.indices]));
    const { batch } = this.spec;
    return this.#made<TrainingBatch>(
      Array.from({ length: this.batches }, (_, i) => ({
        batch: { epoch: number, number: i, indices: positions.slice(i * batch, (i + 1) * batch) },
      })).slice(from),
    );
  }

  /**
   * Images as they are, brought to the size of the network, in the given order: for validation and test. The last
   * batch is filled up and says how many are there.
   * @param indices positions in the set; those of the part unless said
   */
  examples(indices: Int32Array = this.indices): AsyncIterable<ExampleBatch> {
    const { batch } = this.spec;
    const checked = checkedPart({ indices }, this.set);
    return this.#made<ExampleBatch>(
      Array.from({ length: Math.ceil(checked.length / batch) }, (_, i) => ({
        examples: checked.slice(i * batch, (i + 1) * batch),
      })),
    );
  }

  async *#made<T extends TrainingBatch | ExampleBatch>(
    tasks: readonly BatchTask[],
  ): AsyncGenerator<T, void, undefined> {
    const most = Math.max(1, AHEAD * this.spec.workers);
    const running: Promise<T>[] = [];
    let next = 0;
    try {
      for (let i = 0; i < tasks.length; i++) {
        while (next < tasks.length && running.length < most) {
          const made = this.#make<T>(tasks[next++]);
          // It is awaited when its turn comes, and may fail before that.
          made.catch(() => {});
          running.push(made);
        }
        yield await (running.shift() as Promise<T>);
      }
    } finally {
      await Promise.allSettled(running);
    }
  }

  async #make<T extends TrainingBatch | ExampleBatch>(task: BatchTask): Promise<T> {
    this.#refuseClosed();
    if (!this.#piscina) {
      const made =
        'batch' in task
          ? await this.#maker.make(task.batch)
          : await this.#maker.examples(task.examples);
      return made as T;
    }
    try {
      const answer = await this.#piscina.run(task);
      if ('made' in answer) return answer.made as T;
      throw new VentralError(answer.code, answer.message, answer.details);
    } catch (error) {
      this.#refuseClosed();
      throw error;
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw new VentralError('interrupted', 'The feed of batches was closed');
  }

  /** Ends the workers, whatever they are at, and closes the set. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#piscina?.destroy();
    await this.set.close();
  }
}

function checkedPart({ indices }: FeedPart, { labels }: LabelledSet): Int32Array {
  if (!indices) return Int32Array.from(labels, (_, i) => i);
  const outside = indices.find((index) => index < 0 || index >= labels.length);
  if (outside === undefined) return indices.slice();
  throw new VentralError(
    'training-data-invalid',
    `The set has no image ${outside}: it has ${labels.length}`,
    { expected: `positions below ${labels.length}`, found: String(outside) },
  );
}

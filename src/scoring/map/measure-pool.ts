import { Piscina } from 'piscina';
import type { ModelCard } from '../../activations/card/card.js';
import type { ReducedLayer } from '../../activations/reduced-layer.js';
import { TILE_SHARE } from '../../activations/scratch/tile-room.js';
import { VentralError } from '../../errors/ventral-error.js';
import { ArrayInPieces } from '../../formats/digest.js';
import { programFile } from '../../formats/package-root.js';
import { metrics } from '../../metrics/table/metric-table.js';
import { type Half, partOf } from '../measure/halves.js';
import type { LoadedBenchmark, Measured } from '../measure/loaded-benchmark.js';
import type { MeasureAnswer, MeasureTask, WorkerData } from './measure-worker.js';
import { buffersOf, type SentLayer, sentLayer } from './sent-layer.js';

/** Limits of the pool. */
export interface PoolOptions {
  readonly home: string;
  /** Threads that the machine offers. */
  readonly threads: number;
  /** Bytes that all workers together may take. */
  readonly maxMemory: number;
  /** Bytes on scratch disk that a measurement in this thread may take. */
  readonly maxScratch: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether layers are measured within the training part of splits, too. */
  readonly nested?: boolean;
}

/** How a layer is measured. */
export interface MeasureHow {
  readonly card: ModelCard;
  /** On only half of the stimuli. */
  readonly half?: Half | undefined;
  /** Within the training part of each split, too. */
  readonly nested?: boolean;
}

/** A measurement, and the seconds that it took. */
export interface Timed {
  readonly measured: Measured;
  readonly seconds: number;
}

/** A thread with the runtime and our modules, before it holds any data. */
export const WORKER_BYTES = 96 * 2 ** 20;
/** Gram matrix, its submatrix for a split, and work space: float64, stimuli × stimuli, of most metrics. */
export const MATRICES = 3;
/** Features up to this size go to a worker; larger ones are read from scratch in this thread. */
const SENT_BYTES = 64 * 2 ** 20;
/** Seconds of work that one worker has to be good for, to make up for its start. */
const WORTH = 3;

const filename = programFile('scoring/map/measure-worker.js');

/**
 * Measurements on worker threads, each with the benchmarks loaded for itself; the bits are those of
 * this thread. As many as threads and memory allow; none if memory or work is too little, and then this
 * thread measures. Close it when done.
 */
export class MeasurePool {
  readonly #piscina: Piscina<MeasureTask, MeasureAnswer> | undefined;
  /** What measurements will take at the most, here or in the workers. */
  readonly bytes: number;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #running = new Set<Promise<unknown>>();

  readonly #options: PoolOptions;

  /** @param measurements the benchmark of each measurement to come; every worker will hold their data */
  constructor(measurements: readonly LoadedBenchmark[], options: PoolOptions) {
    this.#options = options;
    const { workers, bytes } = sizeFor(measurements, options);
    this.bytes = bytes;
    if (workers === 0) return;
    const workerData: WorkerData = { home: options.home, stop: this.#stop };
    options.signal?.addEventListener('abort', this.#end, { once: true });
    this.#piscina = new Piscina({
      filename,
      workerData,
      minThreads: 0,
      maxThreads: workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Workers wait for files and for the runtime: they may not sleep in Atomics.wait.
      atomics: 'disabled',
    });
  }

  /** Worker threads; 0 if this thread measures. */
  get workers(): number {
    return this.#piscina?.maxThreads ?? 0;
  }

  /**
   * Queues the measurement of a layer on a benchmark or half of it, when a place is free. When this resolves the
   * layer may be changed or released; the answer comes later, and throws what `measure` of the benchmark throws,
   * or `interrupted`.
   */
  async take(
    loaded: LoadedBenchmark,
    layer: ReducedLayer,
    how: MeasureHow,
  ): Promise<{ readonly answer: Promise<Timed> }> {
    while (this.#running.size >= Math.max(1, this.workers)) await Promise.race(this.#running);
    this.#refuseInterrupted();
    // One that is solved in tiles or reads its recordings in blocks has the memory for itself.
    const apart = this.workers > 0 && !loaded.tiled && !loaded.stored;
    const sent = apart ? await sentLayer(layer, SENT_BYTES) : undefined;
    const answer = timed(() =>
      sent ? this.#send(loaded, sent, how) : this.#measure(loaded, layer, how),
    );
    const settled: Promise<void> = answer.then(
      () => {},
      () => {},
    );
    const running = settled.then(() => void this.#running.delete(running));
    this.#running.add(running);
    if (!sent) await settled;
    return { answer };
  }

  async #send(
    { benchmark: { id, file } }: LoadedBenchmark,
    layer: SentLayer,
    how: MeasureHow,
  ): Promise<Measured> {
    try {
      const answer = await (this.#piscina as Piscina<MeasureTask, MeasureAnswer>).run(
        { benchmark: id, file, layer, ...how },
        { transferList: buffersOf(layer) },
      );
      if ('measured' in answer) return answer.measured;
      throw new VentralError(answer.code, answer.message, answer.details);
    } catch (error) {
      this.#refuseInterrupted();
      throw error;
    }
  }

  async #measure(
    loaded: LoadedBenchmark,
    layer: ReducedLayer,
    { card, half, nested }: MeasureHow,
  ): Promise<Measured> {
    return partOf(loaded, half).measure(layer, { card, nested, room: this.#options });
  }

  #refuseInterrupted(): void {
    const { signal } = this.#options;
    if (signal?.aborted) throw VentralError.from(signal.reason);
  }

  readonly #end = () => {
    Atomics.store(this.#stop, 0, 1);
  };

  /** Ends the workers; running measurements are lost. */
  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#end);
    this.#end();
    await Promise.all(this.#running);
    await this.#piscina?.destroy();
  }
}

async function timed(measure: () => Promise<Measured>): Promise<Timed> {
  const started = performance.now();
  const measured = await measure();
  return { measured, seconds: (performance.now() - started) / 1000 };
}

function sizeFor(
  measurements: readonly LoadedBenchmark[],
  { threads, maxMemory, nested = false }: PoolOptions,
): { readonly workers: number; readonly bytes: number } {
  const benchmarks = [...new Set(measurements)];
  const held = benchmarks.reduce((sum, { inputs }) => sum + bytesIn(inputs), 0);
  const matrices = Math.max(0, ...benchmarks.map((each) => matrixBytes(each, nested)));
  const each = WORKER_BYTES + held + matrices;
  const seconds = measurements.reduce(
    (sum, { seconds, nesting }) => sum + seconds * (1 + (nested ? (nesting?.work ?? 0) : 0)),
    0,
  );
  const worth = Math.min(measurements.length, Math.floor(seconds / WORTH));
  const workers = Math.min(threads, Math.floor(maxMemory / each), worth);
  const tiles = benchmarks.some(({ tiled }) => tiled) ? maxMemory * TILE_SHARE : 0;
  return { workers, bytes: Math.max(tiles, workers > 0 ? workers * each : matrices) };
}

/** Bytes of the matrices that a measurement has in memory at the most. */
function matrixBytes(loaded: LoadedBenchmark, nested: boolean): number {
  const metric = metrics[loaded.benchmark.metric.name];
  const count = ('matrices' in metric ? metric.matrices : undefined) ?? MATRICES;
  // The products of a training part stand beside those of all stimuli.
  return (count + (nested && loaded.nesting ? 1 : 0)) * 8 * stimuliOf(loaded) ** 2;
}

/** Rows of the matrices of a measurement: stimuli, and none where units are measured one by one or in tiles. */
function stimuliOf({ shown, form, tiled }: LoadedBenchmark): number {
  if (tiled) return 0;
  const counts = shown.map(({ stimuli }) => stimuli.ids.length);
  if (form(1) === 'units') return 0;
  return form(Number.POSITIVE_INFINITY) === 'gram'
    ? counts.reduce((sum, count) => sum + count, 0)
    : Math.max(...counts);
}

/** Bytes of the data that a benchmark holds, counted by what enters its digest. */
function bytesIn(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (Array.isArray(value))
    return value.reduce((sum: number, entry) => sum + 8 + bytesIn(entry), 0);
  if (value instanceof ArrayInPieces) return 0;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, entry) => sum + bytesIn(entry), 0);
}

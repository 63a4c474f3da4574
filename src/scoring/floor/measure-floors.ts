import { inForm, type ReducedLayer } from '../../activations/reduced-layer.js';
import { stimulusDigests } from '../../activations/stimuli/stimulus-digest.js';
import type { Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { runtimeIdentity } from '../../runtime/session.js';
import type { Measured, MeasureOptions, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { exchangedLayer } from './exchanged-layer.js';
import { type ExchangeNull, exchangesOf } from './exchanges.js';
import { type Floors, floorOf, type NullName, type NullRun, withLeak } from './floor.js';

/** Which nulls are run, and how often. */
export interface FloorRequest {
  readonly nulls: readonly ExchangeNull[];
  readonly runs: number;
  /** Seeds of random weights; none unless said. */
  readonly weights?: number;
}

/** Seed of the exchanges: run k is the same whatever the number of runs. */
export const FLOOR_SEED = 0;

/** Where runs are looked up and kept. */
export interface RunCache {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, chunks: readonly Uint8Array[]): Promise<unknown>;
}

/** A score whose floors are wanted. */
export interface FloorContext {
  /** The digest of the inputs of the score. */
  readonly inputs: string;
  readonly threads: number;
  readonly cache?: RunCache | undefined;
  readonly options?: MeasureOptions;
  readonly signal?: AbortSignal | undefined;
  /** Told after each run. */
  readonly ran?: () => void;
  /** Measures as the score was measured. */
  readonly measure?: (layer: ReducedLayer) => Promise<Measured>;
}

/** The runs of a null, and the pictures that are in more than one stimulus set. */
export interface NullRuns {
  readonly kind: ExchangeNull;
  readonly runs: readonly NullRun[];
  readonly shared: number;
}

/**
 * The runs of nulls: the whole measurement, fits included, on exchanged stimuli.
 * @throws what {@link exchangesOf} and a measurement throw, and `interrupted`
 */
export async function nullRuns(
  loaded: PreparedBenchmark,
  layer: ReducedLayer,
  request: FloorRequest,
  context: FloorContext,
): Promise<NullRuns[]> {
  const { cache, signal, measure = measureAlone(loaded, context.options) } = context;
  const reduced = context.measure ? layer : await inForm(layer, loaded.form(layer.units));
  return eachRun(loaded, request, async (kind, run, rows) => {
    if (signal?.aborted) throw VentralError.from(signal.reason);
    const of = { ...context, kind, run };
    let found = await readRun(cache, of);
    if (!found) {
      const { value, raw } = await measure(exchangedLayer(reduced, rows()));
      found = [value, raw.value];
      await keepRun(cache, of, found);
    }
    context.ran?.();
    return found;
  });
}

/**
 * The runs of nulls that were kept; undefined unless all were.
 * @throws what {@link exchangesOf} throws
 */
export async function keptRuns(
  loaded: PreparedBenchmark,
  request: FloorRequest,
  context: Pick<FloorContext, 'inputs' | 'threads' | 'cache'>,
): Promise<NullRuns[] | undefined> {
  let all = true;
  const found = await eachRun(loaded, request, async (kind, run) => {
    const kept = all ? await readRun(context.cache, { ...context, kind, run }) : undefined;
    all = kept !== undefined;
    return kept ?? [null, null];
  });
  return all ? found : undefined;
}

async function eachRun(
  loaded: PreparedBenchmark,
  { nulls, runs }: FloorRequest,
  numbers: (kind: ExchangeNull, run: number, rows: () => Int32Array) => Promise<NullRun>,
): Promise<NullRuns[]> {
  if (nulls.length === 0) return [];
  const pictures = await Promise.all(loaded.shown.map(({ stimuli }) => pictureNames(stimuli)));
  const found: NullRuns[] = [];
  for (const kind of nulls) {
    const { shared, rows } = exchangesOf(loaded, kind, pictures);
    const own: NullRun[] = [];
    for (let run = 0; run < runs; run++)
      own.push(await numbers(kind, run, () => rows(FLOOR_SEED, run)));
    found.push({ kind, runs: own, shared });
  }
  return found;
}

/** The floors that runs give a score. */
export function floorsOf(
  { chance }: Pick<PreparedBenchmark, 'chance'>,
  { value, raw }: Pick<Measured, 'value' | 'raw'>,
  found: readonly NullRuns[],
): Floors {
  return Object.fromEntries(
    found.map(({ kind, runs, shared }) => {
      const floor = floorOf(kind, [value, raw.value], runs, FLOOR_SEED);
      return [kind, kind === 'labels' ? withLeak(floor, chance, shared) : floor];
    }),
  );
}

/** What tells pictures apart: their bytes, or their names where there are none, as with features. */
const pictureNames = async (stimuli: StimulusSet): Promise<readonly Id[]> =>
  stimuli.hasImages ? stimulusDigests(stimuli) : stimuli.ids;

const measureAlone =
  (loaded: PreparedBenchmark, options: MeasureOptions = {}) =>
  (layer: ReducedLayer) =>
    loaded.measure(layer, { ...options, detail: false, undrawn: true });

/** Raised whenever a run gives another number. */
const VERSION = 1;

/** What the numbers of a run depend on. */
export interface RunInputs {
  /** The digest of the inputs of the score. */
  readonly inputs: string;
  readonly threads: number;
  readonly kind: NullName;
  readonly run: number;
}

const keyOf = ({ inputs, threads, kind, run }: RunInputs): string =>
  `floor-${digestOf({ version: VERSION, inputs, null: kind, seed: FLOOR_SEED, run, ventral: packageVersion, runtime: runtimeIdentity(threads) })}`;

/** A run that was kept. */
export async function readRun(
  cache: RunCache | undefined,
  inputs: RunInputs,
): Promise<NullRun | undefined> {
  const kept = await cache?.get(keyOf(inputs));
  return kept && (JSON.parse(new TextDecoder().decode(kept)) as NullRun);
}

/** Keeps a run. */
export async function keepRun(
  cache: RunCache | undefined,
  inputs: RunInputs,
  run: NullRun,
): Promise<void> {
  await cache?.put(keyOf(inputs), [new TextEncoder().encode(JSON.stringify(run))]);
}

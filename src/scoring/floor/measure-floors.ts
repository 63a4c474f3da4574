import { inForm, type ReducedLayer } from '../../activations/reduced-layer.js';
import { stimulusDigests } from '../../activations/stimuli/stimulus-digest.js';
import type { Id } from '../../data/ids.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { runtimeIdentity } from '../../runtime/session.js';
import type { LoadedBenchmark, Measured, MeasureOptions } from '../measure/loaded-benchmark.js';
import { exchangedLayer } from './exchanged-layer.js';
import { type ExchangeNull, exchangesOf } from './exchanges.js';
import {
  type Floor,
  type Floors,
  floorOf,
  type NullName,
  type NullRun,
  withLeak,
} from './floor.js';

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
  readonly measured: Measured;
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

/**
 * The floors of a score: the whole measurement, fits included, on exchanged stimuli.
 * @throws what {@link exchangesOf} and a measurement throw, and `interrupted`
 */
export async function measureFloors(
  loaded: LoadedBenchmark,
  layer: ReducedLayer,
  { nulls, runs }: FloorRequest,
  context: FloorContext,
): Promise<Floors> {
  const floors: Partial<Record<ExchangeNull, Floor>> = {};
  if (nulls.length === 0) return floors;
  const { measured, measure = measureAlone(loaded, context.options) } = context;
  const reduced = context.measure ? layer : await inForm(layer, loaded.form(layer.units));
  const pictures = await Promise.all(loaded.shown.map(({ stimuli }) => pictureNames(stimuli)));
  for (const kind of nulls) {
    const exchanges = exchangesOf(loaded, kind, pictures);
    const found: NullRun[] = [];
    for (let run = 0; run < runs; run++) {
      if (context.signal?.aborted) throw VentralError.from(context.signal.reason);
      const { inputs, threads, cache } = context;
      const own = { inputs, threads, kind, run };
      const known = await readRun(cache, own);
      if (known) found.push(known);
      else {
        const { value, raw } = await measure(
          exchangedLayer(reduced, exchanges.rows(FLOOR_SEED, run)),
        );
        found.push([value, raw.value]);
        await keepRun(cache, own, [value, raw.value]);
      }
      context.ran?.();
    }
    const floor = floorOf(kind, [measured.value, measured.raw.value], found, FLOOR_SEED);
    floors[kind] = kind === 'labels' ? withLeak(floor, loaded.chance, exchanges.shared) : floor;
  }
  return floors;
}

/** What tells pictures apart: their bytes, or their names where there are none, as with features. */
const pictureNames = async (stimuli: StimulusSet): Promise<readonly Id[]> =>
  stimuli.hasImages ? stimulusDigests(stimuli) : stimuli.ids;

const measureAlone =
  (loaded: LoadedBenchmark, options: MeasureOptions = {}) =>
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

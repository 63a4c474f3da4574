import type { ContentCache } from '../../activations/cache/content-cache.js';
import { findData } from '../../data/catalog.js';
import { requireData } from '../../data/data-folder.js';
import { readPropertyValues } from '../../data/neuron-properties.js';
import { readRdms, type SubjectRdms } from '../../data/rdms/read-rdms.js';
import { readRecordings, readRecordingsInBlocks } from '../../data/read-recordings.js';
import type { Recordings, RecordingsRequest } from '../../data/recordings.js';
import { openStimulusSet, type StimulusSet } from '../../data/stimulus-set.js';
import { RecordingStore, type StoreLimits } from '../../data/stored/recording-store.js';
import { readTrials, type Trials } from '../../data/trials.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { metrics } from '../../metrics/table/metric-table.js';
import { gratingStimuli } from '../../properties/grating-stimuli.js';
import type {
  Benchmark,
  CountedNeurons,
  DataSource,
  PublishedDistribution,
  StimulusJoin,
  StimulusSource,
} from './benchmark.js';
import { joinedStimuli } from './joined-stimuli.js';
import { namedColumns, truthOfStimuli } from './named-trials.js';
import { type SimulatedFiles, simulatedFiles } from './simulated-data.js';

/** Opens what benchmark files name: paths, names of the catalog, generators. Each is read once. */
export class DataSources {
  /** Where recordings are kept that may not fit memory. */
  readonly store: RecordingStore;
  readonly #home: string;
  readonly #stimuli = new Map<string, Promise<StimulusSet>>();
  readonly #simulated = new Map<string, Promise<SimulatedFiles>>();

  /**
   * @param cache where ceilings are looked up and kept
   * @param limits of recordings
   */
  constructor(
    home: string,
    readonly cache?: Pick<ContentCache, 'get' | 'put' | 'has'> | undefined,
    limits?: StoreLimits,
  ) {
    this.#home = home;
    this.store = new RecordingStore(home, limits);
  }

  /**
   * A stimulus set; `fitting` takes a generator's fitting set.
   * @throws VentralError `data-missing` with the command that brings it, and what {@link openStimulusSet} throws
   */
  stimuli(source: StimulusSource, part: 'stimuli' | 'fitting' = 'stimuli'): Promise<StimulusSet> {
    const key = JSON.stringify(source.kind === 'generated' ? { source, part } : source);
    let opened = this.#stimuli.get(key);
    if (!opened) {
      opened = this.#joined(source, part);
      this.#stimuli.set(key, opened);
    }
    return opened;
  }

  async #joined(source: StimulusSource, part: 'stimuli' | 'fitting'): Promise<StimulusSet> {
    const stimuli = await this.#open(source, part);
    return hasJoin(source) ? joinedStimuli(stimuli, source) : stimuli;
  }

  async #open(source: StimulusSource, part: 'stimuli' | 'fitting'): Promise<StimulusSet> {
    if (source.kind === 'files') return openStimulusSet({ identifier: source.csv, ...source });
    if (source.kind === 'generated') {
      const files = (await this.#generated(source.generate, source.seed))[part];
      if (!files) throw lacking(source.generate, `${part} stimuli`);
      return openStimulusSet({ identifier: `${source.generate}-${source.seed}`, ...files });
    }
    if (source.kind === 'gratings') return gratingStimuli();
    const { paths } = await requireData(findData(source.identifier, 'stimuli'), this.#home);
    return openStimulusSet({
      identifier: source.identifier,
      csv: paths.csv as string,
      ...(paths.images ? { images: paths.images } : {}),
    });
  }

  /** The recordings of a benchmark, or others that belong to it, of its region and time bins. */
  async recordings(
    benchmark: Benchmark,
    stimuli: StimulusSet,
    source = benchmark.recordings as DataSource,
  ): Promise<Recordings> {
    return readRecordings(await this.#request(benchmark, stimuli, source));
  }

  /** The same in blocks of presentations, for benchmarks without bins of one length. */
  async recordingsInBlocks(
    benchmark: Benchmark,
    stimuli: StimulusSet,
    source: DataSource,
    open: Parameters<typeof readRecordingsInBlocks>[1],
  ): Promise<void> {
    return readRecordingsInBlocks(await this.#request(benchmark, stimuli, source), open);
  }

  async #request(
    benchmark: Benchmark,
    stimuli: StimulusSet,
    source: DataSource,
  ): Promise<RecordingsRequest> {
    const path = await this.#path(source, 'recordings');
    const { regions, region, timeWindow, binsAsNeuroids, timeStep, neuroids } = benchmark;
    return {
      path,
      stimuli,
      ...(regions && region ? { region } : {}),
      ...(timeWindow ? { timeBins: [timeWindow] } : {}),
      ...present({ binsAsNeuroids, timeStep: timeStep?.step, timeMode: timeStep?.mode, neuroids }),
      neuroidCoords: neuroidCoordsOf(benchmark),
    };
  }

  /** The dissimilarities of a benchmark. */
  async rdms(benchmark: Benchmark, stimuli: StimulusSet): Promise<SubjectRdms> {
    return readRdms(await this.#path(benchmark.rdms as DataSource, 'rdms'), stimuli);
  }

  /** Path of a table of splits. */
  splitTable(table: DataSource): Promise<string> {
    return this.#path(table, 'splits');
  }

  /**
   * The trials of a benchmark, with the columns of their stimuli unless these may be others than the model's; what the stimuli
   * show where it has none.
   */
  async trials(benchmark: Benchmark, stimuli: StimulusSet): Promise<Trials> {
    const { metric, trials, truth } = benchmark;
    if (trials === undefined && truth !== undefined)
      return truthOfStimuli(benchmark, stimuli, truth);
    const definition = metrics[metric.name];
    const apart = 'ownStimuli' in definition && definition.ownStimuli?.(metric);
    const path = await this.#path(trials as DataSource, 'trials');
    const thresholds = definition.kind === 'threshold';
    const read = await readTrials(path, apart ? undefined : stimuli, thresholds);
    return namedColumns(benchmark, read);
  }

  /** The values of a property by recorded neuron, NaN where a neuron has none. */
  async neurons({ property, bins, neurons }: PublishedDistribution): Promise<Float64Array> {
    if (neurons.kind === 'counts') return valuesOfCounts(neurons, bins);
    return readPropertyValues(await this.#path(neurons, 'recordings'), property);
  }

  async #path(
    source: DataSource,
    kind: 'recordings' | 'trials' | 'rdms' | 'splits',
  ): Promise<string> {
    if (source.kind === 'file') return source.path;
    if (source.kind === 'catalog') {
      const { paths } = await requireData(findData(source.identifier, kind), this.#home);
      return (paths.nc ?? paths.csv) as string;
    }
    const made = await this.#generated(source.generate, source.seed);
    const path = kind === 'rdms' || kind === 'splits' ? undefined : made[kind];
    if (path === undefined) throw lacking(source.generate, kind);
    return path;
  }

  #generated(generate: string, seed: number): Promise<SimulatedFiles> {
    const key = `${generate}-${seed}`;
    let files = this.#simulated.get(key);
    if (!files) {
      files = simulatedFiles(this.#home, generate, seed);
      this.#simulated.set(key, files);
    }
    return files;
  }

  /** Lets every open file go. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#stimuli.values());
    for (const each of opened) if (each.status === 'fulfilled') await each.value.close();
    await this.store.close();
  }
}

const hasJoin = (
  source: StimulusSource,
): source is StimulusSource & { readonly join: StimulusJoin } =>
  'join' in source && source.join !== undefined;

/** The coordinates of neuroids that a benchmark reads. */
function neuroidCoordsOf({ keep = {}, fitPer, metric, ceiling, ...rest }: Benchmark): string[] {
  const named = [
    ...Object.keys(keep),
    fitPer,
    // Where every subject has a file, no coordinate needs to tell subjects apart.
    rest.subjectRecordings ? undefined : metric.per,
    ceiling.name === 'neuroid' ? ceiling.column : undefined,
    'per' in ceiling ? ceiling.per : undefined,
    rest.selected?.column,
    rest.prepare?.centrePer,
    rest.prepare?.averageEqual,
  ];
  return [...new Set(named.filter((name) => name !== undefined))];
}

/** A value within its bin for each neuron, those without one first; where in the bin it lies has no bearing. */
function valuesOfCounts(
  { counts, withoutValue }: CountedNeurons,
  bins: readonly number[],
): Float64Array {
  const valued = counts.flatMap((count, bin) => Array(count).fill((bins[bin] + bins[bin + 1]) / 2));
  return Float64Array.from([...Array(withoutValue).fill(Number.NaN), ...valued]);
}

function lacking(generator: string, what: string): VentralError {
  return new VentralError('benchmark-invalid', `The generator "${generator}" makes no ${what}`, {
    field: 'generate',
    found: generator,
  });
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataKind } from '../../data/catalog.js';
import type { Recordings } from '../../data/recordings.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import type { Benchmark, PublishedDistribution } from '../benchmark/benchmark.js';
import { accessOf, catalogEntriesOf } from '../benchmark/benchmark-data.js';
import { DataSources } from '../benchmark/data-sources.js';
import { shownAt } from '../benchmark/shown-stimuli.js';
import { kindOf } from '../kinds/benchmark-kinds.js';
import { neuralKind } from '../measure/neural-benchmark.js';
import { measuredCeiling } from '../measure/neural-ceiling.js';
import type { ScorePart } from '../measure/score.js';
import { readNamedRecordings } from '../recorded/subject-recordings.js';
import { type Golden, goldenOf } from '../registry/golden.js';
import { isVerified } from '../registry/verification.js';

/** A part of the data, or why it is unavailable: usually the data are not installed. */
export type Described<T> = T | { readonly reason: string };

/** A stimulus set in numbers. */
export interface StimuliInNumbers {
  readonly stimuli: number;
  readonly columns: readonly string[];
  /** Whether the images are installed too. */
  readonly pictures: boolean;
  /** Lowest and highest visual angle, in degrees; null if they are not placed on a screen. */
  readonly degrees: readonly [number, number] | null;
}

/** Recordings in numbers, of one region and over the time bins that count. */
export interface RecordingsInNumbers {
  readonly presentations: number;
  readonly neuroids: number;
  /** Fewest and most presentations of a stimulus. */
  readonly repetitions: readonly [number, number];
  /** Neuroids of each animal, where animals are known. */
  readonly animals: Readonly<Record<string, number>> | null;
}

/** Behavioural trials in numbers. */
export interface TrialsInNumbers {
  readonly trials: number;
  /** The subjects, if known. */
  readonly subjects: number | null;
  readonly columns: readonly string[];
}

/** The published distribution of a single-neuron property in numbers. */
export interface NeuronsInNumbers {
  readonly property: string;
  readonly unit: string | null;
  readonly neurons: number;
  /** Neurons that have no such property. */
  readonly withoutValue: number;
}

/** Given dissimilarities in numbers. */
export interface RdmsInNumbers {
  readonly stimuli: number;
  readonly subjects: number;
}

/** An entry of the catalog that a benchmark is made of, and its licence. */
export interface DataLicence {
  readonly identifier: string;
  readonly kind: DataKind;
  /** SPDX name, where a licence is stated. */
  readonly licence: string | null;
  readonly terms: string;
}

/** How stimuli and neuroids are divided where the benchmark file says so. */
export interface FixedSetsInWords {
  /** `train`: the training stimuli are a set of their own; `split`: a table divides them; null: they are not fixed. */
  readonly stimuli: 'train' | 'split' | null;
  /** Columns of the table, one a fold. */
  readonly columns: readonly string[];
  /** What is fitted or compared apart, such as `subject`. */
  readonly per: string | null;
  /** Least values, exclusive, of columns of the neuroids. */
  readonly keep: Readonly<Record<string, number>>;
}

/** Stimuli, recordings and comparison of a benchmark. */
export interface BenchmarkDescription {
  readonly id: string;
  readonly region: string | null;
  readonly title: string | null;
  /** What a reader of every score should know of the data or the splits. */
  readonly caution: string | null;
  /** Of the data in the catalog; none for data of its own. */
  readonly licences: readonly DataLicence[];
  readonly access: 'public' | 'private';
  readonly verified: boolean;
  readonly metric: Benchmark['metric'];
  readonly crossValidation: Benchmark['crossValidation'];
  readonly ceiling: Benchmark['ceiling'];
  readonly timeWindow: readonly [number, number] | null;
  /** Length of the bins that are compared each for itself. */
  readonly timeStep?: Benchmark['timeStep'];
  readonly excludedConditions: Benchmark['excludeConditions'];
  readonly published: Golden | null;
  /** The entry of its `reference.bib`, or its own. */
  readonly bibtex: string | null;
  readonly stimuli: Described<StimuliInNumbers>;
  /** null without a read-out to fit. */
  readonly fittingStimuli: Described<StimuliInNumbers> | null;
  /** null where neither stimuli nor neuroids are divided by the benchmark file. */
  readonly fixedSets: FixedSetsInWords | null;
  /** null where no recordings are compared. */
  readonly recordings: Described<RecordingsInNumbers> | null;
  /** null where no behaviour is compared. */
  readonly trials: Described<TrialsInNumbers> | null;
  /** null where no dissimilarities are given. */
  readonly rdms: Described<RdmsInNumbers> | null;
  /** null without a distribution. */
  readonly neurons: Described<NeuronsInNumbers> | null;
  /**
   * The ceiling of the installed recordings; null if there is none, or the metric computes its own.
   */
  readonly measuredCeiling: Described<ScorePart> | null;
}

/** Describes benchmarks; files that they share are read once. */
export async function describeBenchmarks(
  benchmarks: readonly Benchmark[],
  home: string,
): Promise<BenchmarkDescription[]> {
  const sources = new DataSources(home);
  try {
    const described: BenchmarkDescription[] = [];
    for (const benchmark of benchmarks) described.push(await describe(benchmark, sources, home));
    return described;
  } finally {
    await sources.close();
  }
}

async function describe(
  benchmark: Benchmark,
  sources: DataSources,
  home: string,
): Promise<BenchmarkDescription> {
  const { fittingStimuli } = benchmark;
  const kind = kindOf(benchmark);
  const { distribution } = benchmark;
  const open = () => sources.stimuli(benchmark.stimuli);
  const recordings = benchmark.recordings
    ? await told(async () => sources.recordings(benchmark, await open()))
    : null;
  // Ceilings of subjects and of fixed sets need more than the recordings of the test stimuli.
  const whole = kind.compares === 'recordings' && kind !== neuralKind;
  return {
    id: benchmark.id,
    region: benchmark.region ?? null,
    title: benchmark.title ?? null,
    caution: benchmark.caution ?? null,
    licences: catalogEntriesOf(benchmark).map(({ identifier, kind: of, licence, terms }) => ({
      identifier,
      kind: of,
      licence: licence ?? null,
      terms,
    })),
    access: accessOf(benchmark),
    verified: await isVerified(benchmark, home),
    metric: benchmark.metric,
    crossValidation: benchmark.crossValidation,
    ceiling: benchmark.ceiling,
    timeWindow: benchmark.timeWindow ?? null,
    ...present({ timeStep: benchmark.timeStep }),
    excludedConditions: benchmark.excludeConditions,
    published: goldenOf(benchmark) ?? null,
    bibtex: benchmark.reference?.bibtex ?? (await bibtexOf(benchmark)),
    stimuli: await told(async () => stimuliInNumbers(benchmark, await open())),
    fittingStimuli: fittingStimuli
      ? await told(async () =>
          stimuliInNumbers(benchmark, await sources.stimuli(fittingStimuli, 'fitting')),
        )
      : null,
    fixedSets: fixedSetsOf(benchmark),
    recordings: benchmark.subjectRecordings
      ? await told(async () => subjectsInNumbers(benchmark, await open(), sources))
      : recordings && ('reason' in recordings ? recordings : recordingsInNumbers(recordings)),
    trials: benchmark.trials ? await told(() => trialsInNumbers(benchmark, sources)) : null,
    rdms: benchmark.rdms ? await told(() => rdmsInNumbers(benchmark, sources)) : null,
    neurons: distribution ? await told(() => neuronsInNumbers(distribution, sources)) : null,
    measuredCeiling:
      distribution || whole || benchmark.rdms
        ? await told(async () => (await kind.load(benchmark, sources)).ceiling())
        : recordings === null || 'reason' in recordings
          ? recordings
          : await told(async () => measuredCeiling(benchmark, recordings)),
  };
}

async function told<T>(look: () => Promise<T>): Promise<Described<T>> {
  try {
    return await look();
  } catch (error) {
    return { reason: VentralError.from(error).message };
  }
}

function stimuliInNumbers(benchmark: Benchmark, stimuli: StimulusSet): StimuliInNumbers {
  const { degrees } = shownAt(benchmark, stimuli);
  return {
    stimuli: stimuli.ids.length,
    columns: [...stimuli.columns.keys()],
    pictures: stimuli.hasImages,
    degrees: degrees ? ends(degrees) : null,
  };
}

function recordingsInNumbers({
  stimulusIds,
  neuroidIds,
  animals,
  timeBins = [],
}: Recordings): RecordingsInNumbers {
  // A column is a bin of a neuroid.
  const bins = timeBins.length || 1;
  const own = animals?.filter((_, column) => column % bins === 0);
  return {
    presentations: stimulusIds.length,
    neuroids: neuroidIds.length / bins,
    repetitions: ends([...counts(stimulusIds.map(String)).values()]),
    animals: own ? Object.fromEntries(counts(own)) : null,
  };
}

async function rdmsInNumbers(benchmark: Benchmark, sources: DataSources): Promise<RdmsInNumbers> {
  const stimuli = await sources.stimuli(benchmark.stimuli);
  const { stimulusIds, subjects } = await sources.rdms(benchmark, stimuli);
  return { stimuli: stimulusIds.length, subjects: subjects.length };
}

/** Those of all subjects together; each is an animal of its own. */
async function subjectsInNumbers(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  sources: DataSources,
): Promise<RecordingsInNumbers> {
  const named = await readNamedRecordings(benchmark, stimuli, sources);
  const each = named.map(({ recordings }) => recordingsInNumbers(recordings));
  const sum = (of: readonly number[]) => of.reduce((total, value) => total + value, 0);
  return {
    presentations: sum(each.map(({ presentations }) => presentations)),
    neuroids: sum(each.map(({ neuroids }) => neuroids)),
    repetitions: ends(each.flatMap(({ repetitions }) => repetitions)),
    animals: Object.fromEntries(named.map(({ name }, i) => [name, each[i].neuroids])),
  };
}

function fixedSetsOf({
  train,
  split,
  fitPer,
  metric,
  keep,
  subjectRecordings,
}: Benchmark): FixedSetsInWords | null {
  const per = subjectRecordings?.per ?? fitPer ?? metric.per ?? null;
  if (!train && !split && per === null && !keep) return null;
  return {
    stimuli: train ? 'train' : split ? 'split' : null,
    columns: split?.columns ?? [],
    per,
    keep: Object.fromEntries(Object.entries(keep ?? {}).map(([name, { above }]) => [name, above])),
  };
}

async function neuronsInNumbers(
  distribution: PublishedDistribution,
  sources: DataSources,
): Promise<NeuronsInNumbers> {
  const values = await sources.neurons(distribution);
  return {
    property: distribution.property,
    unit: distribution.unit ?? null,
    neurons: values.length,
    withoutValue: values.filter(Number.isNaN).length,
  };
}

async function trialsInNumbers(
  benchmark: Benchmark,
  sources: DataSources,
): Promise<TrialsInNumbers> {
  const stimuli = await sources.stimuli(benchmark.stimuli);
  const { stimulusIds, columns } = await sources.trials(benchmark, stimuli);
  const subjects = ['subject', 'worker_id', 'participant_id']
    .map((name) => columns.get(name))
    .find((column) => column !== undefined);
  return {
    trials: columns.get('threshold')?.length ?? stimulusIds.length,
    subjects: subjects ? new Set(subjects).size : null,
    columns: [...columns.keys()],
  };
}

function ends(values: readonly number[]): [number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[0], sorted[sorted.length - 1]];
}

function counts(names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return found;
}

/** Contents of `reference.bib` beside a shipped benchmark. */
async function bibtexOf({ folder }: Benchmark): Promise<string | null> {
  if (!folder.startsWith(join(packageRoot, 'benchmarks'))) return null;
  return readFile(join(folder, 'reference.bib'), 'utf8').catch(() => null);
}

import { type CatalogEntry, type DataKind, findData } from '../../data/catalog.js';
import { type LocatedData, locateData, requireData } from '../../data/data-folder.js';
import type { BenchmarkDefinition, DataSource, StimulusSource } from './benchmark.js';

/** A part of a benchmark's data, by the key that names it. */
export interface NamedSource {
  /** As in `train.recordings`, `recordings.sub-01`. */
  readonly name: string;
  readonly kind: DataKind;
  readonly source: StimulusSource | DataSource;
}

/** Every part of the data that a benchmark names, but tables beside them. */
export function dataOf(benchmark: BenchmarkDefinition): readonly NamedSource[] {
  const { stimuli, fittingStimuli, train, recordings, trials, rdms, distribution, split } =
    benchmark;
  const neurons = distribution?.neurons;
  const parts: readonly (readonly [string, DataKind, StimulusSource | DataSource | undefined])[] = [
    ['stimuli', 'stimuli', stimuli],
    ['fitting_stimuli', 'stimuli', fittingStimuli],
    ['train.stimuli', 'stimuli', train?.stimuli],
    ['train.recordings', 'recordings', train?.recordings],
    ['recordings', 'recordings', recordings],
    ...(benchmark.subjectRecordings?.files ?? []).map(
      ({ name, source }) => [`recordings.${name}`, 'recordings', source] as const,
    ),
    ['trials', 'trials', trials],
    ['rdms', 'rdms', rdms],
    // A table beside the file is no data of the catalog.
    ['split', 'splits', split?.table.kind === 'catalog' ? split.table : undefined],
    ['neurons', 'recordings', neurons?.kind === 'counts' ? undefined : neurons],
  ];
  return parts.flatMap(([name, kind, source]) => (source ? { name, kind, source } : []));
}

/** Of definitions, which are not changed: lists of all benchmarks ask for each again and again. */
const entriesOf = new WeakMap<BenchmarkDefinition, readonly CatalogEntry[]>();

/** The catalog entries that a benchmark is made of; none if its data are files or generated. */
export function catalogEntriesOf(benchmark: BenchmarkDefinition): readonly CatalogEntry[] {
  const known = entriesOf.get(benchmark);
  if (known) return known;
  const entries = dataOf(benchmark).flatMap(({ source, kind }) =>
    source.kind === 'catalog' ? [findData(source.identifier, kind)] : [],
  );
  const found = [...new Set(entries)];
  entriesOf.set(benchmark, found);
  return found;
}

/** Whether data of publications that Brain-Score does not have are among its own: no node of its tree averages it. */
export const isOutsideTree = (benchmark: BenchmarkDefinition): boolean =>
  catalogEntriesOf(benchmark).some(({ converted }) => converted !== undefined);

/** `private` where an owner keeps any part of the data for evaluation. */
export function accessOf(benchmark: BenchmarkDefinition): 'public' | 'private' {
  const entries = catalogEntriesOf(benchmark);
  return entries.some(({ access }) => access === 'private') ? 'private' : 'public';
}

/** The data-use agreements that a benchmark's data are given under. */
export const agreementsOf = (benchmark: BenchmarkDefinition): readonly string[] => [
  ...new Set(catalogEntriesOf(benchmark).flatMap(({ agreement }) => agreement ?? [])),
];

/** Where the files of an entry are: {@link locateData}, or {@link locator} for many benchmarks. */
export type Locate = (entry: CatalogEntry) => Promise<LocatedData>;

/** Whether every catalog file of a benchmark is under `home`. */
export async function hasData(
  benchmark: BenchmarkDefinition,
  home: string,
  locate: Locate = (entry) => locateData(entry, home),
): Promise<boolean> {
  for (const entry of catalogEntriesOf(benchmark)) {
    if ((await locate(entry)).missing.length > 0) return false;
  }
  return true;
}

/**
 * Checks the catalog files of a benchmark.
 * @throws VentralError `data-missing`, `file-damaged`
 */
export async function checkData(benchmark: BenchmarkDefinition, home: string): Promise<void> {
  for (const entry of catalogEntriesOf(benchmark)) await requireData(entry, home);
}

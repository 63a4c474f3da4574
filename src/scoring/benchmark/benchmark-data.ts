import { type CatalogEntry, findData } from '../../data/catalog.js';
import { locateData, requireData } from '../../data/data-folder.js';
import type { BenchmarkDefinition } from './benchmark.js';

/** The catalog entries that a benchmark is made of; none if its data are files or generated. */
export function catalogEntriesOf(benchmark: BenchmarkDefinition): readonly CatalogEntry[] {
  const { stimuli, fittingStimuli, recordings, trials, rdms, distribution } = benchmark;
  const named = [
    { source: stimuli, kind: 'stimuli' },
    { source: fittingStimuli, kind: 'stimuli' },
    { source: recordings, kind: 'recordings' },
    { source: trials, kind: 'trials' },
    { source: rdms, kind: 'rdms' },
    { source: distribution?.neurons, kind: 'recordings' },
  ] as const;
  const entries = named.flatMap(({ source, kind }) =>
    source?.kind === 'catalog' ? [findData(source.identifier, kind)] : [],
  );
  return [...new Set(entries)];
}

/** Whether data of publications that Brain-Score does not have are among its own: no node of its tree averages it. */
export const isOutsideTree = (benchmark: BenchmarkDefinition): boolean =>
  catalogEntriesOf(benchmark).some(({ converted }) => converted !== undefined);

/** `private` where an owner keeps any part of the data for evaluation. */
export function accessOf(benchmark: BenchmarkDefinition): 'public' | 'private' {
  const entries = catalogEntriesOf(benchmark);
  return entries.some(({ access }) => access === 'private') ? 'private' : 'public';
}

/** Whether every catalog file of a benchmark is under `home`. */
export async function hasData(benchmark: BenchmarkDefinition, home: string): Promise<boolean> {
  for (const entry of catalogEntriesOf(benchmark)) {
    if ((await locateData(entry, home)).missing.length > 0) return false;
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

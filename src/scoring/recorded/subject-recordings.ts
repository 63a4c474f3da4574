import type { Id } from '../../data/ids.js';
import { compareIds } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import { keepNeuroids } from './keep-neuroids.js';

/** Recordings that are compared together, and what they are called. */
export interface NamedRecordings {
  readonly name: string;
  readonly recordings: Recordings;
}

/** The recordings of a benchmark, a file for each subject or one for all, without neuroids that do not pass. */
export async function readNamedRecordings(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  sources: DataSources,
): Promise<NamedRecordings[]> {
  const read = async (name: string, source = benchmark.recordings) => ({
    name,
    recordings: keepNeuroids(benchmark, await sources.recordings(benchmark, stimuli, source)),
  });
  const { subjectRecordings } = benchmark;
  if (!subjectRecordings) return [await read('all')];
  const all: NamedRecordings[] = [];
  for (const { name, source } of subjectRecordings.files) all.push(await read(name, source));
  return all;
}

/** Columns of each value of a coordinate of neuroids, values ascending: numbers as numbers, text by code point. */
export function columnsOfValues(
  { neuroidCoords }: Pick<Recordings, 'neuroidCoords'>,
  coordinate: string,
): Map<string, number[]> {
  const values = (neuroidCoords?.get(coordinate)?.values ?? []) as readonly Id[];
  const distinct = [...new Set(values)].filter(
    (value) => value !== null && !(typeof value === 'number' && Number.isNaN(value)),
  );
  return new Map(
    distinct
      .sort(compareIds)
      .map((value) => [
        String(value),
        values.flatMap((other, column) => (other === value ? column : [])),
      ]),
  );
}

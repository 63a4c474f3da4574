import { basename, relative } from 'node:path';
import { stimulusDigests } from '../../activations/stimuli/stimulus-digest.js';
import { type Digestible, digestOf } from '../../formats/digest.js';
import type { Benchmark, DataSource, StimulusSource } from '../benchmark/benchmark.js';
import { dataOf } from '../benchmark/benchmark-data.js';
import { definitionInputs } from '../benchmark/shown-stimuli.js';
import type { PreparedBenchmark } from '../measure/loaded-benchmark.js';
import type { ReceiptBenchmark } from './receipt.js';

/**
 * A benchmark in parts: its definition, and a digest of each part of its data.
 * @param asSeen with the bytes of the images and their degrees, which features do not depend on
 */
export async function benchmarkRecord(
  { benchmark, metric, inputs, shown }: PreparedBenchmark,
  asSeen: boolean,
): Promise<ReceiptBenchmark> {
  const definition = definitionInputs(benchmark);
  const data: Record<string, string> = {};
  for (const [piece, value] of Object.entries(inputs as Readonly<Record<string, Digestible>>))
    if (!(piece in definition) && value !== undefined) data[piece] = digestOf(value);
  if (asSeen) {
    const pictures = await Promise.all(shown.map(({ stimuli }) => stimulusDigests(stimuli)));
    data.pictures = digestOf(pictures);
    data.degrees = digestOf(shown.map(({ degrees }) => degrees));
  }
  return {
    id: benchmark.id,
    metric,
    definition: JSON.parse(JSON.stringify(definition)),
    sources: sourcesOf(benchmark),
    data,
  };
}

function sourcesOf(benchmark: Benchmark): Record<string, string> {
  const { folder, file, split } = benchmark;
  const sources: Record<string, string> = { definition: basename(file) };
  for (const { name, source } of dataOf(benchmark)) sources[name] = nameOf(source, folder);
  if (split) sources.split = nameOf(split.table, folder);
  return sources;
}

function nameOf(source: StimulusSource | DataSource, folder: string): string {
  if (source.kind === 'catalog') return source.identifier;
  if (source.kind === 'gratings') return `gratings of ${source.gratings}`;
  if (source.kind === 'generated') return `${source.generate}, seed ${source.seed}`;
  return relative(folder, source.kind === 'file' ? source.path : source.csv);
}

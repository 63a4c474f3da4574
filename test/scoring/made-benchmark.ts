import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Id } from '../../src/data/ids.js';
import { RandomState } from '../../src/numerics/random/random-state.js';

/** What a benchmark of made recordings is to be like. */
export interface MadeBenchmark {
  readonly ids: readonly Id[];
  readonly metric?: string;
  readonly degrees?: number;
}

/** Neuroids of a made benchmark. */
const NEUROIDS = 5;

/**
 * Writes a benchmark without images, to be scored from features: recordings of five neuroids, twice,
 * each a smooth function of the row with noise. Gives the path of its YAML file.
 */
export function madeBenchmark(
  folder: string,
  { ids, metric = 'ridge', degrees = 8 }: MadeBenchmark,
) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'stimuli.csv'), ['stimulus_id', ...ids, ''].join('\n'));
  const random = new RandomState(5);
  const rows = ids.flatMap((id, row) =>
    [1, 2].map((repetition) => {
      const noise = random.standardNormal(NEUROIDS);
      const values = Array.from(noise, (e, k) => (Math.sin(row * (k + 1)) + e / 4).toFixed(4));
      return [id, repetition, ...values].join();
    }),
  );
  const neuroids = Array.from({ length: NEUROIDS }, (_, k) => `n${k}`);
  const header = ['stimulus_id', 'repetition', ...neuroids].join();
  writeFileSync(join(folder, 'recordings.csv'), [header, ...rows, ''].join('\n'));
  const lines = [
    'identifier: made',
    'version: 1',
    `visual_degrees: ${degrees}`,
    'stimuli: { csv: stimuli.csv }',
    'recordings: recordings.csv',
    `metric: { name: ${metric} }`,
    '',
  ];
  writeFileSync(join(folder, 'benchmark.yaml'), lines.join('\n'));
  return join(folder, 'benchmark.yaml');
}

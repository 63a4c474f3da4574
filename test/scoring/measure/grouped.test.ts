import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { rowsOfHalf } from '../../../src/scoring/measure/halves.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { madeBenchmark } from '../made-benchmark.js';

/** 24 stimuli of 4 films of 6 frames each, the films mixed in the table. */
const ids = Array.from({ length: 24 }, (_, i) => `frame${String(i).padStart(2, '0')}`);
const filmOf = (id: string) => `film${Number(id.slice(5)) % 4}`;

let folder: string;
let file: string;
let context: { home: string; threads: number; maxMemory: number; maxScratch: number };

function withSplits(splits: string): string {
  const path = join(folder, 'grouped.yaml');
  writeFileSync(path, `${readFileSync(file, 'utf8')}cross_validation: ${splits}\n`);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-grouped-'));
  file = madeBenchmark(folder, { ids });
  const rows = ids.map((id) => `${id},${filmOf(id)}`);
  writeFileSync(join(folder, 'stimuli.csv'), ['stimulus_id,film', ...rows, ''].join('\n'));
  const features = ids.map((id, i) => [id, Math.sin(i), Math.cos(3 * i), i % 5].join());
  writeFileSync(join(folder, 'features.csv'), ['stimulus_id,a,b,c', ...features, ''].join('\n'));
  context = { home: join(folder, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a benchmark whose splits are of groups', () => {
  test('never fits and tests on one film', async () => {
    const benchmark = withSplits('{ splits: 4, group_by: film }');
    const request = {
      features: join(folder, 'features.csv'),
      benchmarks: [benchmark],
      detail: true,
    };
    const { scores, failures } = await scoreFeatures(request, context);
    expect(failures).toEqual([]);
    const { splits = [], provenance } = scores[0];
    expect(splits.map(({ test }) => new Set(test.map((id) => filmOf(String(id)))).size)).toEqual([
      1, 1, 1, 1,
    ]);
    for (const { train, test } of splits) {
      const films = new Set(test.map((id) => filmOf(String(id))));
      expect(train.filter((id) => films.has(filmOf(String(id))))).toEqual([]);
      expect(train.length + test.length).toBe(ids.length);
    }
    const random = { ...request, benchmarks: [withSplits('{ splits: 4 }')] };
    const again = (await scoreFeatures(random, context)).scores[0];
    expect(again.provenance.inputs).not.toBe(provenance.inputs);
    expect(again.raw.value).not.toBe(scores[0].raw.value);
  });

  test('keeps films whole when a layer is chosen on one half', async () => {
    const loaded = await loadBenchmarks(
      [withSplits('{ splits: 4, group_by: film }')],
      context,
      (name, error) => {
        throw new Error(name, { cause: error });
      },
    );
    const films = (half: 'choice' | 'test') =>
      new Set(rowsOfHalf(loaded.loaded[0], half).map((row) => filmOf(ids[row])));
    expect([films('choice').size, films('test').size]).toEqual([2, 2]);
    expect([...films('choice')].filter((film) => films('test').has(film))).toEqual([]);
    await loaded.close();
  });

  test('says which column it lacks', async () => {
    const benchmark = withSplits('{ splits: 4, group_by: movie }');
    const request = { features: join(folder, 'features.csv'), benchmarks: [benchmark] };
    const { failures } = await scoreFeatures(request, context);
    expect(failures[0].error.message).toMatch(/group_by: the stimuli have no column "movie".*film/);
  });

  test.each(['train_size: 0.5', 'test_size: 0.5', 'seed: 3', 'stratify_on: film'])(
    'refuses %s beside the groups',
    (key) => {
      const text = `${readFileSync(file, 'utf8')}cross_validation: { group_by: film, ${key} }\n`;
      expect(() => parseBenchmark(text, { file: 'mine.yaml', folder })).toThrow(
        new RegExp(`mine.yaml:.*cross_validation.${key.split(':')[0]}: with group_by`),
      );
    },
  );
});

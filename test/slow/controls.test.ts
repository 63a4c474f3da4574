import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shippedModels } from '../../src/activations/model-file.js';
import { readAssembly, writeAssembly } from '../../src/data/assembly.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { simulatedFiles } from '../../src/scoring/benchmark/simulated-data.js';
import { exportActivations } from '../../src/scoring/features/export-activations.js';
import { scoreFeatures } from '../../src/scoring/features/score-features.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { tolerances } from '../tolerances.js';

/** Controls: what should score does, and what should not does not. */
const V1 = 'Simulated.V1-pls';
const MODELS = ['gabor-v1', 'pixels', 'untrained-cnn'];
const LONG = 600_000;

let root: string;
let context: { home: string; threads: number; maxMemory: number; maxScratch: number };
const scores = new Map<string, Score>();

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-controls-'));
  context = { home: join(root, 'home'), threads: 2, maxMemory: 2 ** 31, maxScratch: 2 ** 31 };
  for (const path of MODELS) {
    const outcome = await scoreModel({ model: { path }, benchmarks: [V1] }, context);
    expect(outcome.failures).toEqual([]);
    scores.set(path, outcome.scores[0]);
  }
}, LONG);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function scoreOf(model: string): Score {
  const found = scores.get(model);
  if (!found) throw new Error(`${model} has no score`);
  return found;
}
/** Ends of a score's interval. */
const span = (model: string) => scoreOf(model).ci ?? [Number.NaN, Number.NaN];

describe(V1, () => {
  test('is predicted better by filters of V1 than by pixels', () => {
    expect(span('gabor-v1')[0]).toBeGreaterThan(span('pixels')[1]);
  });

  test('scores the untrained network beside the others, whatever it gets', async () => {
    expect(await shippedModels()).toContain('untrained-cnn');
    expect(scoreOf('untrained-cnn')).toMatchObject({
      name: 'untrained-cnn',
      layer: 'layer1',
      value: expect.any(Number),
      ci: [expect.any(Number), expect.any(Number)],
    });
  });

  test('is simulated in every score, and never verified', () => {
    for (const score of scores.values())
      expect(score).toMatchObject({ simulated: true, verified: false, selection: false });
  });

  test(
    'is not predicted where responses are shuffled over stimuli',
    async () => {
      const output = join(root, 'v1.npz');
      await exportActivations(
        { model: { path: 'gabor-v1' }, layers: ['v1'], benchmark: V1, output },
        context,
      );
      const shuffled = await Promise.all([0, 1, 2].map(shuffledBenchmark));
      const found = await scoreFeatures(
        { features: output, benchmarks: [V1, ...shuffled] },
        context,
      );
      expect(found.failures).toEqual([]);
      const [whole, ...nulls] = found.scores.map(({ raw }) => Math.abs(raw.value as number));
      for (const raw of nulls) expect(raw).toBeLessThan(tolerances.shuffledRaw);
      expect(whole).toBeGreaterThan(4 * tolerances.shuffledRaw);
      // The recordings are as reliable as before: only what they answer to is another stimulus.
      for (const { ceiling } of found.scores)
        expect(
          Math.abs(Number(ceiling?.value) - Number(found.scores[0].ceiling?.value)),
        ).toBeLessThan(tolerances.float64);
    },
    LONG,
  );
});

/** The benchmark with each stimulus's responses given to another one, repetitions together. */
async function shuffledBenchmark(seed: number): Promise<string> {
  const files = await simulatedFiles(context.home, 'textures', 2026);
  const recordings = await readAssembly(files.recordings as string);
  const column = recordings.coords.get('stimulus_id');
  if (!column) throw new Error('the recordings name no stimuli');
  const ids = [...new Set(column.values)];
  const others = new RandomState(seed).permutation(ids);
  const other = new Map(ids.map((id, i) => [id, others[i]]));
  const values = column.values.map((id) => other.get(id) ?? id);
  const coords = new Map([...recordings.coords, ['stimulus_id', { ...column, values }]]);
  const folder = join(root, `shuffled-${seed}`);
  mkdirSync(folder);
  await writeAssembly(join(folder, 'recordings.nc'), { ...recordings, coords });
  cpSync(files.stimuli.csv, join(folder, 'stimuli.csv'));
  const lines = [
    `identifier: shuffled-${seed}.{region}-pls`,
    'version: 1',
    'regions: [V1]',
    'visual_degrees: 4',
    'stimuli: { csv: stimuli.csv }',
    'recordings: recordings.nc',
    'metric: { name: pls, components: 25 }',
    'cross_validation: { splits: 10, train_size: 0.9, seed: 1, stratify_on: texture_type }',
    '',
  ];
  writeFileSync(join(folder, 'benchmark.yaml'), lines.join('\n'));
  return join(folder, 'benchmark.yaml');
}

describe('the public and the private simulated sets', () => {
  const simulated = listBenchmarks().filter((benchmark) => benchmark.simulated);
  const metricOf = (id: string) => id.replace(/^Simulated(public)?/, '');

  test('are one of each, and what is simulated is called so', () => {
    const [open, closed] = ['Simulatedpublic', 'Simulated'].map((name) =>
      simulated.filter(({ id }) => id.split(/[.-]/)[0] === name).map(({ id }) => metricOf(id)),
    );
    expect(open.sort()).toEqual(closed.sort());
    expect(open).toHaveLength(5);
    expect(simulated).toHaveLength(10);
    for (const { id } of listBenchmarks().filter((benchmark) => !benchmark.simulated))
      expect(id).not.toMatch(/simulated/i);
  });
});

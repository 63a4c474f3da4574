import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { realNetworks, writeV4Benchmark } from '../../bench/real-networks.js';
import { type ModelCard, parseCard } from '../../src/activations/card/card.js';
import { packageRoot } from '../../src/formats/package-root.js';
import { exportActivations } from '../../src/scoring/features/export-activations.js';
import { scoreFeatures } from '../../src/scoring/features/score-features.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { tolerances } from '../tolerances.js';
import { sharedData } from './shared-data.js';

/** Macaque V4, 50 neurons × 640 images: the nearest thing to MajajHong2015.V4 that is available. */
export const data = sharedData('v4-hvm640');
export const networks = sharedData('resnet20-cifar10');

export const [compact, , cifar] = realNetworks.map(({ card }) =>
  parseCard(JSON.stringify(card), 'card'),
);
export const resnet = { path: join(networks ?? '', 'resnet20_cifar10.onnx'), card: cifar };

/** A model of the three that are scored, one a file of tests, which run side by side. */
export interface ScoredModel {
  readonly model: { readonly path: string; readonly card?: ModelCard };
  readonly layers: readonly string[];
}

/** Where the benchmark is, and what a run may use; removed behind the tests. */
function place() {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-v4-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const context = {
    home: join(folder, 'home'),
    threads: 2,
    maxMemory: 2 ** 31,
    maxScratch: 2 ** 33,
  };
  return { folder, context, benchmark: writeV4Benchmark(folder, data ?? '') };
}
export type Place = ReturnType<typeof place>;

/** Tests on the recordings, skipped where they are not at hand. */
export function onV4(tests: (place: Place) => void): void {
  describe.skipIf(!data || !networks)('macaque V4 on 640 pictures', () => tests(place()));
}

/** The model is scored layer by layer, from features and by itself, and rescored by scikit-learn. */
export function rescored(
  { folder, context, benchmark }: Place,
  { model, layers }: ScoredModel,
): void {
  test('scored, and rescored by scikit-learn', async () => {
    const seconds = performance.now();
    const output = join(folder, 'activations.npz');
    await exportActivations({ model, layers, benchmark, output }, context);
    for (const layer of layers) {
      const { scores, failures } = await scoreFeatures(
        { features: output, layers: [layer], benchmarks: [benchmark] },
        context,
      );
      expect(failures).toEqual([]);
      const [score] = scores;
      expect(Math.abs(Number(score.ceiling?.value) - 0.728836)).toBeLessThan(
        tolerances.publishedCeiling,
      );
      expect(score.value).toBeGreaterThan(0.03);
      const own = await scoreModel(
        { model, benchmarks: [benchmark], layers: { '*': layer } },
        context,
      );
      expect(Math.abs(Number(own.scores[0].value) - Number(score.value))).toBeLessThanOrEqual(
        tolerances.endToEnd.score,
      );
      process.stderr.write(
        `${layer}: value ${score.value?.toFixed(6)}, raw ${score.raw.value?.toFixed(6)}, ${((performance.now() - seconds) / 1000).toFixed(1)} s, peak ${score.provenance.peakRssMiB} MiB\n`,
      );
    }
    // Fails beyond 1e-7 on any split; says so and ends well where Python is missing.
    const check = spawnSync(
      process.execPath,
      [
        join(packageRoot, 'dist', 'bench', 'reference.js'),
        '--check',
        output,
        '--benchmark',
        benchmark,
        '--home',
        context.home,
      ],
      { encoding: 'utf8' },
    );
    process.stderr.write(check.stdout);
    expect(check.status, check.stderr).toBe(0);
  });
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openModelFile } from '../../../src/activations/model-file.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { readMetrics } from '../../../src/training/record/metrics-log.js';
import { AttackedNetwork } from '../../../src/training/step/attacked-network.js';
import { runSmall, smallRecipe, smallStage } from '../small-runs.js';

test('resnet-20, whose shortcuts have no weights, is trained by a recipe that names it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-resnet-20-'));
  const recipe = smallRecipe([{ train: smallStage({ epochs: 1 }) }], { model: 'resnet-20' });
  await runSmall(recipe, folder);
  const events = await readMetrics(join(folder, 'metrics.jsonl'));
  const losses = events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []));
  expect(losses).toHaveLength(3);
  expect(losses.every(Number.isFinite)).toBe(true);
  rmSync(folder, { recursive: true });
});

test('resnet-20 is attacked: a step up its gradient raises the loss of each image', async () => {
  const { model } = await openModelFile('resnet-20');
  const dims = [2, 3, 32, 32];
  const normalisation = { range: 1, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  const network = await AttackedNetwork.open(model, { dims, normalisation, threads: 1 });
  const pictures = Float32Array.from(new RandomState(1).randomSample(2 * 3 * 32 * 32));
  const labels = [3, 8];
  const { gradient, losses } = await network.slope({ pictures, labels });
  const moved = pictures.map((value, i) => value + 1e-3 * Math.sign(gradient[i]));
  const { losses: after } = await network.answer({ pictures: moved, labels });
  await network.close();
  losses.forEach((loss, image) => {
    expect(after[image]).toBeGreaterThan(loss);
  });
});

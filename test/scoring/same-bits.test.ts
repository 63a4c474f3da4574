import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { exportActivations } from '../../src/scoring/features/export-activations.js';
import { scoreFeatures } from '../../src/scoring/features/score-features.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { ORACLE } from '../oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-bits-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const context = { home: folder, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
const at = (...parts: string[]) => join(ORACLE, '09-end-to-end', ...parts);

/** The runtime fuses operators unless a value is an output: what else is asked for must not show in the bits. */
test.each([
  { net: 'resnet', layer: 'layer3.0', others: 'layer*' },
  { net: 'mbconv', layer: 'blocks.2.1.conv_pwl', others: 'blocks*' },
])(
  '$net at $layer: alone, with another region, and from features of many layers',
  async ({ net, layer, others }) => {
    const model = { path: at(net, 'model.onnx'), file: at(net, 'card.yaml') };
    const benchmarks = [at('neural-csv', 'benchmark.yaml')];
    const together = await scoreModel({ model, benchmarks }, context);
    const { scores: asked } = await scoreModel(
      { model, benchmarks, layers: { V4: 'nowhere' } },
      context,
    );
    const output = join(folder, `${net}.npz`);
    await exportActivations({ model, layers: [others], benchmark: benchmarks[0], output }, context);
    const features = await scoreFeatures(
      { features: output, layers: [layer], benchmarks },
      context,
    );
    const inferior = (scores: readonly Score[]) =>
      scores.find(({ region }) => region === 'IT') as Score;
    const [a, b, c] = [together.scores, asked, features.scores].map(inferior);
    expect(asked).toHaveLength(1);
    expect(a.layer).toBe(layer);
    for (const score of [b, c]) {
      expect([score.value, score.error, score.raw.splits]).toEqual([
        a.value,
        a.error,
        a.raw.splits,
      ]);
    }
    expect(b.provenance.inputs).toBe(a.provenance.inputs);
  },
);

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { runVentral, startVentral } from '../cli/run-ventral.js';
import { bytesOf } from '../training/small-runs.js';

/** So many in CI; `VENTRAL_TEST_TRAINING_KILLS=10` takes ten minutes. */
const KILLS = Number(process.env.VENTRAL_TEST_TRAINING_KILLS ?? 4);
const root = mkdtempSync(join(tmpdir(), 'ventral-training-kills-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const generated = { generate: 'objects-on-backgrounds', seed: 1, count: 700, side: 32 };
const threat = { norm: 'Linf', epsilon: '4/255' };
const train = { epochs: 2, batch: 32, side: 32, rate: 0.02, optimizer: { name: 'adamw' } };
const recipe = {
  name: 'killed',
  model: resolve('models', 'objects-resnet', 'untrained.yaml'),
  weights: 'redrawn',
  data: { train: generated, test: { ...generated, seed: 2, count: 100 } },
  stages: [
    { train: { ...train, name: 'robust', adversarial: { method: 'pgd', ...threat, steps: 1 } } },
    {
      train: {
        ...train,
        name: 'tuned',
        freeze: 'first-half',
        augment: [{ ShiftScaleRotate: {} }],
        mix: { CutMixPatch: {} },
        ema: 0.9,
      },
    },
    { average: { name: 'mean', of: 'tuned', statistics: 'estimated' } },
    { evaluate: { checkpoints: ['robust', 'mean'], threats: [threat], count: 64 } },
    { compare: { stage: 'tuned', with: 'robust', seeds: [1, 2], threats: [threat], count: 32 } },
  ],
};
const file = join(root, 'recipe.yaml');
writeFileSync(file, stringify(recipe));
const home = join(root, 'home');

async function killed(folder: string, ms: number): Promise<boolean> {
  const child = startVentral(home, ['train', file, '-o', folder]);
  const kill = setTimeout(() => child.kill('SIGKILL'), ms);
  const closed = once(child, 'close');
  await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [, signal] = await closed;
  clearTimeout(kill);
  return signal === 'SIGKILL';
}

it('a run that is killed at any instant goes on to the bytes of one that was not', async () => {
  const whole = join(root, 'whole');
  const started = performance.now();
  const { status, err } = await runVentral(home, 'train', file, '-o', whole);
  expect(status, err).toBe(0);
  const length = performance.now() - started;
  const expected = bytesOf(whole);
  const random = new RandomState(20261125);
  let kills = 0;
  for (let i = 0; i < KILLS; i++) {
    const folder = join(root, `killed-${i}`);
    const early = await killed(folder, length * random.double());
    if (early) kills++;
    const words = ['train', file, '-o', folder];
    const resumed = await runVentral(home, ...words, '--resume');
    // A kill before the run had started leaves nothing to continue with.
    const nothing = resumed.status === 2 && /has no run to resume/.test(resumed.err);
    const ran = nothing ? await runVentral(home, ...words) : resumed;
    expect(ran.status, ran.err).toBe(0);
    expect(bytesOf(folder), `killed after a random share of ${length} ms`).toEqual(expected);
  }
  expect(kills).toBeGreaterThan(KILLS / 2);
}, 1_200_000);

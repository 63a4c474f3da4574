import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { getMetadata } from '../../../src/onnx/metadata.js';
import { readModel } from '../../../src/onnx/model.js';
import { tensorElements } from '../../../src/onnx/tensor-elements.js';
import { readMetrics } from '../../../src/training/record/metrics-log.js';
import { bytesOf, runSmall, smallRecipe, smallStage } from '../small-runs.js';

let root: string;
let folders = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-run-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = () => join(root, String(folders++));

/** Runs a recipe, and again with an interruption after so many words of progress. */
async function interruptedAfter(recipe: ReturnType<typeof smallRecipe>, words: number) {
  const folder = newFolder();
  const controller = new AbortController();
  let heard = 0;
  const progress = () => {
    heard++;
    if (heard === words) controller.abort(new VentralError('interrupted', 'Interrupted'));
  };
  const stopped = runSmall(recipe, folder, { signal: controller.signal, progress });
  await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  await runSmall(recipe, folder);
  return folder;
}

const adversarial = { method: 'pgd', norm: 'Linf', epsilon: '8/255', steps: 1 };
const whole = smallRecipe([
  { train: smallStage({ adversarial, ema: 0.9, accumulate: 2 }) },
  {
    train: smallStage({
      name: 'second',
      freeze: 'first-half',
      optimizer: { name: 'adamw' },
      rate: 0.001,
      sharpness: { rho: 0.05 },
      drop_connect: 0.2,
      dropout: 0.1,
      augment: [{ RandomHorizontalFlip: { p: 0.5 } }],
      mix: { CutMixPatch: {} },
    }),
  },
  { average: { name: 'mean', of: 'second', statistics: 'estimated', method: 'greedy' } },
  {
    evaluate: {
      checkpoints: ['mean'],
      threats: [adversarial].map(({ norm, epsilon }) => ({ norm, epsilon })),
      count: 16,
    },
  },
]);

describe('a run', () => {
  let folder: string;
  beforeAll(async () => {
    folder = newFolder();
    await runSmall(whole, folder);
  });

  test('keeps every checkpoint as a network with its card, and ends with the last', async () => {
    const names = Object.keys(bytesOf(folder));
    for (const name of ['untrained', 'first-epoch0', 'first-epoch1', 'second-epoch1', 'mean'])
      expect(names).toContain(`checkpoints/${name}.onnx`);
    const { 'model.onnx': model, 'checkpoints/mean.onnx': mean } = bytesOf(folder);
    expect(model).toBe(mean);
    const card = getMetadata(
      readModel(readFileSync(join(folder, 'model.onnx')), 'm'),
      'ventral.card',
    );
    expect(card).toMatch(/^name: small$/m);
    expect(names).toContain('report.html');
  });

  test('writes down every step, epoch and figure', async () => {
    const events = await readMetrics(join(folder, 'metrics.jsonl'));
    const count = (kind: string) => events.filter((event) => event.kind === kind).length;
    expect([count('step'), count('epoch'), count('average'), count('robustness')]).toEqual([
      12, 4, 1, 3,
    ]);
    const robust = events.find((event) => event.kind === 'epoch' && event.stage === 'first');
    expect(robust).toMatchObject({ validation: { robustAccuracy: expect.any(Number) } });
  });

  test('leaves frozen weights and statistics as they were, byte for byte', () => {
    const of = (name: string) => {
      const model = readModel(readFileSync(join(folder, 'checkpoints', `${name}.onnx`)), name);
      return new Map(model.graph.initializers.map((t) => [t.name, tensorElements(t)]));
    };
    const [before, after] = [of('first-epoch1'), of('second-epoch1')];
    const same = [...before].filter(([name, values]) => {
      return Buffer.compare(bytes(values), bytes(after.get(name))) === 0;
    });
    const names = same.map(([name]) => name);
    expect(names).toContain('blocks.0.bn2.running_var');
    expect(names).toContain('conv1.weight');
    expect(names.filter((name) => /^(blocks\.1|fc)/.test(name))).toEqual([]);
  });

  test.each([2, 9, 14])('interrupted after word %i goes on to the same bytes', async (words) => {
    expect(bytesOf(await interruptedAfter(whole, words))).toEqual(bytesOf(folder));
  });

  test('goes on only as it began', async () => {
    await expect(runSmall({ ...whole, seed: 5 }, folder)).rejects.toThrow(
      /resolved\.yaml:\d+ says "seed: 1", and the recipe, data or program of now "seed: 5"/,
    );
  });

  test('is one process a folder; what a dead one left is taken over', async () => {
    const held = join(folder, 'run.pid');
    writeFileSync(held, String(process.ppid));
    await expect(runSmall(whole, folder)).rejects.toThrow(/is training there/);
    writeFileSync(held, '999999999');
    await expect(runSmall(whole, folder)).resolves.toBeUndefined();
  });
});

const bytes = (values: ArrayLike<unknown> | undefined) => {
  const { buffer, byteOffset, byteLength } = values as unknown as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
};

async function checkpointOf(stage: object): Promise<string> {
  const folder = newFolder();
  await runSmall(smallRecipe([{ train: smallStage(stage) }]), folder);
  return bytesOf(folder)['checkpoints/first-epoch1.onnx'];
}

describe('a train stage', () => {
  test('with rho = 0 has the bits of its base optimizer', async () => {
    const plain = await checkpointOf({ clip: 5 });
    expect(await checkpointOf({ clip: 5, sharpness: { rho: 0 } })).toBe(plain);
    expect(await checkpointOf({ clip: 5, sharpness: { rho: 0.1 } })).not.toBe(plain);
  });

  test('learns from three views with AugMix, from replays with free, from one step with fast', async () => {
    const Linf = { norm: 'Linf', epsilon: '8/255' };
    const made = [
      await checkpointOf({ mix: { AugMix: {} } }),
      await checkpointOf({ adversarial: { method: 'free', ...Linf, replays: 2 } }),
      await checkpointOf({ adversarial: { method: 'fast', ...Linf } }),
    ];
    expect(new Set(made).size).toBe(3);
  });

  test('ends early where no epoch is better, and keeps the best', async () => {
    const folder = newFolder();
    const stage = smallStage({
      epochs: 5,
      rate: 1e-12,
      patience: 1,
      keep: 'best',
      batch_norm_momentum: 1e-9,
    });
    await runSmall(smallRecipe([{ train: stage }]), folder);
    const events = await readMetrics(join(folder, 'metrics.jsonl'));
    expect(events.filter(({ kind }) => kind === 'epoch').length).toBeLessThan(5);
    expect(JSON.stringify(events)).toMatch(/ended after epoch/);
  });

  test('that goes astray says so', async () => {
    await expect(checkpointOf({ rate: 1e30 })).rejects.toMatchObject({
      code: 'training-diverged',
      message: expect.stringMatching(
        /^first: the loss is (NaN|Infinity) at step \d+; take a lower rate/,
      ),
    });
  });

  test('refuses data of other classes, and more than there is to learn from', async () => {
    await expect(checkpointOf({ batch: 64 })).rejects.toThrow(/a batch of 64 is more than the 5\d/);
    const folder = newFolder();
    for (const name of ['cat', 'dog']) {
      mkdirSync(join(folder, name), { recursive: true });
      const picture = { width: 8, height: 8, channels: 3, background: 'red' } as const;
      for (let i = 0; i < 20; i++)
        await sharp({ create: picture })
          .png()
          .toFile(join(folder, name, `${i}.png`));
    }
    const data = { train: { folder }, test: { folder } };
    const two = smallRecipe([{ train: smallStage() }], { data });
    await expect(runSmall(two, newFolder())).rejects.toThrow(
      /data have 2 classes, and the network tells 10 apart/,
    );
  });
});

test('two stages over seeds are told apart with an interval', async () => {
  const folder = newFolder();
  const threats = [{ norm: 'Linf', epsilon: '2/255' }];
  const recipe = smallRecipe([
    { train: smallStage() },
    { train: smallStage({ name: 'robust', from: 'untrained', adversarial }) },
    { compare: { stage: 'robust', with: 'first', seeds: [1, 2], threats, count: 16 } },
  ]);
  await runSmall(recipe, folder);
  const found = (await readMetrics(join(folder, 'metrics.jsonl'))).filter(
    ({ kind }) => kind === 'comparison',
  );
  expect(found.map((event) => event.kind === 'comparison' && event.measure)).toEqual([
    'accuracy',
    'pgd-20 Linf 0.00784',
  ]);
  for (const event of found) {
    if (event.kind !== 'comparison') continue;
    expect(event.differences).toHaveLength(2);
    expect(event.interval[0]).toBeLessThanOrEqual(event.mean);
  }
});

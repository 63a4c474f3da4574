import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { type Progress, Work } from '../../../src/runtime/work.js';
import type { Ablation } from '../../../src/training/ablation/ablation.js';
import { armsOf, type Direction } from '../../../src/training/ablation/arms.js';
import { type AblationResult, runAblation } from '../../../src/training/ablation/run-ablation.js';
import { writeAblation } from '../../../src/training/ablation/write-ablation.js';
import { runRecipe } from '../../../src/training/run/run-recipe.js';
import { base, bytesOf, runSmall } from '../small-runs.js';
import { parsed, smallAblation } from './small-ablation.js';

/** What a test may say of a run. */
interface SmallOptions {
  readonly direction?: Direction;
  readonly signal?: AbortSignal;
  readonly progress?: (at: Progress) => void;
}

/** Runs an ablation in a folder, in this thread, and writes its files. */
async function runSmallAblation(
  ablation: Ablation,
  folder: string,
  { direction = 'leave-one-out', signal, progress }: SmallOptions = {},
): Promise<AblationResult> {
  const result = await runAblation(
    ablation,
    { base, folder },
    {
      direction,
      file: 'small.yaml',
      run: runRecipe,
      home: join(folder, 'home'),
      threads: 1,
      maxMemory: 2 ** 31,
      maxScratch: 2 ** 31,
      signal: signal ?? new AbortController().signal,
      ...(progress ? { progress: Work.start(progress) } : {}),
    },
  );
  await writeAblation(folder, ablation, result, 'npx ventral ablate small.yaml');
  return result;
}

let root: string;
let whole: string;
let result: AblationResult;
const heard: Progress[] = [];
// Two techniques that the base has.
const all = parsed(smallAblation());
const ablation = { ...all, arms: all.arms.filter(({ in_base }) => in_base) };

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-ablation-'));
  whole = join(root, 'whole');
  const progress = (at: Progress) => heard.push(at);
  result = await runSmallAblation(ablation, whole, { progress });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Bytes of all that no clock goes into. */
function allBytes(folder: string) {
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  const markdown = text('ablation.md').replace(/- Run time: .*/, '');
  return [bytesOf(folder), text('ablation.json'), text('ablation.csv'), markdown];
}

describe('an ablation', () => {
  test('is a run for each family, arm and seed, and has both tables', () => {
    const arms = ['base', 'without-cutmix', 'without-hard'];
    expect(readdirSync(join(whole, 'net')).sort()).toEqual(arms);
    for (const arm of arms)
      expect(readdirSync(join(whole, 'net', arm)).sort()).toEqual(['seed-1', 'seed-2']);
    expect(result.cells).toHaveLength(6);
    expect(result.cells.every(({ measures }) => measures.size === 2)).toBe(true);
    expect(result.tables.map(({ rows }) => rows.length)).toEqual([2, 2]);
    expect(Object.keys(result.digests)).toContain('network net');
  });

  test('trains what arms have in common once', () => {
    // Per seed: the first stage hard or not, and the second from either or without the mix.
    expect(readdirSync(join(whole, 'shared'))).toHaveLength(2 * (2 + 3));
    const trained = heard.filter(({ stage, done }) => /: first$/.test(stage) && done === 1);
    expect(trained.map(({ stage }) => stage)).toEqual([
      'run 1 of 6, net base seed 1: first',
      'run 2 of 6, net without-hard seed 1: first',
      'run 4 of 6, net base seed 2: first',
      'run 5 of 6, net without-hard seed 2: first',
    ]);
  });

  test('has one progress for all runs, which never falls and ends', () => {
    const shares = heard.map(({ share }) => share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(0.9);
    expect(heard.at(-1)?.etaSeconds).not.toBeNull();
  });

  test('leaves in the folder of an arm the bytes that its recipe by itself leaves', async () => {
    const arm = armsOf(ablation, 'leave-one-out', 'small.yaml').find(
      ({ id }) => id === 'without-cutmix',
    );
    const recipe = arm?.recipe(ablation.families[0], 2);
    if (!recipe) throw new Error('no arm');
    const alone = join(root, 'alone');
    await runSmall(recipe, alone);
    expect(bytesOf(join(whole, 'net', 'without-cutmix', 'seed-2'))).toEqual(bytesOf(alone));
  });

  test('interrupted, it goes on to the same bytes', async () => {
    const words = 23;
    const folder = join(root, `interrupted`);
    const controller = new AbortController();
    let count = 0;
    const progress = () => {
      count++;
      if (count === words) controller.abort(new VentralError('interrupted', 'Interrupted'));
    };
    const stopped = runSmallAblation(ablation, folder, { signal: controller.signal, progress });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    await runSmallAblation(ablation, folder);
    expect(allBytes(folder)).toEqual(allBytes(whole));
  });

  test('that is done trains nothing again, and goes on only as it began', async () => {
    let words = 0;
    const progress = () => {
      words++;
    };
    await runSmallAblation(ablation, whole, { progress });
    expect(words).toBe(0);
    await expect(runSmallAblation({ ...ablation, seeds: [1, 3] }, whole)).rejects.toThrow(
      /resolved\.yaml:\d+ says "- 2"/,
    );
    await expect(runSmallAblation(ablation, whole, { direction: 'add-one' })).rejects.toMatchObject(
      { code: 'recipe-invalid' },
    );
  });
});

const only = (arms: object[], more: object = {}) => parsed(smallAblation({ arms, ...more }));

test('a run that fails is a missing cell with its reason', async () => {
  const folder = join(root, 'astray');
  const found = await runSmallAblation(
    only([
      {
        name: 'astray',
        table: 'behaviour',
        in_base: false,
        change: { second: { rate: 1e30 } },
      },
    ]),
    folder,
  );
  const reasons = found.cells.flatMap(({ arm, missing }) =>
    [...missing.values()].map((r) => [arm, r]),
  );
  expect(reasons).toEqual([
    ['astray', expect.stringMatching(/^second: the loss is (NaN|Infinity)/)],
    ['astray', expect.stringMatching(/^second: the loss is (NaN|Infinity)/)],
  ]);
  const [table] = found.tables;
  expect(table.rows.at(-1)?.entries[0]).toMatchObject({
    mean: null,
    reason: expect.stringMatching(/the loss is/),
  });
  expect(readFileSync(join(folder, 'ablation.csv'), 'utf8')).toMatch(
    /net,astray,1,accuracy,,false,/,
  );
});

test('what keeps the base from beginning ends it all', async () => {
  const families = [{ name: 'net', model: 'nowhere.onnx' }];
  const arms = [{ name: 'own', table: 'behaviour', change: { first: { rate: 0.1 } } }];
  await expect(
    runSmallAblation(only(arms, { families }), join(root, 'nowhere')),
  ).rejects.toMatchObject({ exit: 2 });
});

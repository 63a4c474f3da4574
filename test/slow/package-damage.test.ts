import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildPackage } from '../../src/submission/build-package.js';
import { checkPackage } from '../../src/submission/check-package.js';
import { damaged } from '../fuzz/damage.js';
import { Dice } from '../fuzz/dice.js';
import { zipCase, zipOf } from '../fuzz/zip-cases.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-package-damage-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('2,000 damaged packages are checked to the end, and their names can be shown', async () => {
  const path = join(folder, 'damaged.zip');
  for (const format of ['brainscore', 'brainscore-2022'] as const) {
    const { files } = await buildPackage({ model: { path: 'gabor-v1' }, format });
    const small = files.map(({ name, data }) => ({
      name,
      data: name.endsWith('.onnx') ? data.subarray(0, 1000) : data,
    }));
    for (let seed = 1; seed <= 1000; seed++) {
      const dice = new Dice(seed);
      // What the texts say is damaged too, in archives that are whole.
      const inside = () =>
        zipOf(
          small.map((part) =>
            dice.chance(0.3) ? { ...part, data: damaged(part.data, dice) } : part,
          ),
        );
      await writeFile(path, seed % 3 === 0 ? inside() : zipCase(small, dice));
      const check = await checkPackage(path);
      for (const { where, message } of check.findings)
        expect(`${where}${message}`, `seed ${seed}`).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  }
});

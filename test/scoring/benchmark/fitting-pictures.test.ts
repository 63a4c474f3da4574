import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fittingOrder } from '../../../src/metrics/commitment/layer-commitment.js';
import {
  fittedComponents,
  picturesFolder,
} from '../../../src/scoring/benchmark/fitting-pictures.js';
import { redactPaths } from '../../../src/service/http/redact-paths.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-pictures-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('what lacks is told with a path that can be redacted, however long it is', async () => {
  const home = join(root, 'volumes', 'a-long-name-of-a-volume', 'x'.repeat(60));
  for (const made of [false, true]) {
    if (made) mkdirSync(picturesFolder(home), { recursive: true });
    const error = await fittedComponents(2, picturesFolder(home)).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'data-missing' });
    expect(error.message).toContain(picturesFolder(home));
    const { detail } = redactPaths({ detail: error.message }, home);
    expect(detail).toMatch(/^imagenet-val(:| cannot be read:) /);
    expect(detail).not.toContain('volumes');
  }
});

test('links in the folder lead nowhere', async () => {
  const folder = join(root, 'val');
  mkdirSync(join(folder, 'n1'), { recursive: true });
  mkdirSync(join(root, 'others'));
  for (const name of ['a.png', 'b.png']) writeFileSync(join(root, 'others', name), name);
  symlinkSync(join(root, 'others'), join(folder, 'n2'));
  symlinkSync(join(root, 'others', 'a.png'), join(folder, 'n1', 'c.png'));
  symlinkSync('/dev/zero', join(folder, 'n1', 'd.png'));
  await expect(fittedComponents(2, folder)).rejects.toThrow('found 0');
});

test('a folder of more classes than a call takes arguments, most of them empty', () => {
  const sizes = Array.from({ length: 200_000 }, (_, i) => (i === 199_999 ? 2000 : 0));
  const order = fittingOrder(sizes, 2000);
  expect(order).toHaveLength(2000);
  expect(order[1999]).toEqual([199_999, 1999]);
  expect(fittingOrder([2, 0, 1], 9)).toEqual([
    [0, 0],
    [2, 0],
    [0, 1],
  ]);
});

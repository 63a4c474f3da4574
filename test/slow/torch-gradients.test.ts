import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { besideAutograd, readFixture } from '../training/exported-networks.js';
import { TOLERANCE } from '../training/torch-fixture.js';
import { python, pythonHas } from './debian-python.js';

/** Networks of torch-gradients.py. */
const networks = [
  ...['vit', 'swin', 'swin-v2', 'convnext', 'maxvit'],
  ...['mobilenet-v3', 'shufflenet', 'densenet', 'squeezenet'],
];

const hasTorch = pythonHas('torch', 'torchvision', 'onnx');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-gradients-'));
  if (!hasTorch) return;
  const script = join(import.meta.dirname, 'torch-gradients.py');
  execFileSync(python, [script, folder], { stdio: 'ignore' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('PyTorch is here', (context) => {
  if (!hasTorch) context.skip(`${python} has no torch, torchvision and onnx`);
  expect(hasTorch).toBe(true);
});

describe.skipIf(!hasTorch)('a network of torchvision has the gradients that PyTorch has:', () => {
  test.each(networks)('%s', async (name) => {
    const { loss, input, far } = await besideAutograd(folder, readFixture(folder), name);
    expect(loss).toBeLessThan(TOLERANCE);
    expect(input).toBeLessThan(TOLERANCE);
    expect(far).toEqual([]);
  });
});

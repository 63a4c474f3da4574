import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { extractActivations } from '../../src/activations/extract.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { listLayers } from '../../src/onnx/layers.js';
import { madeStimuli, plainCard } from '../activations/made-networks.js';
import { python, pythonHas } from './debian-python.js';

const hasTorch = pythonHas('torch', 'onnx');

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-noisy-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function shown(path: string, trials: number, layers: readonly string[]) {
  const card = { ...plainCard({ range: 1 }), trials };
  const network = await openNetwork({ path, card });
  const stimuli = await madeStimuli(12, 32);
  const found = await extractActivations(network, { stimuli, degrees: undefined }, layers, {
    ...{ threads: 1, maxMemory: 2 ** 30, maxScratch: 0, scratch: root },
  });
  const values = new Map<string, Float32Array | Float64Array>();
  for (const [layer, store] of found.layers)
    values.set(layer, (await store.columns(0, store.cols)).slice());
  found.close();
  const offered = listLayers(network.file.model).filter(({ value }) => value !== null);
  return { values, modules: offered.filter(({ kind }) => kind === 'module') };
}

const rms = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

test('noise that PyTorch exported is repeated bit for bit, and averages out', async (context) => {
  if (!hasTorch) context.skip(`${python} has no torch and onnx`);
  const path = join(root, 'noisy.onnx');
  execFileSync(python, [join(import.meta.dirname, 'noisy-network.py'), path], { stdio: 'ignore' });
  const layers = ['gabors', 'noise', 'output', 'drop', 'body.0', 'body.4'];
  const { values, modules } = await shown(path, 3, layers);
  expect(modules.map(({ name }) => name)).toEqual(expect.arrayContaining(layers));
  expect((await shown(path, 3, layers)).values).toEqual(values);
  const [single, many] = [1, 100].map((trials) => shown(path, trials, ['gabors', 'noise']));
  const error = async (one: ReturnType<typeof shown>) => {
    const found = (await one).values;
    const still = found.get('gabors') as Float32Array;
    return rms(Array.from(found.get('noise') as Float32Array, (value, i) => value - still[i]));
  };
  // The mean of a hundred varies by a tenth: of 16,000 numbers, within three in a hundred.
  const share = (await error(many)) / (await error(single));
  expect(share).toBeGreaterThan(0.097);
  expect(share).toBeLessThan(0.103);
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importCheckpoint } from '../../src/importing/import-checkpoint.js';

/** Networks of torch-networks.py and what they are imported onto: a name of ours, or their own export. */
const networks: [name: string, onto: { arch?: string }, epsilon?: string][] = [
  ['resnet50', { arch: 'resnet-50' }],
  ['efficientnet_b1', { arch: 'efficientnet-b1' }],
  ['tf_efficientnet_b1', { arch: 'efficientnet-b1' }],
  ['plain_efficientnet_b1', { arch: 'pytorch-efficientnet-b1' }],
  ['lukemelas_efficientnet_b1', { arch: 'efficientnet-b1' }],
  ['resnet20', { arch: 'resnet-20' }],
  ['mobilenet_v2', {}],
  ['mobilenet_v2_folded', {}],
  ['resnet18_folded', {}],
  ['densenet121_folded', {}],
  ['googlenet_folded', {}, '0.001'],
  ['vit_folded', {}],
];

const python = '/usr/bin/python3';
const hasTorch = (() => {
  try {
    execFileSync(python, ['-c', 'import torch, torchvision, onnx'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-torch-'));
  if (!hasTorch) return;
  const script = join(import.meta.dirname, 'torch-networks.py');
  execFileSync(python, [script, root, ...networks.map(([name]) => name)], { stdio: 'ignore' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('PyTorch is here', (context) => {
  if (!hasTorch) context.skip(`${python} has no torch, torchvision and onnx`);
  expect(hasTorch).toBe(true);
});

describe.skipIf(!hasTorch)(
  'a checkpoint that PyTorch wrote gives at every layer what PyTorch gives:',
  () => {
    test.each(networks)('%s', async (name, { arch }, epsilon) => {
      const at = (ending: string) => join(root, `${name}${ending}`);
      const onto = arch === undefined ? { graph: at('.onnx') } : { arch };
      const request = {
        checkpoint: at('.pth'),
        output: at('-imported.onnx'),
        reference: at('.npz'),
      };
      const { keys, proof, notes } = await importCheckpoint({ ...request, ...onto });
      expect(keys).toMatchObject({ missing: [], unexpected: [], loaded: keys!.total });
      const largest = proof!.layers.reduce((a, b) => (b.difference > a.difference ? b : a));
      process.stderr.write(
        `${name}: ${proof!.layers.length} layers, largest difference ${largest.difference.toExponential(1)} at ${largest.layer}\n`,
      );
      expect(largest.difference).toBeLessThan(1e-4);
      if (epsilon) expect(notes.join()).toContain(`with epsilon ${epsilon}`);
    });

    test('and as another variant than it is, it is refused at the first layer that differs', async () => {
      const at = (ending: string) => join(root, `efficientnet_b1${ending}`);
      const request = { checkpoint: at('.pth'), output: at('-other.onnx'), reference: at('.npz') };
      await expect(
        importCheckpoint({ ...request, arch: 'tf-efficientnet-b1' }),
      ).rejects.toMatchObject({ code: 'import-differs', details: { field: 'features.0.0' } });
    });
  },
);

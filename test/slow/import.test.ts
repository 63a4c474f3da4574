import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNpz } from '../../src/formats/npz.js';
import { importCheckpoint } from '../../src/importing/import-checkpoint.js';
import { python, pythonHas } from './debian-python.js';

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
  ['googlenet_folded', {}, '1e-3'],
  ['vit_folded', {}],
];

const hasTorch = pythonHas('torch', 'torchvision', 'onnx');

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

    test('the script of docs/import.md records what the fixtures of npm test hold', async () => {
      const docs = readFileSync(join(import.meta.dirname, '../../docs/import.md'), 'utf8');
      const [script] = [...docs.matchAll(/```python\n([\s\S]*?)```/g)]
        .map(([, code]) => code)
        .filter((code) => code.includes('def record'));
      const fixtures = join(import.meta.dirname, '../fixtures/graft');
      const recorded = join(root, 'recorded.npz');
      const use = [
        'import sys; sys.path.insert(0, sys.argv[1])',
        'import make',
        'model = make.ResNet()',
        'state = torch.load(sys.argv[1] + "/resnet.pth")["state_dict"]',
        'model.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})',
        'x = torch.from_numpy(np.load(sys.argv[1] + "/resnet.npz")["input"])',
        'record(model, x, sys.argv[2])',
      ];
      execFileSync(python, ['-c', [script, ...use].join('\n'), fixtures, recorded]);
      const [ours, theirs] = await Promise.all(
        [recorded, join(fixtures, 'resnet.npz')].map((path) => openNpz(path)),
      );
      expect([...ours.names].sort()).toEqual([...theirs.names].sort());
      for (const name of theirs.names) {
        const [a, b] = [await ours.read(name), await theirs.read(name)];
        expect(a.shape).toEqual(b.shape);
        const apart = (a.data as Float32Array).map((x, i) =>
          Math.abs(x - (b.data as Float32Array)[i]),
        );
        expect(Math.max(...apart)).toBeLessThan(1e-5);
      }
      await Promise.all([ours.close(), theirs.close()]);
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

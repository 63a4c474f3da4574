import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpz } from '../../src/formats/npz.js';
import { compareModules, openTorchNetwork } from '../activations/torch-network.js';
import { tolerances } from '../tolerances.js';

const python = '/usr/bin/python3';
const hasTorch = (() => {
  try {
    execFileSync(python, ['-c', 'import torch, torchvision, onnx'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const script = join(import.meta.dirname, '..', 'fixtures', 'hooks', 'make.py');
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-hooks-'));
  if (!hasTorch) return;
  for (const size of ['tiny', 'unfolded', 'whole']) {
    mkdirSync(join(root, size));
    execFileSync(python, [script, size, join(root, size)], { stdio: 'ignore' });
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('PyTorch is here', (context) => {
  if (!hasTorch) context.skip(`${python} has no torch, torchvision and onnx`);
  expect(hasTorch).toBe(true);
});

/** Networks, how many of their modules hooks see, and how many of those are had here. */
const networks: [size: string, name: string, compared: number][] = [];

describe.skipIf(!hasTorch)('what hooks of PyTorch record, exported here:', () => {
  test.each(networks)('%s %s', async (size, name, compared) => {
    const network = await openTorchNetwork(
      join(root, size),
      name,
      join(root, size, 'scratch', name),
    );
    const found = await compareModules(network, tolerances.hooks);
    await network.close();
    const { worst, refused } = found;
    process.stderr.write(
      `${name}: ${found.compared.length} of ${network.modules.length} modules, largest difference ${worst.difference.toExponential(1)} at ${worst.module}\n`,
    );
    expect(worst.difference, worst.module).toBeLessThanOrEqual(tolerances.hooks);
    expect(found).toMatchObject({ misled: [], unseen: [] });
    expect(found.compared).toHaveLength(compared);
    // Nothing is missing but what has no node, and convolutions that took in a batch norm.
    const { 'layer-folded': _, ...others } = refused;
    for (const module of Object.values(others).flat())
      expect(network.nodeless, module).toContain(module);
  });
});

/** Networks with prefix tokens, a block, and numpy's slices of them. */
const sliced: [size: string, name: string, block: string, prefix: number][] = [
  ['whole', 'vit_b_16', 'encoder.layers.encoder_layer_11', 1],
  ['tiny', 'clip', 'transformer.resblocks.1', 1],
  ['tiny', 'dino', 'blocks.1', 5],
];

const compareSlices = `
import sys, numpy as np
path, prefix = sys.argv[1], int(sys.argv[2])
found = np.load(path)
tokens, channels = found["shape"][1:]
whole = found["whole"].reshape(-1, tokens, channels)
parts = {"cls": whole[:, 0], "patches": whole[:, prefix:], "no-prefix": whole[:, prefix:], "mean": whole[:, prefix:].mean(1)}
if prefix > 1: parts["registers"] = whole[:, 1:prefix]
for part, want in parts.items():
    if found[part].tobytes() != np.ascontiguousarray(want).tobytes(): sys.exit(part)
print(len(parts))
`;

describe.skipIf(!hasTorch)('tokens are the slices of numpy, bit for bit:', () => {
  test.each(sliced)('%s %s', async (size, name, block, prefix) => {
    const network = await openTorchNetwork(
      join(root, size),
      name,
      join(root, size, 'scratch', 'tokens'),
    );
    const parts = ['cls', 'patches', 'no-prefix', 'mean', ...(prefix > 1 ? ['registers'] : [])];
    const found = await network.activations([block, ...parts.map((part) => `${block}@${part}`)]);
    const { shape } = await network.recorded(block);
    await network.close();
    const array = (layer: string) => {
      const data = found.get(layer) as Float32Array;
      return { dtype: 'float32', shape: [data.length], data } as const;
    };
    const path = join(root, `${name}-tokens.npz`);
    await writeNpz(path, [
      { name: 'shape', array: { dtype: 'int32', shape: [3], data: Int32Array.from(shape) } },
      { name: 'whole', array: array(block) },
      ...parts.map((part) => ({ name: part, array: array(`${block}@${part}`) })),
    ]);
    const said = execFileSync(python, ['-c', compareSlices, path, String(prefix)]);
    expect(Number(said)).toBe(parts.length);
  });
});

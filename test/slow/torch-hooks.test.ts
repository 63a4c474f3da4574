import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpz } from '../../src/formats/npz.js';
import {
  compareModules,
  openTorchNetwork,
  type TorchNetwork,
} from '../activations/torch-network.js';
import { tolerances } from '../tolerances.js';
import { python, pythonHas } from './debian-python.js';

const hasTorch = pythonHas('torch', 'torchvision', 'onnx');

const script = join(import.meta.dirname, '..', 'fixtures', 'hooks', 'make.py');
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-hooks-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('PyTorch is here', (context) => {
  if (!hasTorch) context.skip(`${python} has no torch, torchvision and onnx`);
  expect(hasTorch).toBe(true);
});

/** Small ones and some whole ones in CI; `VENTRAL_TEST_WHOLE=1` takes five minutes more for the large ones. */
const largeToo = process.env.VENTRAL_TEST_WHOLE === '1';
const large: [size: 'whole', name: string][] = [
  ['whole', 'vit_b_16'],
  ['whole', 'swin_t'],
  ['whole', 'convnext_tiny'],
  ['whole', 'densenet121'],
];
/** Sizes of make.py and the networks that it has of each; whole ones are made when they are needed, and take much disk. */
const networks: [size: 'unfolded' | 'whole', name: string][] = [
  ...(largeToo ? large : []),
  ['unfolded', 'vit'],
  ['unfolded', 'swin'],
  ['unfolded', 'convnext'],
  ['unfolded', 'clip'],
  ['unfolded', 'dino'],
  ['unfolded', 'densenet'],
  ['unfolded', 'mobilenet'],
  ['unfolded', 'regnet'],
  ['unfolded', 'recurrent'],
  ['unfolded', 'video'],
  ['whole', 'mobilenet_v3_large'],
  ['whole', 'regnet_y_400mf'],
  ['whole', 'r3d_18'],
];

/** Makes a network for the time of `use`. */
async function withNetwork(
  [size, name]: (typeof networks)[number],
  use: (network: TorchNetwork) => Promise<void>,
): Promise<void> {
  const folder = join(root, size, name);
  mkdirSync(folder, { recursive: true });
  execFileSync(python, [script, size, folder, name], { stdio: ['ignore', 'ignore', 'pipe'] });
  const network = await openTorchNetwork(folder, name, join(folder, 'scratch'));
  try {
    await use(network);
  } finally {
    await network.close();
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(!hasTorch)('every module is what a hook of PyTorch on it records:', () => {
  test.each(networks)('%s %s', async (size, name) => {
    await withNetwork([size, name], async (network) => {
      const found = await compareModules(network, tolerances.hooks);
      const { worst, compared, refused } = found;
      process.stderr.write(
        `${size} ${name}: ${compared.length} of ${network.modules.length} modules, largest difference ${worst.difference.toExponential(1)} at ${worst.module}\n`,
      );
      expect(worst.difference, worst.module).toBeLessThanOrEqual(tolerances.hooks);
      expect(found).toMatchObject({ misled: [], unseen: [] });
      // What is missing has no node: modules that do nothing and, as people export, norms that a convolution took in.
      const { 'layer-folded': folded = [], ...others } = refused;
      if (size === 'unfolded') expect(folded).toEqual([]);
      const expected = (module: string) =>
        network.nodeless.includes(module.replace(/#\d+$/, '')) ||
        (size === 'whole' && /norm/.test(module));
      expect(
        Object.values(others)
          .flat()
          .filter((module) => !expected(module)),
      ).toEqual([]);
    });
  });
});

/** Networks with prefix tokens, and a block whose parts are compared with numpy's slices of it. */
const sliced: [name: string, block: string, prefix: number][] = [
  ['vit', 'encoder.layers.encoder_layer_1', 1],
  ['clip', 'transformer.resblocks.1', 1],
  ['dino', 'blocks.1', 5],
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
  test.each(sliced)('%s', async (name, block, prefix) => {
    await withNetwork(['unfolded', name], async (network) => {
      const parts = ['cls', 'patches', 'no-prefix', 'mean', ...(prefix > 1 ? ['registers'] : [])];
      const found = await network.activations([block, ...parts.map((part) => `${block}@${part}`)]);
      const { shape } = await network.recorded(block);
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
});

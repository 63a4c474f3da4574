import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { extractActivations } from '../../src/activations/extract.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { openStimulusSet } from '../../src/data/stimulus-set.js';
import { openNpz } from '../../src/formats/npz.js';
import { tolerances } from '../tolerances.js';
import { python, pythonHas } from './debian-python.js';

const hasTorch = pythonHas('torch');

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-videos-'));
  if (!hasTorch) return;
  const script = join(import.meta.dirname, 'video-network.py');
  execFileSync(python, [script, root], { stdio: 'ignore' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Of torchvision's weights of r3d_18. */
const card = {
  input: {
    resize: 'none',
    range: 1,
    mean: [0.43216, 0.394666, 0.37645],
    std: [0.22803, 0.22145, 0.216989],
  },
  visual_degrees: 8,
} as const;

test('every module of a whole R3D-18 equals PyTorch’s hook on a folder of frames', async (context) => {
  if (!hasTorch) context.skip(`${python} has no torch`);
  const npz = await openNpz(join(root, 'r3d.npz'));
  const { data, shape } = await npz.read('frames');
  const [there, height, width] = shape;
  const pixels = data as Uint8Array;
  mkdirSync(join(root, 'images', 'clip'), { recursive: true });
  for (let t = 0; t < there; t++) {
    const one = pixels.subarray(t * width * height * 3, (t + 1) * width * height * 3);
    const png = await sharp(one, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    writeFileSync(join(root, 'images', 'clip', `${t}.png`), png);
  }
  const csv = join(root, 'stimuli.csv');
  writeFileSync(csv, 'stimulus_id,filename\na,clip\n');
  const stimuli = await openStimulusSet({ identifier: 'clip', csv, images: join(root, 'images') });
  const written = join(root, 'r3d.json');
  writeFileSync(written, JSON.stringify(card));
  const network = await openNetwork({ path: join(root, 'r3d.onnx'), file: written });
  expect(network.card.input).toMatchObject({ layout: 'NCTHW', frames: 8, sampling: 'even' });
  const layers = npz.names.flatMap((name) => /^layer\/(.+)$/.exec(name)?.[1] ?? []);
  expect(layers.length).toBeGreaterThan(60);
  const limits = { threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 31, scratch: root };
  const found = await extractActivations(network, { stimuli, degrees: undefined }, layers, limits);
  let most = 0;
  for (const layer of layers) {
    const wanted = (await npz.read(`layer/${layer}`)).data as Float32Array;
    const store = found.layers.get(layer);
    const own = (await store?.columns(0, store.cols)) ?? [];
    expect(own.length, layer).toBe(wanted.length);
    let [largest, away] = [0, 0];
    for (let i = 0; i < wanted.length; i++) {
      largest = Math.max(largest, Math.abs(wanted[i]));
      away = Math.max(away, Math.abs(wanted[i] - own[i]));
    }
    most = Math.max(most, away / largest);
    expect(away / largest, layer).toBeLessThan(tolerances.activations.relative);
  }
  process.stderr.write(`R3D-18: ${layers.length} modules, ${most.toExponential(1)} at most\n`);
  found.close();
  await npz.close();
});

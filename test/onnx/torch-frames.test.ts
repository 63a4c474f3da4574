import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exposeValues } from '../../src/onnx/expose.js';
import { resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { modelInputs } from '../../src/onnx/model-inputs.js';
import { Session } from '../../src/runtime/session.js';
import { tolerances } from '../tolerances.js';

/** Networks of `test/fixtures/frames/make_frames.py`, and what PyTorch's hooks on their modules recorded, a call each. */
const folder = join(import.meta.dirname, '..', 'fixtures', 'frames');

interface Packed {
  readonly shape: readonly number[];
  readonly b64: string;
}
type Recorded = Record<string, { input: Packed; layers: Record<string, readonly Packed[]> }>;
const recorded: Recorded = JSON.parse(readFileSync(join(folder, 'activations.json'), 'utf8'));

const values = ({ b64 }: Packed) => {
  const bytes = Buffer.from(b64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

async function expectHooks(file: string, layers: Record<string, Packed>): Promise<void> {
  const path = join(folder, `${file}.onnx`);
  const model = readModel(readFileSync(path), basename(path));
  const { input } = recorded[file.replace('-unfolded', '')];
  const named = new Map(Object.keys(layers).map((name) => [name, resolveLayer(model, name).value]));
  const session = await Session.open(exposeValues(model, [...new Set(named.values())]), {
    threads: 1,
  });
  const made = await session.run({
    [modelInputs(model)[0].name]: { dtype: 'float32', dims: input.shape, data: values(input) },
  });
  await session.close();
  for (const [name, value] of named) {
    const wanted = values(layers[name]);
    const found = made[value].data as Float32Array;
    expect(found.length, name).toBe(wanted.length);
    const largest = wanted.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    const away = wanted.reduce((most, each, i) => Math.max(most, Math.abs(each - found[i])), 0);
    expect(away / largest, name).toBeLessThan(tolerances.activations.relative);
  }
}

const last = (network: string, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, recorded[network].layers[name].at(-1) as Packed]));

describe('layers of networks of videos', () => {
  test('a 3-D convolution: N × C × T × H × W', async () => {
    const names = ['stem', 'layer1', 'layer1.0.conv1', 'layer1.0.relu', 'avgpool', 'fc'];
    await expectHooks('convolutions', last('convolutions', names));
    expect(recorded.convolutions.layers.layer1[0].shape).toEqual([1, 4, 4, 4, 4]);
  });

  test('a convolution of each frame and a recurrent layer: N × T × C × H × W', async () => {
    const names = ['features', 'features.0', 'pool', 'lstm', 'head'];
    await expectHooks('frames', last('frames', names));
    expect(recorded.frames.layers.features[0].shape).toEqual([4, 4, 4, 4]);
  });
});

describe('a recurrent network with blocks of CORnet', () => {
  const { layers } = recorded.cornet;
  const calls = (names: readonly string[]) =>
    Object.fromEntries(
      names.flatMap((name) => layers[name].map((call, i) => [`${name}#${i + 1}`, call])),
    );

  test.each(['cornet', 'cornet-unfolded'])('%s: outputs of blocks and steps', async (file) => {
    expect(layers['V4.output']).toHaveLength(3);
    const names = ['V1.output', 'V4.output', 'IT.output', 'decoder.output', 'V1', 'V4', 'IT'];
    await expectHooks(file, {
      ...last('cornet', [...names, 'IT.nonlin1', 'decoder.avgpool']),
      ...calls(['V4.output', 'IT.output', 'V4.nonlin1', 'IT.nonlin2']),
    });
  });

  test('calls of a convolution whose batch norms were not folded', async () => {
    await expectHooks('cornet-unfolded', {
      ...calls(['IT.conv2', 'V4.conv1']),
      ...last('cornet', ['IT.conv2', 'IT.norm2_0', 'IT.norm2_1']),
    });
  });
});

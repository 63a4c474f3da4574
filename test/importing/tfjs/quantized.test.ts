import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';
import { Dice } from '../../fuzz/dice.js';
import { differences } from '../compare-layers.js';
import { madeNetwork, save } from './made-network.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-quantized-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  quantization?: { dtype: string; scale?: number; min?: number };
}

/** The bits of a half float near a number between 2⁻¹⁴ and 2, its sign kept. */
function half(value: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = Math.floor((Math.abs(value) / 2 ** exponent - 1) * 1024);
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
}

/** Stored numbers of one weight, some way or another. */
function stored(entry: Entry, values: Float32Array, way: string): Buffer {
  if (way === 'float16') {
    entry.quantization = { dtype: way };
    return Buffer.from(
      Uint16Array.from(values, (value) => (Math.abs(value) < 2 ** -14 ? 0 : half(value))).buffer,
    );
  }
  const [least, most] = values.reduce(
    ([a, b], value) => [Math.min(a, value), Math.max(b, value)],
    [0, 0.001],
  );
  const steps = way === 'uint8' ? 255 : 65_535;
  const scale = (most - least) / steps;
  entry.quantization = { dtype: way, scale, min: least };
  const whole = Array.from(values, (value) => Math.round((value - least) / scale));
  return Buffer.from((way === 'uint8' ? Uint8Array.from(whole) : Uint16Array.from(whole)).buffer);
}

it.each(['uint8', 'uint16', 'float16'])(
  'reads weights quantized as %s as TensorFlow.js does',
  async (way) => {
    const place = join(folder, way);
    await save(madeNetwork(new Dice(11)), place);
    const json = JSON.parse(await readFile(join(place, 'model.json'), 'utf8'));
    const shards = await Promise.all(
      ['shard1of2.bin', 'shard2of2.bin'].map((name) => readFile(join(place, name))),
    );
    const bytes = new Uint8Array(Buffer.concat(shards));
    const floats = new Float32Array(bytes.buffer);
    let at = 0;
    const parts = (json.weightsManifest[0].weights as Entry[]).map((entry) => {
      const count = entry.shape.reduce((product, size) => product * size, 1);
      at += count;
      return stored(entry, floats.subarray(at - count, at), way);
    });
    json.weightsManifest[0].paths = ['quantized.bin'];
    await writeFile(join(place, 'quantized.bin'), Buffer.concat(parts));
    await writeFile(join(place, 'model.json'), JSON.stringify(json));
    // The file itself this time, not its folder.
    const imported = await importTfjs(join(place, 'model.json'));
    const found = await differences(imported, 3);
    await imported.source?.close();
    expect(found.size).toBeGreaterThan(2);
    expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
  },
);

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { build as buildGabor } from '../../models/gabor-v1/build.js';
import { drawGabor } from '../../models/gabor-v1/gabor-parameters.js';
import { build as buildPixels } from '../../models/pixels/build.js';
import { build as buildUntrained } from '../../models/untrained-cnn/build.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import { tolerances } from '../tolerances.js';

const shipped = { pixels: buildPixels, 'gabor-v1': buildGabor, 'untrained-cnn': buildUntrained };

/** Digests of the files as they were first shipped: another one is another model. */
const digests: Record<keyof typeof shipped, string> = {
  pixels: 'c1bbe3a9cebbc3d8de7ce4a3e92fbb3d17bcf3f6a7f7d0fd4d1220a32d38e5e4',
  // Another one than at first: its grid now meets the stimulus of single-neuron studies.
  'gabor-v1': 'a019aad4d9f2f62926c1ffea09530508ce6aa81296d1ef11be2176a58a0d6b80',
  'untrained-cnn': '0701cc97bf44756b9d7bf41e983ef4c2c5b3f82c5e45a9e89b754b0e0f0f0da5',
};

function card(name: string) {
  return parse(readFileSync(join(import.meta.dirname, '../../models', name, 'model.yaml'), 'utf8'));
}

async function run(bytes: Uint8Array, image: Tensor, names: string[]) {
  const session = await Session.open(bytes);
  const results = await session.run({ image }, names);
  await session.close();
  return results;
}

describe.each(Object.entries(shipped))('%s', (name, build) => {
  test('has the same bytes every time', () => {
    const digest = createHash('sha256').update(build()).digest('hex');
    expect(digest).toBe(digests[name as keyof typeof digests]);
    expect(createHash('sha256').update(build()).digest('hex')).toBe(digest);
  });

  test('is a valid graph that has every layer of its card', () => {
    const model = readModel(build(), name);
    const summary = checkGraph(model);
    const { input, layers, readout, region_layer_map: regions, ...rest } = card(name);
    expect(rest).toMatchObject({ name, build: 'build.js', visual_degrees: 8 });
    expect(rest.parameters).toBe(summary.parameters);
    expect(summary.inputs).toHaveLength(1);
    expect(summary.inputs[0].layout).toBe(input.layout);
    expect(summary.inputs[0].dims?.filter((dim) => dim === input.resize.to)).toHaveLength(2);
    for (const layer of [...layers, readout, ...Object.values<string>(regions)]) {
      expect(resolveLayer(model, layer).value).toBe(layer);
    }
    expect(Object.keys(regions)).toEqual(['V1', 'V2', 'V4', 'IT']);
  });
});

test('pixels gives back the bytes of the picture', async () => {
  const data = Uint8Array.from({ length: 2 * 256 * 256 * 3 }, (_, i) => (i * 31) % 256);
  const image: Tensor = { dtype: 'uint8', dims: [2, 256, 256, 3], data };
  const { pixels } = await run(buildPixels(), image, ['pixels']);
  expect(pixels.dims).toEqual([2, 256, 256, 3]);
  expect(Buffer.compare(pixels.data as Uint8Array, data)).toBe(0);
});

describe('gabor-v1', () => {
  const bytes = buildGabor();
  const gratings = (phases: number[], angle: number): Tensor => {
    const data = new Float32Array(phases.length * 3 * 112 * 112);
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [i % 112, Math.floor(i / 112) % 112];
      const phase = phases[Math.floor(i / (3 * 112 * 112))];
      // Two cycles a degree.
      const along = ((x * Math.cos(angle) + y * Math.sin(angle)) * 2) / 14;
      data[i] = Math.cos(2 * Math.PI * along + phase);
    }
    return { dtype: 'float32', dims: [phases.length, 3, 112, 112], data };
  };
  const names = ['simple', 'complex', 'v1', 'v1_pool', 'readout'];

  test('layers have the shapes that are documented', async () => {
    const layers = await run(bytes, gratings([0, 1], 0), names);
    expect(names.map((name) => layers[name].dims)).toEqual([
      [2, 48, 19, 19],
      [2, 48, 19, 19],
      [2, 96, 19, 19],
      [2, 96, 6, 6],
      [2, 384],
    ]);
  });

  test('uniform grey leaves it silent, away from the border', async () => {
    const data = new Float32Array(3 * 112 * 112).fill(0.7);
    const { v1 } = await run(bytes, { dtype: 'float32', dims: [1, 3, 112, 112], data }, ['v1']);
    const centre = Array.from({ length: 96 }, (_, c) => (v1.data as Float32Array)[c * 361 + 180]);
    expect(Math.max(...centre)).toBeLessThan(tolerances.activations.absolute);
  });

  test('complex channels care less for phase than simple ones, as in V1', async () => {
    const phases = Array.from({ length: 8 }, (_, k) => (k * Math.PI) / 4);
    const layers = await run(bytes, gratings(phases, 0.4), ['simple', 'complex']);
    /** Share of the response over phases that is modulation: spread over mean, by channel, at the centre. */
    const modulation = (name: string) => {
      const data = layers[name].data as Float32Array;
      const channels = Array.from({ length: 48 }, (_, c) =>
        phases.map((_, k) => data[(k * 48 + c) * 361 + 180]),
      );
      const driven = channels.filter((responses) => Math.max(...responses) > 1);
      expect(driven.length).toBeGreaterThan(2);
      const ratios = driven.map((r) => (Math.max(...r) - Math.min(...r)) / Math.max(...r));
      return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    };
    expect(modulation('complex')).toBeLessThan(0.5);
    expect(modulation('simple')).toBeGreaterThan(0.9);
  });

  test('filters are tuned: each orientation drives other channels best', async () => {
    const best = async (angle: number) => {
      const { complex } = await run(bytes, gratings([0], angle), ['complex']);
      const centre = Array.from(
        { length: 48 },
        (_, c) => (complex.data as Float32Array)[c * 361 + 180],
      );
      return centre.indexOf(Math.max(...centre));
    };
    expect(await best(0)).not.toBe(await best(Math.PI / 2));
  });

  test('parameters follow what was measured', () => {
    const random = new RandomState(3);
    const drawn = Array.from({ length: 4000 }, () => drawGabor(random));
    const share = (test: (p: (typeof drawn)[number]) => boolean) =>
      drawn.filter(test).length / drawn.length;
    const inRange = (x: number, low: number, high: number) => x >= low && x <= high;
    expect(drawn.every((p) => inRange(p.frequency, 0.5, 5.6))).toBe(true);
    expect(
      drawn.every((p) => inRange(p.nx, 0.1, 10 ** -0.04) && inRange(p.ny, 0.1, 10 ** 0.2)),
    ).toBe(true);
    expect(drawn.every((p) => inRange(p.phase, 0, 2 * Math.PI))).toBe(true);
    // De Valois 1982: 32 of 127 cells between 2 and 2.8 cycles a degree, 77 of 246 around 90°.
    expect(Math.abs(share((p) => p.frequency >= 2 && p.frequency < 2.8) - 32 / 127)).toBeLessThan(
      0.03,
    );
    const vertical = share((p) => inRange((p.orientation * 180) / Math.PI, 67.5, 112.5));
    expect(Math.abs(vertical - 77 / 246)).toBeLessThan(tolerances.sampling);
    // Ringach 2002: 42 of 79 cells with nx between 0.30 and 0.52.
    expect(Math.abs(share((p) => inRange(p.nx, 10 ** -0.52, 10 ** -0.28)) - 42 / 79)).toBeLessThan(
      0.03,
    );
  });
});

test('untrained-cnn keeps the variance of its input from layer to layer', async () => {
  const random = new RandomState(1);
  const data = Float32Array.from(random.standardNormal(2 * 3 * 112 * 112));
  const names = ['layer1', 'layer2', 'layer3', 'layer4', 'avgpool', 'fc'];
  const image: Tensor = { dtype: 'float32', dims: [2, 3, 112, 112], data };
  const layers = await run(buildUntrained(), image, names);
  expect(names.map((name) => layers[name].dims)).toEqual([
    [2, 32, 56, 56],
    [2, 64, 28, 28],
    [2, 128, 14, 14],
    [2, 256, 7, 7],
    [2, 256],
    [2, 1000],
  ]);
  for (const name of names.slice(0, 4)) {
    const values = layers[name].data as Float32Array;
    // He et al. 2015: the mean square stays where it was; zero padding takes a little.
    const power = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(power).toBeGreaterThan(0.5);
    expect(power).toBeLessThan(1.5);
  }
});

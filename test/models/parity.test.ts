import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { build as buildEfficientNet } from '../../models/efficientnet-b1/build.js';
import { build as buildResNet } from '../../models/resnet-50/build.js';
import { parseCard } from '../../src/activations/card/card.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { expandLayers, resolveLayer } from '../../src/onnx/layers.js';
import { type Model, readModel } from '../../src/onnx/model.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import { tolerances } from '../tolerances.js';

/** What PyTorch gives: test/fixtures/models/README.md. By size, then layer. */
type Fixture = Record<string, Record<string, Recorded>>;
interface Recorded {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  /** Element k · 1000003 mod count, for k = 0, 1, …. */
  readonly values: readonly number[];
}

const networks = [
  {
    name: 'efficientnet-b1',
    build: buildEfficientNet,
    parameters: 7_794_184,
    candidates: 67,
    // Another digest is another model: weights of the same name that give other scores.
    digest: '5ea89704352e6ed03f42b02203cd3a758e02dceeb3b860a8ea37159e4359e2c7',
  },
  {
    name: 'resnet-50',
    build: buildResNet,
    parameters: 25_557_032,
    candidates: 23,
    digest: '6ee0ba3eda28f942d6ef0a1657a7cf4eacba619c7165df5cce78cc866acf776b',
  },
];

const root = join(import.meta.dirname, '../..');
const fixtureOf = (name: string): Fixture =>
  JSON.parse(readFileSync(join(root, 'test/fixtures/models', `${name}.json`), 'utf8'));
const cardOf = (name: string) =>
  parseCard(readFileSync(join(root, 'models', name, 'model.yaml'), 'utf8'), name);

describe.each(networks)('$name', ({ name, build, parameters, candidates, digest }) => {
  const bytes = build();
  const model = readModel(bytes, name);
  const card = cardOf(name);

  test('is the same valid graph every time, with any batch, height and width', () => {
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest);
    expect(Buffer.compare(build(), bytes)).toBe(0);
    const { inputs } = checkGraph(model);
    expect(inputs).toMatchObject([{ dtype: 'float32', dims: [null, 3, null, null] }]);
  });

  test('has the parameters of the published network, batch norms on their own', () => {
    const weights = model.graph.initializers.filter(({ name }) => !/running_/.test(name));
    const counts = weights.map(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(parameters);
    expect(card.parameters).toBe(parameters);
    const convolutions = model.graph.nodes.filter(({ operator }) => operator === 'Conv');
    const norms = model.graph.nodes.filter(({ operator }) => operator === 'BatchNormalization');
    expect(norms).toHaveLength(convolutions.filter(({ inputs }) => inputs.length === 2).length);
  });

  test('its card names the candidate layers of the reference and no others', () => {
    const [layers] = Object.values(fixtureOf(name));
    const found = expandLayers(model, card.layers!).map((layer) => layer.name);
    expect(found.sort()).toEqual(
      Object.keys(layers)
        .filter((layer) => layer !== 'logits')
        .sort(),
    );
    expect(found).toHaveLength(candidates);
    expect(found).toEqual(
      expect.arrayContaining([card.readout, ...Object.values(card.region_layer_map!)]),
    );
    expect(resolveLayer(model, card.logits!.layer).value).toBe('logits');
  });

  test('its random weights let no candidate layer vanish or grow without bound', async () => {
    const values = expandLayers(model, card.layers!).map(({ value }) => value);
    const session = await Session.open(exposeValues(model, values));
    const picture = madePicture(112, 112);
    // Mean square 1, as mean and std of the card give it.
    const data = (picture.data as Float32Array).map((value) => value * Math.sqrt(3));
    const layers = await session.run({ image: { ...picture, data } });
    await session.close();
    for (const { data } of Object.values(layers)) {
      const elements = data as Float32Array;
      const power = elements.reduce((sum, value) => sum + value * value, 0) / elements.length;
      expect(power).toBeGreaterThan(0.001);
      expect(power).toBeLessThan(1000);
    }
  });

  describe('with statistics away from 0 and 1 equals PyTorch', () => {
    const network = withMadeStatistics(readModel(build(), name));
    const bySize = Object.entries(fixtureOf(name));

    test('in candidate layers and logits at every size', async () => {
      expect(await farLayers(network, bySize.slice(0, -1))).toEqual([]);
    });

    test('in every module at 75 × 62', async () => {
      expect(bySize.at(-1)![0]).toBe('75x62');
      expect(await farLayers(network, bySize.slice(-1))).toEqual([]);
    });
  });
});

/** Layers that differ from what was recorded, after running the network at each size. */
async function farLayers(
  network: Model,
  bySize: readonly [string, Record<string, Recorded>][],
): Promise<string[]> {
  const names = Object.keys(bySize[0][1]);
  const values = new Map(names.map((layer) => [layer, resolveLayer(network, layer).value]));
  const session = await Session.open(exposeValues(network, [...values.values()]));
  const far: string[] = [];
  for (const [size, layers] of bySize) {
    const [height, width] = size.split('x').map(Number);
    const results = await session.run({ image: madePicture(height, width) });
    for (const [layer, recorded] of Object.entries(layers)) {
      if (!agrees(results[values.get(layer)!], recorded)) far.push(`${layer} at ${size}`);
    }
  }
  await session.close();
  return far;
}

/** Whether shape, mean, standard deviation and recorded elements of a layer are PyTorch's. */
function agrees({ dims, data }: Tensor, { shape, mean, std, values }: Recorded): boolean {
  const elements = data as Float32Array;
  const count = elements.length;
  let [average, squares] = [0, 0];
  for (const value of elements) average += value / count;
  for (const value of elements) squares += (value - average) ** 2;
  const near = (a: number, b: number) => Math.abs(a - b) <= tolerances.network * std;
  return (
    shape.join() === dims.join() &&
    near(average, mean) &&
    near(Math.sqrt(squares / count), std) &&
    values.every((value, k) => near(elements[(k * 1000003) % count], value))
  );
}

/** The batch norms' parameters of make.py, written over those in the model's own bytes. */
function withMadeStatistics(model: Model): Model {
  const stored = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  for (const { name, dims, data } of stored.values()) {
    if (!name.endsWith('.running_var') || data.at !== 'raw') continue;
    const module = name.slice(0, -'.running_var'.length);
    const seed = [...module].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    const uniform = (i: number, salt: number) => ((31 * seed + 37 * i + 53 * salt) % 101) / 101;
    const formulas: Record<string, (i: number) => number> = {
      weight: (i) => 0.75 + 0.5 * uniform(i, 0),
      bias: (i) => 0.4 * uniform(i, 1) - 0.2,
      running_mean: (i) => 0.4 * uniform(i, 2) - 0.2,
      running_var: (i) => 0.75 + 0.5 * uniform(i, 3),
    };
    for (const [key, formula] of Object.entries(formulas)) {
      const target = stored.get(`${module}.${key}`)!.data;
      const values = Float32Array.from({ length: dims[0] }, (_, i) => formula(i));
      if (target.at === 'raw') target.bytes.set(new Uint8Array(values.buffer));
    }
  }
  return model;
}

/** The image of make.py, 1 × 3 × height × width in [−1, 1]. */
function madePicture(height: number, width: number): Tensor {
  const data = Float32Array.from({ length: 3 * height * width }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    return ((x * 37 + y * 59 + c * 83 + ((x * y) % 61) * 29) % 256) / 127.5 - 1;
  });
  return { dtype: 'float32', dims: [1, 3, height, width], data };
}

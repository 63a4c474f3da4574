import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeNpz } from '../../../src/formats/npz.js';
import { PROVENANCE, readFeatures } from '../../../src/scoring/features/feature-file.js';
import {
  type FeatureRequest,
  scoreFeatures,
} from '../../../src/scoring/features/score-features.js';
import { plainCard } from '../../activations/made-networks.js';
import { madeBenchmark } from '../made-benchmark.js';

const N = 24;
const numpy = (name: string) => join(import.meta.dirname, '../..', 'fixtures', 'numpy', name);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-features-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const named = Array.from({ length: N }, (_, i) => `s${i}`);
const benchmark = (ids: readonly (string | number)[] = named) =>
  madeBenchmark(at('benchmark'), { ids });
const context = () => ({
  home: at('home'),
  threads: 1,
  maxMemory: 2 ** 30,
  maxScratch: 2 ** 30,
});

/** The one score, or the one failure's error thrown. */
async function score(request: Omit<FeatureRequest, 'benchmarks'>, file = benchmark()) {
  const { scores, failures } = await scoreFeatures({ ...request, benchmarks: [file] }, context());
  if (failures.length > 0) throw failures[0].error;
  return scores[0];
}

const values = (cols: number, of = (k: number) => Math.sin(k)) =>
  Float64Array.from({ length: N * cols }, (_, k) => of(k));
const npz = (name: string, layers: Record<string, Float32Array | Float64Array>, said?: unknown) =>
  writeNpz(at(name), [
    { name: 'stimulus_id', array: { dtype: 'string', shape: [N], data: named } },
    ...(said === undefined
      ? []
      : [
          {
            name: PROVENANCE,
            array: { dtype: 'string' as const, shape: [], data: [said as string] },
          },
        ]),
    ...Object.entries(layers).map(([layer, data]) => ({
      name: layer,
      array: {
        dtype: data instanceof Float32Array ? ('float32' as const) : ('float64' as const),
        shape: [N, data.length / N],
        data,
      },
    })),
  ]);

describe('a file that numpy wrote', () => {
  test('is read, each layer in its own precision', async () => {
    const { ids, layers, provenance } = await readFeatures(numpy('features.npz'));
    expect(ids).toEqual(named);
    expect(provenance).toBeUndefined();
    const read = async (layer: string) => {
      const found = layers.get(layer);
      return found?.columns(0, found.cols);
    };
    expect(await read('early')).toEqual(Float32Array.from({ length: N * 6 }, (_, k) => k / 8));
    expect(await read('late')).toEqual(Float64Array.from({ length: N * 8 }, (_, k) => k / 3));
    expect(await read('half')).toEqual(Float32Array.from({ length: N * 2 }, (_, k) => k / 4));
    expect(await read('bytes')).toEqual(Float64Array.from({ length: N * 3 }, (_, k) => k % 251));
  });

  test('may have integer ids, in an order of its own', async () => {
    const { ids, layers } = await readFeatures(numpy('integer-ids.npz'));
    expect(ids).toEqual(Array.from({ length: N }, (_, i) => 230 - i * 10));
    expect(await layers.get('features')?.columns(0, 5)).toEqual(
      Float64Array.from({ length: N * 5 }, (_, k) => k / 7),
    );
    const ascending = Array.from({ length: N }, (_, i) => i * 10);
    const found = await score({ features: numpy('integer-ids.npz') }, benchmark(ascending));
    expect(found).toMatchObject({ model: null, name: null, layer: 'features' });
    const rows = ascending.map((id) => {
      const first = (23 - id / 10) * 5;
      return [id, ...Array.from({ length: 5 }, (_, k) => (first + k) / 7)].join();
    });
    writeFileSync(at('same.csv'), ['stimulus_id,a,b,c,d,e', ...rows, ''].join('\n'));
    expect((await score({ features: at('same.csv') }, benchmark(ascending))).raw).toEqual(
      found.raw,
    );
  });
});

describe('several layers', () => {
  beforeEach(() =>
    npz('two.npz', { 'features/layer1': values(3), 'features/layer2': values(4, Math.cos) }),
  );

  test('need a choice', async () => {
    await expect(score({ features: at('two.npz') })).rejects.toMatchObject({
      code: 'layer-unset',
      message: expect.stringContaining('--layer "layer1" or --layer "layer2"'),
    });
  });

  test('the closest is offered', async () => {
    await expect(score({ features: at('two.npz'), layers: ['layer3'] })).rejects.toMatchObject({
      code: 'layer-unknown',
      message: expect.stringMatching(/no layer "layer3".*"layer[12]"/),
    });
  });

  test('are joined in the order asked for', async () => {
    const joined = await score({ features: at('two.npz'), layers: ['layer2', 'layer1'] });
    const one = values(3);
    const two = values(4, Math.cos);
    const rows = Float64Array.from({ length: N * 7 }, (_, k) => {
      const [row, col] = [Math.floor(k / 7), k % 7];
      return col < 4 ? two[row * 4 + col] : one[row * 3 + col - 4];
    });
    await npz('one.npz', { features: rows });
    const whole = await score({ features: at('one.npz') });
    expect(joined.raw).toEqual(whole.raw);
    expect(joined.raw).not.toEqual(
      (await score({ features: at('two.npz'), layers: ['layer2'] })).raw,
    );
  });
});

describe('what a score is made of', () => {
  test('enters its inputs: values, precision, benchmark', async () => {
    await npz('a.npz', { features: values(3) });
    await npz('same.npz', { 'features/of another name': values(3) });
    await npz('single.npz', { features: Float32Array.from(values(3)) });
    const other = values(3);
    other[7] += 1e-9;
    await npz('other.npz', { features: other });
    const inputs = async (name: string) => (await score({ features: at(name) })).provenance.inputs;
    const found = await Promise.all(['a.npz', 'single.npz', 'other.npz'].map(inputs));
    expect(new Set(found).size).toBe(3);
    expect(await inputs('same.npz')).toBe(found[0]);
    const file = madeBenchmark(at('another'), { ids: named, metric: 'linear' });
    const linear = await score({ features: at('a.npz') }, file);
    expect(found).not.toContain(linear.provenance.inputs);
    const options = async (name: string, metric: string) => {
      const made = madeBenchmark(at(name), { ids: named });
      writeFileSync(made, readFileSync(made, 'utf8').replace(/^metric: .*$/m, `metric: ${metric}`));
      return (await score({ features: at('a.npz') }, made)).provenance.inputs;
    };
    const two = await options('two', '{ name: pls, components: 2 }');
    expect(two).not.toBe(await options('one', '{ name: pls, components: 1 }'));
    const said = await options('said', '{ name: ridge, alpha: 1 }');
    expect(said).toBe(await options('unsaid', '{ name: ridge }'));
  });

  test('does not include a layer that was not asked for', async () => {
    const broken = values(2);
    broken[5] = Number.NaN;
    await npz('two.npz', { 'features/good': values(3), 'features/broken': broken });
    const found = await score({ features: at('two.npz'), layers: ['good'] });
    expect(found.value).not.toBeNull();
  });
});

describe('refused:', () => {
  test.each([
    [5, Number.NaN, 's1'],
    [3 * (N - 1), Number.POSITIVE_INFINITY, 's23'],
  ])('value %i is %d', async (place, value, stimulus) => {
    const broken = values(3);
    broken[place] = value;
    await npz('broken.npz', { features: broken });
    await expect(score({ features: at('broken.npz') })).rejects.toMatchObject({
      code: 'activations-not-finite',
      message: expect.stringMatching(
        new RegExp(`broken\\.npz has 1 of 3 values .* stimulus "${stimulus}"$`),
      ),
    });
  });

  test('a stimulus that is missing, and a strange one', async () => {
    await npz('a.npz', { features: values(3) });
    await expect(
      score({ features: at('a.npz') }, benchmark([...named, 'extra'])),
    ).rejects.toMatchObject({
      code: 'stimuli-mismatch',
      message: expect.stringMatching(/a\.npz lacks 1 of the 25 stimuli.*extra/),
    });
    await expect(
      score({ features: at('a.npz') }, benchmark(named.slice(0, 22))),
    ).rejects.toMatchObject({
      code: 'stimuli-mismatch',
      message: expect.stringMatching(/a\.npz has 2 stimuli.*s22/),
    });
  });

  test.each([
    ['stimulus_id,a,b\ns0,1,2\ns1,1,x\n', 'activations-not-finite', /row 2, column "b".*"x"/],
    ['stimulus_id,a,b\ns0,,2\n', 'activations-not-finite', /row 1, column "a".*""/],
    ['stimulus_id,a,b\ns0,1,inf\n', 'activations-not-finite', /row 1, column "b".*"inf"/],
    ['stimulus_id,a,b\ns0,1\n', 'csv-invalid', /b\.csv/],
    ['id,a,b\ns0,1,2\n', 'csv-invalid', /stimulus_id as the first column, found "id"/],
    ['stimulus_id,a\ns0,1\ns0,2\n', 'stimuli-duplicate', /"s0" occurs twice/],
    ['stimulus_id\ns0\n', 'npy-invalid', /1 × 0 values for 1 stimuli/],
  ] as const)('the CSV %j', async (text, code, sentence) => {
    writeFileSync(at('b.csv'), text);
    await expect(readFeatures(at('b.csv'))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(sentence),
    });
  });

  test('another number of rows than ids, and no features at all', async () => {
    const ids = {
      name: 'stimulus_id',
      array: { dtype: 'string', shape: [N], data: named },
    } as const;
    const data = values(2);
    await writeNpz(at('short.npz'), [
      ids,
      { name: 'features', array: { dtype: 'float64', shape: [N * 2, 1], data } },
    ]);
    await expect(readFeatures(at('short.npz'))).rejects.toMatchObject({
      code: 'npy-invalid',
      message: expect.stringContaining('48 × 1 values for 24 stimuli'),
    });
    await writeNpz(at('none.npz'), [ids]);
    await expect(readFeatures(at('none.npz'))).rejects.toMatchObject({
      code: 'npy-invalid',
      message: expect.stringContaining('it has "stimulus_id"'),
    });
    await expect(readFeatures(at('features.mat'))).rejects.toMatchObject({ code: 'bad-usage' });
  });

  const made = { model: 'sha256:0', name: 'net', card: plainCard() };
  test.each([
    [
      'other degrees',
      { ...made, degrees: named.map(() => 4) },
      'degrees-mismatch',
      /shown at 4°.*8°/,
    ],
    [
      'no degrees where there are some',
      { ...made, degrees: null },
      'degrees-mismatch',
      /as they are/,
    ],
    ['a word', 'hello', 'npy-invalid', /ventral_provenance.*no model/],
    ['nothing', null, 'npy-invalid', /ventral_provenance.*no model/],
    ['degrees that are none', { ...made, degrees: 'wide' }, 'npy-invalid', /no degrees/],
    [
      'no card',
      { ...made, card: undefined, degrees: null },
      'card-invalid',
      /the card in .*a\.npz/,
    ],
  ] as const)('provenance with %s', async (_, said, code, sentence) => {
    await npz('a.npz', { features: values(3) }, JSON.stringify(said));
    await expect(score({ features: at('a.npz') })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(sentence),
    });
  });

  test('provenance that is no JSON', async () => {
    await npz('a.npz', { features: values(3) }, '{');
    await expect(readFeatures(at('a.npz'))).rejects.toMatchObject({
      code: 'npy-invalid',
      message: expect.stringContaining('no JSON'),
    });
  });
});

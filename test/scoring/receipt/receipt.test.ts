import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { numericsVersion } from '../../../src/numerics/numerics-version.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import {
  checkReceiptPath,
  type Receipt,
  readReceipt,
} from '../../../src/scoring/receipt/receipt.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { ORACLE } from '../../oracle.js';
import { madeBenchmark } from '../made-benchmark.js';

const source = join(ORACLE, '09-end-to-end');
let root: string;
let context: { home: string; threads: number; maxMemory: number; maxScratch: number };

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-receipt-'));
  context = { home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  const { folder, model, benchmark, receipt } = placesIn('template');
  cpSync(join(source, 'resnet', 'model.onnx'), model);
  cpSync(join(source, 'resnet', 'card.yaml'), join(folder, 'model.yaml'));
  cpSync(join(source, 'neural-csv'), join(folder, 'data'), { recursive: true });
  // Named as from a command line in this folder.
  const request = {
    model: { path: relative('.', model) },
    benchmarks: [relative('.', benchmark)],
  };
  const { scores } = await scoreModel(request, context);
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function placesIn(name: string) {
  const folder = join(root, name);
  return {
    folder,
    model: join(folder, 'model.onnx'),
    benchmark: join(folder, 'data', 'benchmark.yaml'),
    receipt: join(folder, 'receipt.json'),
  };
}
type Scored = ReturnType<typeof placesIn>;

/** A folder with a network, its card beside it, a benchmark, and a receipt of the one on the other. */
function scoredFolder(name: string): Scored {
  cpSync(join(root, 'template'), join(root, name), { recursive: true });
  return placesIn(name);
}

const verify = (receipt: string, ...models: string[]) => verifyReceipt(receipt, models, context);
const edit = (file: string, from: string | RegExp, to: string) => {
  const before = readFileSync(file, 'utf8');
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  writeFileSync(file, after);
};
const editReceipt = (file: string, change: (receipt: Receipt) => void) => {
  const receipt = JSON.parse(readFileSync(file, 'utf8'));
  change(receipt);
  writeFileSync(file, JSON.stringify(receipt));
};
// biome-ignore lint/suspicious/noExplicitAny: receipts are edited as a person would, whatever their types.
type Loose = any;
const fields = (differences: readonly { about: string; field: string }[]) =>
  differences.map(({ about, field }) => `${about}: ${field}`);

let scored: Scored;
let count = 0;
const V4 = 'end-to-end.objects.V4-pls';
const IT = 'end-to-end.objects.IT-pls';

describe('a receipt of scores', () => {
  beforeEach(() => {
    scored = scoredFolder(`scored-${count++}`);
  });

  test('is computed again to the bit, wherever its folder lies, and paths in it are relative', async () => {
    expect(await verify(scored.receipt)).toMatchObject({
      verdict: 'equal',
      results: 2,
      inputs: [],
      values: [],
      largest: null,
      runtime: [],
      notes: [],
    });
    const [run] = (await readReceipt(scored.receipt)).runs as Loose[];
    expect([run.model.path, ...run.asked]).toEqual([
      { file: 'model.onnx' },
      { file: 'data/benchmark.yaml' },
    ]);
  });

  test('tells another weight before anything is run', async () => {
    const bytes = readFileSync(scored.model);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(scored.model, bytes);
    const report = await verify(scored.receipt);
    expect(report).toMatchObject({ verdict: 'differs', results: 0, values: [] });
    expect(fields(report.inputs)).toEqual(['e2e-resnet: model']);
    expect(report.inputs[0].found).toMatch(/^sha256:/);
  });

  test('tells a model that is gone, and finds it elsewhere with the card of the receipt', async () => {
    const elsewhere = join(root, `elsewhere-${count}.onnx`);
    cpSync(scored.model, elsewhere);
    rmSync(scored.model);
    rmSync(join(scored.folder, 'model.yaml'));
    await expect(verify(scored.receipt)).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringMatching(/model\.onnx does not exist.*sha256:d5d6.*--model FILE/),
    });
    const report = await verify(scored.receipt, elsewhere);
    expect(report.verdict).toBe('equal');
    expect(report.notes).toEqual(['e2e-resnet has no card here: using the card of the receipt']);
  });

  test('tells a card whose crop is one pixel less; the card of the receipt gives the same numbers', async () => {
    edit(join(scored.folder, 'model.yaml'), 'crop: 48', 'crop: 47');
    const { verdict, inputs, values } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(inputs).toEqual([
      { about: 'e2e-resnet', field: 'card.input.crop', expected: 48, found: 47 },
    ]);
    expect(values).toEqual([]);
  });

  test('is not moved by another choice of layers in the card, and tells it', async () => {
    edit(join(scored.folder, 'model.yaml'), 'name: e2e-resnet', 'name: another');
    edit(join(scored.folder, 'model.yaml'), 'V4: layer2.0.conv2', 'V4: layer1.0');
    const { verdict, inputs, notes } = await verify(scored.receipt);
    expect([verdict, inputs]).toEqual(['equal', []]);
    expect(notes).toEqual([
      'e2e-resnet: card.region_layer_map.V4 changed from layer2.0.conv2 to layer1.0; using the card of the receipt',
    ]);
  });

  test('tells recordings in which one value changed', async () => {
    const recordings = join(scored.folder, 'data', 'recordings.csv');
    edit(recordings, /(\n[^,\n]+,[^,\n]+,)[^,\n]+/, '$19.5');
    const { verdict, inputs, values, largest } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(new Set(inputs.map(({ field }) => field))).toEqual(new Set(['recordings']));
    expect(fields(values).some((each) => /: raw\.value$/.test(each))).toBe(true);
    expect(largest).toBeGreaterThan(0);
  });

  test('tells another version of the benchmark', async () => {
    edit(scored.benchmark, 'version: 1', 'version: 2');
    const { verdict, inputs, values } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(fields(inputs)).toEqual([`${V4}: definition.version`, `${IT}: definition.version`]);
    expect(inputs[0]).toMatchObject({ expected: 1, found: 2 });
    expect(fields(values)).toEqual([V4, IT].flatMap((id) => [`${id}: version`, `${id}: inputs`]));
  });

  test('tells a benchmark that cannot be loaded any more', async () => {
    rmSync(join(scored.folder, 'data', 'recordings.csv'));
    const { verdict, values } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(fields(values)).toEqual([`${V4}: score`, `${IT}: score`]);
    expect(values[0].found).toMatch(/recordings\.csv/);
  });

  test('tells where it was edited by hand', async () => {
    editReceipt(scored.receipt, ({ runs: [{ benchmarks, scores }] }: Loose) => {
      benchmarks[0].definition.crossValidation.seed = 2;
      benchmarks[1].data.recordings = `sha256:${'0'.repeat(64)}`;
      const [first, second] = scores;
      first.value *= 1 + 2 ** -52;
      first.raw.splits[3] += 1e-15;
      first.warnings.push({ code: 'made-up' });
      first.selection = true;
      first.simulated = true;
      second.layer = 'fc';
      second.ci = null;
    });
    const { verdict, inputs, values } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(fields(inputs)).toEqual([`${V4}: definition.crossValidation.seed`, `${IT}: recordings`]);
    expect(fields(values)).toEqual([
      `${V4}: simulated`,
      `${V4}: selection`,
      `${V4}: value`,
      `${V4}: raw.splits[3]`,
      `${V4}: warnings[0]`,
      `${IT}: layer`,
      `${IT}: ci`,
    ]);
  });

  test('tells where its card was edited by hand', async () => {
    editReceipt(scored.receipt, ({ runs: [{ model }] }: Loose) => {
      model.card.region_layer_map.V4 = 'layer1.0';
      model.card.visual_degrees = 7;
    });
    const { verdict, inputs, values } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(fields(inputs)).toEqual(['e2e-resnet: card.visual_degrees']);
    expect(fields(values)).toContain(`${V4}: layer`);
    expect(fields(values)).toContain(`${IT}: inputs`);
  });

  test('of which one digest alone was edited is not equal', async () => {
    editReceipt(scored.receipt, ({ runs: [{ benchmarks }] }: Loose) => {
      benchmarks[1].data.recordings = `sha256:${'0'.repeat(64)}`;
    });
    const { verdict, values } = await verify(scored.receipt);
    expect([verdict, values]).toEqual(['differs', []]);
  });

  test('of another runtime may differ by 1e-6, and says by how much', async () => {
    const shift = (by: number) =>
      editReceipt(scored.receipt, ({ runtime, runs }: Loose) => {
        runtime.ort = '0.9.9';
        runs[0].scores[0].value += by;
      });
    shift(0);
    expect((await verify(scored.receipt)).verdict).toBe('equal');
    shift(5e-7);
    const report = await verify(scored.receipt);
    expect(report).toMatchObject({ verdict: 'close', inputs: [], values: [] });
    expect(report.runtime.map(({ field }) => field)).toEqual(['ort']);
    expect(report.largest).toBeCloseTo(5e-7, 12);
    shift(1e-6);
    expect((await verify(scored.receipt)).verdict).toBe('differs');
  });

  test('of other numerics has other digests of inputs, and may differ by 1e-6', async () => {
    editReceipt(scored.receipt, (receipt: Loose) => {
      receipt.numerics--;
      for (const { provenance } of receipt.runs[0].scores)
        provenance.inputs = `sha256:${'1'.repeat(64)}`;
    });
    expect(await verify(scored.receipt)).toMatchObject({ verdict: 'close', largest: null });
  });

  test('of another runtime is not held where the rank was exhausted, and says so', async () => {
    editReceipt(scored.receipt, ({ runtime, runs }: Loose) => {
      runtime.processor = 'another';
      runs[0].scores[0].warnings.push({ code: 'rank-exhausted', detail: '' });
      runs[0].scores[0].value += 1e-3;
    });
    const { verdict, notes } = await verify(scored.receipt);
    expect(verdict).toBe('differs');
    expect(notes.join()).toContain(`${V4}: the rank of the features was exhausted`);
  });

  test('is not written where a file changed since it was scored', async () => {
    const request = { model: { path: scored.model }, benchmarks: [scored.benchmark] };
    const { scores } = await scoreModel(request, context);
    edit(join(scored.folder, 'data', 'recordings.csv'), /(\n[^,\n]+,[^,\n]+,)[^,\n]+/, '$19.5');
    const late = join(scored.folder, 'late.json');
    await expect(
      writeReceipt(late, [{ kind: 'score', request, scores }], context),
    ).rejects.toMatchObject({ code: 'receipt-differs' });
    expect(() => readFileSync(late)).toThrow(/ENOENT/);
  });
});

test('a receipt of features names their file by digest', async () => {
  const folder = join(root, 'features');
  const ids = Array.from({ length: 40 }, (_, i) => i);
  const benchmark = madeBenchmark(folder, { ids });
  const features = join(folder, 'f.csv');
  const rows = ids.map((id) => [id, Math.sin(id), Math.cos(2 * id), Math.sin(3 * id)].join());
  writeFileSync(features, ['stimulus_id,a,b,c', ...rows, ''].join('\n'));
  const request = { features, benchmarks: [benchmark], detail: true };
  const { scores } = await scoreFeatures(request, context);
  const receipt = join(folder, 'receipt.json');
  await writeReceipt(receipt, [{ kind: 'features', request, scores }], context);
  expect(await verify(receipt)).toMatchObject({ verdict: 'equal', results: 1 });
  edit(features, '\n1,', '\n1,0');
  const report = await verify(receipt);
  expect(report).toMatchObject({ verdict: 'differs', results: 0 });
  expect(report.inputs[0]).toMatchObject({ about: features, field: 'features' });
  rmSync(features);
  await expect(verify(receipt)).rejects.toMatchObject({ code: 'file-missing' });
});

test('a receipt of a layer map covers all its cells', async () => {
  const { folder, model, benchmark } = scoredFolder('map');
  const request = { model: { path: model }, benchmarks: [benchmark], layers: ['maxpool', 'fc'] };
  const { map } = await mapLayers(request, context);
  const receipt = join(folder, 'map.json');
  await writeReceipt(receipt, [{ kind: 'map', request, map }], context);
  expect(await verify(receipt)).toMatchObject({ verdict: 'equal', results: 4 });
  editReceipt(receipt, ({ runs }: Loose) => {
    const [first, second] = runs[0].map.layers;
    second.cells[IT] = { reason: 'it was not wanted' };
    first.cells[IT].raw.splits[0] += 1e-12;
    first.units++;
    delete first.cells[V4];
    runs[0].map.chosen[V4].tied.push('conv1');
  });
  const { verdict, values } = await verify(receipt);
  expect(verdict).toBe('differs');
  const found = fields(values);
  expect(found[0]).toBe(`${IT} ${map.layers[0].layer}: raw.splits[0]`);
  expect(found).toContain(`${IT} ${map.layers[1].layer}: reason`);
  expect(found).toContain('the map: layers[0].units');
  expect(found).toContain('the map: layers[0].cells[0]');
  expect(found.at(-1)).toMatch(/^the map: chosen\..*\.tied\[\d\]$/);
});

test('a receipt of a layer map covers what was scored on the half held out', async () => {
  const { folder, model, benchmark } = scoredFolder('holdout');
  edit(benchmark, ', stratify_on: object_name', '');
  edit(benchmark, '[V4, IT]', '[IT]');
  const layers = ['maxpool', 'fc'];
  const request = { model: { path: model }, benchmarks: [benchmark], layers, holdout: true };
  const { map } = await mapLayers(request, context);
  const receipt = join(folder, 'map.json');
  await writeReceipt(receipt, [{ kind: 'map', request, map }], context);
  editReceipt(receipt, ({ runs }: Loose) => {
    runs[0].map.holdout[IT].value += 1e-12;
  });
  const { results, values } = await verify(receipt);
  expect(results).toBe(3);
  expect(fields(values)).toEqual([`${IT} held out: value`]);
});

describe('a receipt that is none', () => {
  const path = () => join(root, 'bad.json');
  const read = (text: string) => {
    writeFileSync(path(), text);
    return readReceipt(path());
  };

  test.each([
    ['', /is not JSON/],
    ['null', /must be object/],
    ['{"receipt": 2}', /format 2; this ventral reads format 1/],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /more than 40 levels|is not JSON/],
  ])('is told: %.20s', async (text, sentence) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'receipt-invalid',
      message: expect.stringMatching(sentence),
    });
  });

  test('is told where it is wrong', async () => {
    const { receipt } = scoredFolder('wrong');
    const wrong = async (change: (run: Loose) => void) => {
      const copy = JSON.parse(readFileSync(receipt, 'utf8'));
      change(copy.runs[0]);
      return read(JSON.stringify(copy)).catch((error: VentralError) => error);
    };
    const invalid = (field: RegExp) => ({
      code: 'receipt-invalid',
      details: { field: expect.stringMatching(field) },
    });
    const digest = await wrong((run) => (run.model.digest = 'sha256:1'));
    expect(digest).toMatchObject(invalid(/^\/runs\/0\/model\/digest$/));
    const card = await wrong((run) => (run.model.card.input.std = [0, 1, 1]));
    expect(card).toMatchObject(invalid(/^\/runs\/0\/model\/card$/));
    const name = await wrong((run) => (run.model.path = { name: '../../etc/passwd' }));
    expect(name).toMatchObject(invalid(/^\/runs\/0\/model\/path/));
    const value = await wrong((run) => (run.scores[0].value = '0.5'));
    expect(value).toMatchObject(invalid(/^\/runs\/0\/scores\/0\/value$/));
  });

  test('opens no device and no pipe, and writes nothing outside its home', async () => {
    const { receipt } = scoredFolder('device');
    const at = (change: (run: Loose) => void) => {
      const copy = JSON.parse(readFileSync(receipt, 'utf8'));
      change(copy.runs[0]);
      writeFileSync(join(root, 'device', 'device.json'), JSON.stringify(copy));
      return verify(join(root, 'device', 'device.json'));
    };
    const refused = { code: 'file-missing', message: expect.stringContaining('is not a file') };
    for (const file of ['/dev/zero', '/dev/stdin'])
      await expect(at((run) => (run.model.path = { file }))).rejects.toMatchObject(refused);
    await expect(at((run) => (run.asked = [{ file: '/dev/zero' }]))).rejects.toMatchObject(refused);
    await expect(at((run) => (run.model.cardFile = { file: '/dev/zero' }))).rejects.toMatchObject(
      refused,
    );
    await expect(verify('/dev/zero')).rejects.toMatchObject(refused);
  });

  test('never crashes what reads it: 200 edits at random', async () => {
    const { receipt } = scoredFolder('random');
    const text = readFileSync(receipt, 'utf8');
    const hostile = join(root, 'random', 'hostile.json');
    const places: (string | number)[][] = [];
    const walk = (value: unknown, at: (string | number)[]) => {
      places.push(at);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, each] of Object.entries(value)) walk(each, [...at, key]);
    };
    walk(JSON.parse(text), []);
    const edits = fc.record({
      place: fc.nat(places.length - 1),
      value: fc.jsonValue({ maxDepth: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(edits, async ({ place, value }) => {
        const all = { top: JSON.parse(text) };
        const path = ['top', ...places[place]];
        const last = path.pop() as string;
        // biome-ignore lint/suspicious/noExplicitAny: a path through JSON.
        (path.reduce((tree: any, key) => tree[key], all) as any)[last] = value;
        writeFileSync(hostile, JSON.stringify(all.top));
        try {
          await readReceipt(hostile);
        } catch (error) {
          expect(error).toBeInstanceOf(VentralError);
          expect(['receipt-invalid', 'file-missing']).toContain((error as VentralError).code);
        }
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

test('the path of a receipt is looked at before the work', async () => {
  const file = join(root, 'occupied.json');
  writeFileSync(file, '{"name": "a card"}');
  const refused = (path: string, code: string) =>
    expect(checkReceiptPath(path)).rejects.toMatchObject({ code });
  await refused(file, 'file-exists');
  await refused(join(root, 'model.onnx'), 'bad-usage');
  await refused(join(root, 'no', 'r.json'), 'file-missing');
  await expect(checkReceiptPath(join(root, 'new.json'))).resolves.toBeUndefined();
});

test('a receipt from before the screen had a version is read, and its numbers are compared', async () => {
  const { receipt: copy } = scoredFolder('older');
  cpSync(join(import.meta.dirname, '../../fixtures/receipts/before-screen.json'), copy);
  const report = await verify(copy);
  expect(report.inputs).toEqual([]);
  expect(report.values).toEqual([]);
  expect(['equal', 'close']).toContain(report.verdict);
  // Its digests of inputs are not those of today.
  edit(copy, '"numerics": 2', `"screen": 1, "numerics": ${numericsVersion}`);
  expect((await verify(copy)).verdict).toBe('differs');
});

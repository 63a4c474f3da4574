import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeNetwork, plainCard } from '../activations/made-networks.js';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';

const source = join(ORACLE, '09-end-to-end');
let root: string;
const at = (name: string) => join(root, name);
const ventral = (...words: string[]) => runVentral(at('home'), ...words);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-verify-'));
  cpSync(join(source, 'resnet', 'model.onnx'), at('resnet.onnx'));
  cpSync(join(source, 'resnet', 'card.yaml'), at('resnet.yaml'));
  writeFileSync(at('small.onnx'), madeNetwork().build());
  const resize = { to: 48, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
  const card = { ...plainCard({ resize, crop: 48 }), region_layer_map: { V4: 'conv', IT: 'relu' } };
  writeFileSync(at('small.yaml'), JSON.stringify(card));
  cpSync(join(source, 'neural-csv'), at('data'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('several models on several benchmarks are one receipt, equal to the bit', async () => {
  const words = ['-b', at('data/benchmark.yaml'), '-b', 'FreemanZiemba2013public.V1-pls'];
  const models = [at('resnet.onnx'), at('small.onnx'), at('none.onnx')];
  const scored = await ventral('score', ...models, ...words, '--receipt', at('r.json'));
  // The data of one benchmark are not here, and one model is none: the others have their receipt.
  expect(scored.status).toBe(1);
  expect(scored.out.trimEnd().split('\n')).toHaveLength(1 + 4);
  const { status, out, err } = await ventral('verify', at('r.json'));
  expect([status, out, err]).toEqual([0, 'equal to the bit: 4 results\n', '']);
});

test('a receipt that says something else is told line by line, with status 1', async () => {
  const receipt = JSON.parse(readFileSync(at('r.json'), 'utf8'));
  receipt.runs[1].scores[0].raw.splits[2] = 0.5;
  writeFileSync(at('edited.json'), JSON.stringify(receipt));
  const { status, out, err } = await ventral('verify', at('edited.json'));
  expect(status).toBe(1);
  expect(out).toMatch(
    /^about\tfield\treceipt\tnow\nend-to-end\.objects\.V4-pls\traw\.splits\[2\]\t0\.5\t0\.\d+\n$/,
  );
  expect(err).toMatch(
    /^ventral: .*edited\.json differs from the recomputed result: 1 difference; the largest/,
  );
  const json = await ventral('verify', at('edited.json'), '--json');
  expect(json.status).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({
    verdict: 'differs',
    results: 4,
    values: [{ about: 'end-to-end.objects.V4-pls', field: 'raw.splits[2]', expected: 0.5 }],
  });
});

test('a model that moved is found by --model, another one is refused before it is run', async () => {
  cpSync(at('r.json'), at('moved.json'));
  cpSync(at('resnet.onnx'), at('elsewhere.onnx'));
  cpSync(at('resnet.yaml'), at('elsewhere.yaml'));
  rmSync(at('resnet.onnx'));
  const gone = await ventral('verify', at('moved.json'));
  expect(gone.err).toMatch(/^ventral: .*resnet\.onnx does not exist: .*sha256:.*--model FILE\n$/);
  expect([gone.status, gone.out]).toEqual([2, '']);
  const found = await ventral('verify', at('moved.json'), '--model', at('elsewhere.onnx'));
  expect([found.status, found.out]).toEqual([0, 'equal to the bit: 4 results\n']);
  cpSync(at('small.onnx'), at('resnet.onnx'));
  const other = await ventral('verify', at('moved.json'));
  expect(other.status).toBe(1);
  expect(other.out).toMatch(/^e2e-resnet\tmodel\tsha256:\w+\tsha256:\w+\n$/m);
  expect(other.err).toContain('1 difference; nothing was recomputed');
  cpSync(at('elsewhere.onnx'), at('resnet.onnx'));
});

test('a layer map has a receipt as well', async () => {
  const words = ['-b', at('data/benchmark.yaml'), '--layers', 'maxpool,avgpool,fc'];
  const mapped = await ventral('map', at('resnet.onnx'), ...words, '--receipt', at('m.json'));
  // fc has too few units: a map with a layer without a value ends with 1, and has its receipt.
  expect(mapped.status).toBe(1);
  const { status, out } = await ventral('verify', at('m.json'));
  expect([status, out]).toEqual([0, 'equal to the bit: 6 results\n']);
});

test('a receipt takes the place of no other file', async () => {
  const words = ['score', at('resnet.onnx'), '-b', at('data/benchmark.yaml'), '--receipt'];
  writeFileSync(at('card.json'), '{}');
  for (const name of ['resnet.onnx', 'card.json', 'nowhere/r.json']) {
    const { status, out, err } = await ventral(...words, at(name));
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(/^ventral: --receipt .*\n$/);
  }
  expect(readFileSync(at('card.json'), 'utf8')).toBe('{}');
  expect(existsSync(at('nowhere'))).toBe(false);
});

test('what is no receipt is told in one line, with status 2', async () => {
  const { status, out, err } = await ventral('verify', at('data/benchmark.yaml'));
  expect([status, out]).toEqual([2, '']);
  expect(err).toMatch(/^ventral: The receipt .*benchmark\.yaml is not JSON: .*\n$/);
});

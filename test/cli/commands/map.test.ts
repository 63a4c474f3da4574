import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LayerMap } from '../../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { ORACLE } from '../../oracle.js';
import { runVentral, startVentral } from '../run-ventral.js';

let root: string;
let home: string;
const source = join(ORACLE, '09-end-to-end');
const objects = join(source, 'neural-csv', 'benchmark.yaml');

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-map-'));
  home = join(root, 'home');
  cpSync(join(source, 'resnet', 'model.onnx'), join(root, 'resnet.onnx'));
  cpSync(join(source, 'resnet', 'card.yaml'), join(root, 'resnet.yaml'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => join(root, name);
const map = (...words: string[]) => runVentral(home, 'map', at('resnet.onnx'), ...words);
const onObjects = ['-b', objects, '--layers', 'layer1.0,layer3.0,fc'];

test('tells the plan first, on stderr, and the map on stdout', async () => {
  const { status, out, err } = await map(...onObjects);
  // A named layer that is too narrow for the metric has failed.
  expect(status).toBe(1);
  expect(err).toMatch(/^ventral: .*V4-pls: 1 of 3 layers has no value: fc \(10 units < 25/m);
  expect(err).toMatch(/^3 layers, /);
  expect(err).toMatch(/88 stimuli, 1 pass of the network/);
  expect(out).toMatch(/^model\tlayer\taliases\tunits\t/);
  expect(out).toMatch(/^e2e-resnet\tlayer1\.0\t.*\t2304\t.*V4-pls\t.*\tchosen\t/m);
  expect(out).toMatch(/^e2e-resnet\tfc\t\t10\t.*10 units < 25 components/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for.
  expect(out + err).not.toMatch(/[\x1b\r]/);
});

test('--json and --csv give the same cells, --html and --region-layer-map files beside them', async () => {
  const files = ['--html', at('map.html'), '--region-layer-map', at('map.json')];
  files.push('--svg', at('map.svg'), '--pdf', at('map.pdf'), '--width', 'single');
  const json = await map(...onObjects, '--json', ...files);
  expect(json.status).toBe(1);
  const found: LayerMap = JSON.parse(json.out);
  const csv = await map(...onObjects, '--csv', '--figure', 'profile', '--svg', at('depth.svg'));
  const depth = readFileSync(at('depth.svg'), 'utf8');
  expect(depth).toContain('>layer, in network order</text>');
  expect(depth).toContain('@font-face{font-family:Arimo;');
  expect(csv.out.trimEnd().split('\n')).toHaveLength(1 + 3 * 2);
  for (const { layer, cells } of found.layers.slice(0, 2)) {
    const { value, provenance } = cells['end-to-end.objects.IT-pls'] as Score;
    const line = csv.out
      .split('\n')
      .find((row) => row.includes(`,${layer},`) && row.includes('IT-pls'));
    expect(line).toContain(`,${value},`);
    expect(line).toContain(provenance.inputs);
  }
  const page = readFileSync(at('map.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>/i);
  expect(page).toContain('layer3.0');
  const figure = readFileSync(at('map.svg'), 'utf8');
  expect(figure).toMatch(/^<svg [^>]*width="85mm"/);
  for (const word of ['layer1.0', 'layer3.0', 'fc', 'chosen'])
    expect(figure).toContain(`>${word}</text>`);
  expect(readFileSync(at('map.pdf'), 'latin1')).toMatch(/^%PDF-1\.[\s\S]*\/FontFile2/);
  expect(JSON.parse(readFileSync(at('map.json'), 'utf8'))).toEqual({
    V4: found.chosen['end-to-end.objects.V4-pls'].layer,
    IT: found.chosen['end-to-end.objects.IT-pls'].layer,
  });
});

test('a figure that could not be written is refused before the work', async () => {
  for (const [words, found] of [
    [['--svg', at('nowhere/map.svg')], /--svg .*there is no folder/],
    [['--pdf', root], /--pdf .*this is a folder/],
    [['--svg', at('map.svg'), '--width', 'triple'], /single, double/],
    [['--svg', at('map.svg'), '--figure', 'pie'], /rows, profile, heat/],
  ] as const) {
    const { status, out, err } = await map(...onObjects, ...words);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(found);
    expect(err).not.toContain('1 pass of the network');
  }
});

describe('--commit', () => {
  test('writes the choice into the card, and a later score names it', async () => {
    cpSync(at('resnet.onnx'), at('mine.onnx'));
    cpSync(at('resnet.yaml'), at('mine.yaml'));
    const committed = await runVentral(home, 'map', at('mine.onnx'), ...onObjects, '--commit');
    expect(committed.status).toBe(1);
    expect(committed.err).toMatch(/^Updated .*mine\.yaml: V4 layer1\.0, IT /m);
    expect(readFileSync(at('mine.yaml'), 'utf8')).toContain('benchmark: end-to-end.objects.V4-pls');
    const words = [
      at('mine.onnx'),
      '-b',
      `${objects},${join(source, 'neural-nc', 'benchmark.yaml')}`,
    ];
    const { out } = await runVentral(home, 'score', ...words, '--json');
    const scores: Score[] = JSON.parse(out);
    const told = scores.map(({ region, layerChoice: { by }, selection }) => [
      region,
      typeof by === 'string' ? by : by.benchmark,
      selection,
    ]);
    expect(told).toEqual([
      ['V4', 'end-to-end.objects.V4-pls', true],
      ['IT', 'end-to-end.objects.IT-pls', true],
      ['V1', 'card', false],
      ['V2', 'card', false],
    ]);
  });

  test('is refused before the work where the card cannot be written', async () => {
    const shipped = await runVentral(home, 'map', 'pixels', ...onObjects, '--commit');
    expect(shipped).toMatchObject({ status: 2, out: '' });
    expect(shipped.err).toMatch(/ships with ventral/);
    cpSync(at('resnet.onnx'), at('bare.onnx'));
    const words = [at('bare.onnx'), ...onObjects, '--commit', '--assume', 'imagenet'];
    const bare = await runVentral(home, 'map', ...words);
    expect(bare.err).toMatch(/has no card file/);
    expect(bare.status).toBe(2);
  });
});

test('a region without recordings is mapped on simulated ones, never without a word', async () => {
  cpSync(at('resnet.onnx'), at('cardless.onnx'));
  const { status, err } = await runVentral(home, 'map', at('cardless.onnx'), '--region', 'V1');
  expect(err).toMatch(
    /^V1: the data of FreemanZiemba2013public\.V1-pls are not installed.*using the simulated Simulatedpublic\.V1-pls instead$/m,
  );
  expect(err).toMatch(/no model card/);
  expect(status).toBe(2);
});

test('a column without a value is status 1; the others are printed', async () => {
  const absent = 'FreemanZiemba2013public.V1-pls';
  const { status, out } = await map('-b', `${objects},${absent}`, '--layers', 'avgpool', '--json');
  expect(status).toBe(1);
  const { chosen }: LayerMap = JSON.parse(out);
  expect(Object.keys(chosen)).toEqual(['end-to-end.objects.V4-pls', 'end-to-end.objects.IT-pls']);
});

test.each([
  [[], /--region .* or --benchmark/],
  [['--region', 'V3'], /expected V1, V2, V4, IT, behavior, found "V3"/],
  [['-b', objects, '--json', '--csv'], /exclude each other/],
  [['-b', objects, '--layers', 'layer9*'], /layer9/],
  [['-b', objects, '--input', 'size=3'], /resize=N,crop=N/],
])('%j are refused', async (words, sentence) => {
  const { status, out, err } = await map(...words);
  expect(err).toMatch(sentence);
  expect([status, out]).toEqual([2, '']);
});

test('an interruption ends with 130 and without a map', async () => {
  const words = ['map', at('resnet.onnx'), ...onObjects, '--max-cache', '0'];
  const child = startVentral(home, words);
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  // The plan is told when the work starts.
  child.stderr?.on('data', (chunk) => {
    if (String(chunk).includes('of the network')) child.kill('SIGINT');
  });
  const status = await new Promise((done) => child.once('close', done));
  expect([status, out]).toEqual([130, '']);
});

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Score } from '../../src/scoring/measure/score.js';
import { madeNetwork, plainCard } from '../activations/made-networks.js';
import { ORACLE } from '../oracle.js';
import { runVentral } from './run-ventral.js';

let root: string;
let home: string;
const source = join(ORACLE, '09-end-to-end');
const objects = join(source, 'neural-csv', 'benchmark.yaml');
const behaviour = join(source, 'behaviour', 'benchmark.yaml');

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-score-'));
  home = join(root, 'home');
  for (const net of ['resnet', 'mbconv']) {
    cpSync(join(source, net, 'model.onnx'), join(root, `${net}.onnx`));
    cpSync(join(source, net, 'card.yaml'), join(root, `${net}.yaml`));
  }
  writeFileSync(join(root, 'broken.onnx'), 'no network');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => join(root, name);
const score = (...words: string[]) => runVentral(home, 'score', ...words);
const parsed = (out: string): Score[] => JSON.parse(out);

describe('several models', () => {
  test('of which one is broken: the others are printed, the status is 1', async () => {
    const { status, out, err } = await score(
      at('resnet.onnx'),
      at('broken.onnx'),
      at('mbconv.onnx'),
      '--benchmark',
      objects,
      '--json',
      '--svg',
      at('scores.svg'),
    );
    const figure = readFileSync(at('scores.svg'), 'utf8');
    for (const word of ['e2e-resnet', 'e2e-mbconv', 'V4', 'IT', '180mm'])
      expect(figure).toContain(word);
    expect(parsed(out).map(({ name, region }) => `${name} ${region}`)).toEqual([
      'e2e-resnet V4',
      'e2e-resnet IT',
      'e2e-mbconv V4',
      'e2e-mbconv IT',
    ]);
    expect(err).toMatch(/^ventral: .*broken\.onnx.*not an ONNX/m);
    expect(status).toBe(1);
  });

  test('all broken: the status is that of bad input', async () => {
    writeFileSync(at('also.onnx'), 'no network either');
    const { status, out } = await score(at('broken.onnx'), at('also.onnx'), '-b', objects);
    expect(out).toBe('');
    expect(status).toBe(2);
  });
});

describe('several files with one card', () => {
  const withCard = (...words: string[]) =>
    score(...words, '--card', at('resnet.yaml'), '-b', objects, '-l', 'maxpool');

  test('are rows that their files name', async () => {
    for (const name of ['epoch-1', 'epoch-2']) cpSync(at('resnet.onnx'), at(`${name}.onnx`));
    const files = [at('epoch-1.onnx'), at('epoch-2.onnx')];
    const names = ['epoch-1.onnx', 'epoch-1.onnx', 'epoch-2.onnx', 'epoch-2.onnx'];
    const json = await withCard(...files, '--json');
    expect(json.status).toBe(0);
    expect(parsed(json.out).map(({ name }) => name)).toEqual(names);
  });

  test('of one name are told apart by their paths; one file alone has the name of its card', async () => {
    mkdirSync(at('run'), { recursive: true });
    cpSync(at('resnet.onnx'), at('run/resnet.onnx'));
    const files = [at('resnet.onnx'), at('run/resnet.onnx')];
    const { out } = await withCard(...files, '--json');
    expect(parsed(out).map(({ name }) => name)).toEqual([files[0], files[0], files[1], files[1]]);
    const [alone] = parsed((await withCard(at('run/resnet.onnx'), '--json')).out);
    expect(alone.name).toBe('e2e-resnet');
  });

  test('a failure names its file', async () => {
    const words = [at('resnet.onnx'), at('mbconv.onnx'), '-b', 'FreemanZiemba2013public.V1-pls'];
    const { status, err } = await withCard(...words);
    expect(err).toMatch(/^ventral: mbconv\.onnx: FreemanZiemba2013public\.V1-pls: /m);
    expect(status).toBe(1);
  });
});

test('a benchmark that fails leaves the others', async () => {
  const { status, out, err } = await score(
    at('resnet.onnx'),
    '-b',
    `${objects},FreemanZiemba2013public.V1-pls`,
    '--json',
  );
  expect(parsed(out)).toHaveLength(2);
  expect(err).toMatch(/FreemanZiemba2013public\.V1-pls: .*ventral data pull/);
  expect(status).toBe(1);
});

describe('options', () => {
  test('stand before and after, are repeated or joined by commas', async () => {
    const ways = [
      ['-b', objects, '-b', behaviour, at('resnet.onnx'), '--json'],
      [at('resnet.onnx'), '--json', `--benchmark=${objects},${behaviour}`],
    ];
    const found = [];
    for (const words of ways) found.push(parsed((await score(...words)).out));
    const digests = found.map((scores) => scores.map(({ provenance }) => provenance.inputs));
    expect(digests[0]).toHaveLength(3);
    expect(digests[1]).toEqual(digests[0]);
  });

  test('of layers go by region, joined where a region has several', async () => {
    const layers = async (...words: string[]) =>
      parsed((await score(at('resnet.onnx'), '-b', objects, '--json', ...words)).out).map(
        ({ layer, layerChoice }) => `${layer} ${layerChoice.by}`,
      );
    expect(await layers()).toEqual(['layer2.0.conv2 card', 'layer3.0 card']);
    expect(await layers('--layer', 'V4=maxpool')).toEqual(['maxpool flag', 'layer3.0 card']);
    expect(await layers('--layer', 'V4=maxpool,IT=layer1.0')).toEqual([
      'maxpool flag',
      'layer1.0 flag',
    ]);
    const both = ['maxpool+layer1.0 flag', 'layer3.0 card'];
    expect(await layers('--layer', 'V4=maxpool,layer1.0')).toEqual(both);
    expect(await layers('--layer', 'V4=maxpool', '--layer', 'V4=layer1.0')).toEqual(both);
    expect(await layers('--layer', 'V4=maxpool', '--layer', 'layer1.0')).toEqual([
      'maxpool flag',
      'layer1.0 flag',
    ]);
  });

  test.each([
    [['--card', 'c.yaml'], '--card'],
    [['--assume', 'imagenet'], '--assume'],
    [['--input', 'crop=48'], '--input'],
  ])('%j says nothing to features, and is refused', async (words, name) => {
    const { status, err } = await score('--features', 'f.npz', '-b', objects, ...words);
    expect(err).toContain(`${name} applies to a model`);
    expect(status).toBe(2);
  });

  test.each([
    [['--json', '--csv'], /exclude each other/],
    [['--features', 'f.npz'], /exclude each other/],
    [['--input', 'size=3'], /resize=N,crop=N, found "size=3"/],
    [['--assume', 'cifar'], /--assume: expected imagenet, found "cifar"/],
  ])('%j are refused', async (words, sentence) => {
    // Without a card of its own, so that --assume has something to say.
    cpSync(at('resnet.onnx'), at('bare.onnx'));
    const { status, out, err } = await score(at('bare.onnx'), '-b', objects, ...words);
    expect(err).toMatch(sentence);
    expect([status, out]).toEqual([2, '']);
  });
});

test('another input size is another input', async () => {
  writeFileSync(at('free.onnx'), madeNetwork().build());
  const resize = { to: 48, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
  writeFileSync(at('free.yaml'), JSON.stringify(plainCard({ resize, crop: 48 })));
  const inputs = async (...sizes: string[]) => {
    const words = sizes.flatMap((size) => ['--input', size]);
    const { out } = await score(at('free.onnx'), '-b', objects, '-l', 'relu', '--json', ...words);
    return parsed(out).map(({ provenance }) => provenance.inputs);
  };
  const swept = await inputs('resize=64,crop=64', 'resize=48', 'crop=40');
  expect(swept).toHaveLength(6);
  expect(new Set(swept).size).toBe(6);
  // The card's own size, said once more, is no other input.
  expect(await inputs()).toEqual(swept.slice(2, 4));
});

test('--assume imagenet is recorded in the inputs, with --input as well', async () => {
  cpSync(at('resnet.onnx'), at('bare.onnx'));
  const words = [at('bare.onnx'), '-b', objects, '-l', 'maxpool', '--assume', 'imagenet', '--json'];
  const sizes = ['--input', 'resize=48,crop=48', '--input', 'resize=56,crop=48'];
  const { status, out } = await score(...words, ...sizes);
  expect(status).toBe(0);
  const [first, , second] = parsed(out);
  expect(first.provenance.inputs).not.toBe(second.provenance.inputs);
});

test('a pipe sees TSV: no table, no bar, no colour', async () => {
  const { status, out, err } = await score(at('resnet.onnx'), '-b', objects);
  expect(status).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for.
  expect(out + err).not.toMatch(/[│┌─\x1b\r]/);
  expect(out.trimEnd().split('\n')).toHaveLength(1 + 2);
  expect(out).toMatch(/^model\tbenchmark\tlayer\tvalue\terror\t/);
  // The error is of raw, and stands there.
  expect(out).toMatch(/^e2e-resnet\tend-to-end\.objects\.V4-pls\tlayer2\.0\.conv2\t0\.\d{6,}\t\t/m);
});

test('--csv prints a line a score with its inputs', async () => {
  const { out } = await score(at('resnet.onnx'), '-b', objects, '--csv');
  const [header, ...rows] = out.trimEnd().split('\n');
  expect(header).toMatch(/^model,benchmark,layer,value,/);
  expect(rows).toHaveLength(2);
  for (const row of rows)
    expect(row).toMatch(/^e2e-resnet,.*,false,false,sha256:[0-9a-f]{64},images/);
});

test('--detail has splits, neuroids and their ids', async () => {
  const plain = parsed((await score(at('resnet.onnx'), '-b', objects, '--json')).out)[0];
  expect(plain).not.toHaveProperty('splits');
  expect(plain.raw).not.toHaveProperty('neuroids');
  const { out } = await score(at('resnet.onnx'), '-b', objects, '--json', '--detail');
  for (const { raw, ceiling, splits } of parsed(out)) {
    expect(splits).toHaveLength(10);
    const ids = raw.neuroid_ids as string[];
    expect([...ids].sort()).toEqual(ids);
    expect(raw.neuroids).toHaveLength(10);
    for (const row of raw.neuroids ?? []) expect(row).toHaveLength(ids.length);
    expect(ceiling?.neuroid_ids).toEqual(ids);
    for (const { train, test: tested } of splits ?? []) {
      expect(new Set([...train, ...tested]).size).toBe(88);
      expect(train.length + tested.length).toBe(88);
    }
  }
});

describe('state lives', () => {
  test('under --home, else VENTRAL_HOME, and nothing stays in tmp', async () => {
    const other = at('elsewhere');
    const words = [at('resnet.onnx'), '-b', objects];
    expect((await score(...words, '--home', other)).status).toBe(0);
    expect(readdirSync(join(other, 'tmp'))).toEqual([]);
    const byVariable = at('by-variable');
    expect((await runVentral(byVariable, 'score', ...words)).status).toBe(0);
    expect(existsSync(join(byVariable, 'tmp'))).toBe(true);
  });
});

test('--verbose shows the stack, without it nobody sees one', async () => {
  const words = ['score', at('broken.onnx'), '-b', objects];
  expect((await runVentral(home, ...words)).err).not.toMatch(/\n {4}at /);
  expect((await runVentral(home, ...words, '--verbose')).err).toMatch(/\n {4}at /);
});

test('features go by the command line from one command to the other', async () => {
  const written = await runVentral(
    home,
    'activations',
    at('resnet.onnx'),
    '--layers',
    'layer3.0,layer1.*',
    '--benchmark',
    objects,
    '-o',
    at('f.npz'),
  );
  expect(written).toEqual({ status: 0, out: '', err: '' });
  const { out, status } = await score(
    '--features',
    at('f.npz'),
    '-l',
    'layer3.0',
    '-b',
    objects,
    '--json',
  );
  expect(status).toBe(0);
  expect(parsed(out)[1]).toMatchObject({
    model: null,
    name: null,
    layer: 'features',
    region: 'IT',
  });
  const unset = await score('--features', at('f.npz'), '-b', objects);
  expect(unset.err).toMatch(/holds \d layers: give --layer/);
  expect(unset.status).toBe(2);
});

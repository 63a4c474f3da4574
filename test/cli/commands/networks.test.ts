import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCard } from '../../../src/activations/card/card.js';
import { ORACLE } from '../../oracle.js';
import { runVentral } from '../run-ventral.js';

let root: string;
const source = join(ORACLE, '09-end-to-end');
const folded = join(source, 'resnet', 'folded.onnx');

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-networks-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const run = (...words: string[]) => runVentral(join(root, 'home'), ...words);

describe('ventral layers', () => {
  test('prints a line a layer, and says what is folded', async () => {
    const { status, out, err } = await run('layers', folded);
    expect([status, err]).toEqual([0, '']);
    const rows = new Map(
      out
        .trimEnd()
        .split('\n')
        .map((line) => [line.split('\t')[0], line]),
    );
    // Without a card the input is taken to be 224 pixels wide.
    expect(rows.get('layer1.0')).toMatch(/^layer1\.0\t16 × (\d+) × \1\t\d+\tRelu\t\S+\t$/);
    expect(rows.get('conv1')).toMatch(/\tConv\t\tfolded into \/conv1\/Conv_output_0$/);
    expect(rows.get('fc')).toMatch(/^fc\t10\t10\tGemm\t/);
  });

  test('prints the same as JSON, inner values where asked', async () => {
    const modules = JSON.parse((await run('layers', folded, '--json')).out);
    const conv = modules.find(({ name }: { name: string }) => name === 'conv1');
    expect(conv).toMatchObject({
      kind: 'module',
      value: null,
      units: null,
      folded: { carriedBy: '/conv1/Conv_output_0' },
    });
    const all = JSON.parse((await run('layers', '--values', '--json', folded)).out);
    expect(all.length).toBeGreaterThan(modules.length);
    expect(all).toEqual(expect.arrayContaining(modules));
    const names = all.map(({ name }: { name: string }) => name);
    expect(names).toContain('/conv1/Conv_output_0');
  });

  test('knows shipped models', async () => {
    const { out } = await run('layers', 'gabor-v1');
    for (const layer of ['simple', 'complex', 'v1', 'v1_pool', 'readout'])
      expect(out).toMatch(new RegExp(`^${layer}\\t`, 'm'));
  });
});

describe('ventral card init', () => {
  test('prints a card that is one as soon as its names are filled in', async () => {
    cpSync(join(source, 'resnet', 'model.onnx'), join(root, 'net.onnx'));
    const { status, out } = await run('card', 'init', join(root, 'net.onnx'));
    expect(status).toBe(0);
    const card = parseCard(out.replaceAll('NAME', 'avgpool'), 'net.yaml');
    expect(card).toMatchObject({ name: 'net', readout: 'avgpool', visual_degrees: 8 });
    expect(out).toContain('#   layer1.0\n');
    writeFileSync(join(root, 'net.yaml'), out.replaceAll('NAME', 'avgpool'));
    const { out: again } = await run('layers', join(root, 'net.onnx'), '--json');
    expect(JSON.parse(again).length).toBeGreaterThan(5);
  });
});

describe('ventral activations refuses', () => {
  const model = join(source, 'resnet', 'model.onnx');
  const bench = join(source, 'neural-csv', 'benchmark.yaml');
  test.each([
    [[], /--layers/],
    [['--layers', 'fc'], /either --benchmark or --stimuli/],
    [
      ['--layers', 'fc', '--benchmark', bench, '--stimuli', 'x', '--degrees', '8'],
      /either --benchmark or --stimuli/,
    ],
    [['--layers', 'fc', '--stimuli', '.'], /--stimuli and --degrees go together/],
    [
      ['--layers', 'fc', '--benchmark', bench, '--degrees', '8'],
      /--stimuli and --degrees go together/,
    ],
    [['--layers', 'fc', '--stimuli', '.', '--degrees', 'wide'], /--degrees: .*"wide"/],
    [['--layers', 'fcc', '--benchmark', bench], /no layer fcc; closest: fc/],
  ])('%j', async (words, sentence) => {
    const card = ['--card', join(source, 'resnet', 'card.yaml')];
    const output = ['-o', join(root, 'f.npz')];
    const { status, out, err } = await run('activations', model, ...words, ...card, ...output);
    expect(err).toMatch(sentence);
    expect([status, out]).toEqual([2, '']);
  });
});

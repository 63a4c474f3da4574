import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cardTemplate } from '../../src/activations/card/card-template.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';

const source = join(ORACLE, '09-end-to-end');
const objects = join(source, 'neural-csv', 'benchmark.yaml');
const V4 = 'end-to-end.objects.V4-pls';

let root: string;
const at = (name: string) => join(root, name);
const ventral = (...words: string[]) => runVentral(at('home'), ...words);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-views-'));
  cpSync(join(source, 'resnet', 'model.onnx'), at('resnet.onnx'));
  cpSync(join(source, 'resnet', 'card.yaml'), at('resnet.yaml'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A network whose rectifier passes nothing: layers `conv`, `dead`, and what follows it. */
function deadNetwork() {
  const graph = new GraphBuilder('dead');
  graph.input('image', 'float32', ['N', 3, 16, 16]);
  const length = 40 * 3 * 256;
  const weights = Float32Array.from({ length }, (_, i) => -Math.abs(Math.sin(i)));
  graph.initializer('w', [40, 3, 16, 16], weights);
  graph.node('Conv', ['image', 'w'], { outputs: ['conv'] });
  graph.node('Relu', ['conv'], { outputs: ['dead'] });
  graph.node('Abs', ['dead'], { outputs: ['after'] });
  graph.output('after', 'float32', ['N', 40, 1, 1]);
  writeFileSync(at('dead.onnx'), graph.build());
  writeFileSync(
    at('dead.yaml'),
    `input:
  resize: { to: 16, mode: square, filter: bilinear, library: pillow }
  range: 1
  mean: [0, 0, 0]
  std: [1, 1, 1]
  layout: NCHW
visual_degrees: 8
`,
  );
  return at('dead.onnx');
}

describe('after map --commit on the same benchmark', () => {
  const score = (...words: string[]) =>
    ventral('score', at('resnet.onnx'), '-b', objects, ...words);

  beforeAll(async () => {
    const candidates = ['--layers', 'layer1.0,layer3.0'];
    const words = ['map', at('resnet.onnx'), '-b', objects, ...candidates, '--commit'];
    expect((await ventral(...words)).status).toBe(0);
  });

  test('the table says that the layer was chosen there', async () => {
    const { out } = await score();
    const lines = out.trim().split('\n');
    expect(lines).toHaveLength(1 + 2);
    const [head, ...rows] = lines.map((line) => line.split('\t'));
    for (const row of rows) {
      expect(row[head.indexOf('selection')]).toBe('true');
      expect(row[head.indexOf('chosen_on')]).toBe(row[head.indexOf('benchmark')]);
    }
  });

  test('so do CSV and JSON', async () => {
    const [head, row] = (await score('--csv')).out.split('\n').map((line) => line.split(','));
    const cell = (name: string) => row[head.indexOf(name)];
    expect([cell('selection'), cell('chosen_on')]).toEqual(['true', V4]);
    const [found]: Score[] = JSON.parse((await score('--json')).out);
    expect(found).toMatchObject({ selection: true, layerChoice: { by: { benchmark: V4 } } });
  });

  test('so does the check of a receipt', async () => {
    await score('--receipt', at('receipt.json'));
    const { status, err } = await ventral('verify', at('receipt.json'));
    expect(status).toBe(0);
    expect(err).toContain(`${V4}: selection: layer chosen on this benchmark`);
  });

  test('another benchmark with its stimuli names the one that the layer was chosen on', async () => {
    const folder = join(source, 'neural-csv');
    cpSync(folder, at('other'), { recursive: true });
    const text = readFileSync(join(folder, 'benchmark.yaml'), 'utf8');
    writeFileSync(at('other/benchmark.yaml'), text.replace('end-to-end.objects', 'other.objects'));
    const { out } = await ventral('score', at('resnet.onnx'), '-b', at('other/benchmark.yaml'));
    expect(out).toContain(`other.objects.V4-pls`);
    expect(out).toContain(`\ttrue\t${V4}\t`);
  });
});

test('the error stands beside raw, to which it belongs; the score has its interval', async () => {
  const words = ['score', at('resnet.onnx'), '-b', objects, '-l', 'layer1.0'];
  const cells = (await ventral(...words)).out.split('\n')[1].split('\t');
  const [, , , value, error, low, high, raw, rawError] = cells;
  for (const number of [value, low, high, raw, rawError]) expect(number).toMatch(/^-?\d\.\d+/);
  expect(error).toBe('');
  const csv = (await ventral(...words, '--csv')).out.split('\n').map((line) => line.split(','));
  const cell = (name: string) => csv[1][csv[0].indexOf(name)];
  expect([cell('error'), Number(cell('raw_error')) > 0]).toEqual(['', true]);
});

describe('a dead layer', () => {
  test('ends a score with status 1 and says so', async () => {
    const { status, err } = await ventral('score', deadNetwork(), '-b', objects, '-l', 'dead');
    expect(status).toBe(1);
    expect(err).toMatch(
      /^ventral: .*V4-pls: layer dead has no score: every unit of the layer has the same activation/m,
    );
  });

  test('and others without a value end a map with status 1 and a line with their number', async () => {
    const words = ['map', deadNetwork(), '-b', objects, '--layers', 'conv,dead,after'];
    const { status, err, out } = await ventral(...words);
    expect(status).toBe(1);
    expect(err).toMatch(
      /^ventral: .*V4-pls: 2 of 3 layers have no value: dead \(every unit .*after/m,
    );
    expect(out).toMatch(/\tconv\t.*V4-pls\t.*\tchosen\t/m);
  });
});

test('an untouched template is named by scores and maps that it is used for', async () => {
  const card = at('template.yaml');
  writeFileSync(card, cardTemplate('net', { size: 48 }).replace(/^readout.*\n/m, ''));
  const words = [at('resnet.onnx'), '--card', card, '-b', objects];
  const score = await ventral('score', ...words, '-l', 'layer1.0');
  expect(score.err).toMatch(/card-template: still marked # TODO.*mean \(line \d+\)/);
  const map = await ventral('map', ...words, '--layers', 'layer1.0');
  expect(map.err.match(/card-template: still marked # TODO/g)).toHaveLength(1);
});

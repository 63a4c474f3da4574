import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { comparisonPage, seriesPage } from '../../src/report/comparison-page.js';
import type { Comparison } from '../../src/scoring/compare/comparison-types.js';
import { madeSeries, objects, oracleNetwork } from '../scoring/made-series.js';
import { hostileNames } from './made-map.js';
import { runVentral, startVentral } from './run-ventral.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-compare-cli-'));
const home = join(root, 'home');
const at = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const compare = (...words: string[]) => runVentral(home, 'compare', ...words);
const V4 = 'end-to-end.objects.V4-pls';

describe('a series of six of which one is corrupt', () => {
  let words: string[];
  let csv: string;
  beforeAll(async () => {
    const { folder, card } = madeSeries(at('six'), 6);
    writeFileSync(join(folder, 'net_epoch_3.onnx'), 'no network');
    words = ['--series', folder, '--card', card, '-b', objects];
    const files = ['--html', at('series.html'), '--svg', at('series.svg')];
    const { status, out, err } = await compare(...words, '--csv', ...files);
    expect(err).toMatch(/^ventral: net_epoch_3\.onnx: .*not an ONNX model.*\n$/);
    expect(status).toBe(1);
    csv = out;
  });

  test('is a tidy CSV, two lines a benchmark and checkpoint', () => {
    const [header, ...lines] = csv.trimEnd().split('\n');
    expect(header).toBe(
      'checkpoint,epoch,benchmark,layer,value,ci_low,ci_high,raw,ceiling,map,selection,simulated,reason,inputs,generalises,drawn,animals',
    );
    expect(lines).toHaveLength(6 * 2 * 2);
    const broken = lines.filter((line) => line.startsWith('net_epoch_3.onnx,3,'));
    expect(broken).toHaveLength(4);
    for (const line of broken) expect(line).toMatch(/,,,,,,,(fixed|chosen),false,false,.*ONNX/);
    for (const line of lines.filter((each) => !broken.includes(each)))
      expect(line).toMatch(
        /,\w+,0\.\d+,.*,(fixed|chosen),(true|false),false,,sha256:[0-9a-f]{64},images and neuroids,"images \d+, neuroids \d+",\d*$/,
      );
  });

  test('is a page with two curves a benchmark', () => {
    const page = readFileSync(at('series.html'), 'utf8');
    expect(page.match(/class="plot"/g)).toHaveLength(2);
    for (const name of ['fixed', 'chosen', 'net_epoch_3.onnx']) expect(page).toContain(name);
  });

  test('is a figure with an axis of epochs that says which checkpoint has no value', () => {
    const figure = readFileSync(at('series.svg'), 'utf8');
    expect(figure).toMatch(/^<svg [^>]*width="180mm"/);
    for (const word of ['epoch', 'at the fixed layer', 'at the layer chosen at each epoch'])
      expect(figure).toContain(`>${word}</text>`);
    expect(figure).toMatch(/no value \(\d\): .*not an ONNX model/);
  });

  test('is killed halfway, resumed, and gives the same bytes', async () => {
    const other = at('killed');
    const child = startVentral(other, ['compare', ...words, '--csv']);
    const closed = once(child, 'close');
    while (cells(other) < 20) {
      if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}`);
      await sleep(5);
    }
    child.kill('SIGKILL');
    await closed;
    const kept = cells(other);
    const { status, out } = await runVentral(other, 'compare', ...words, '--csv');
    expect(status).toBe(1);
    expect(out).toBe(csv);
    expect(cells(other)).toBeGreaterThan(kept);
    expect(readdirSync(join(other, 'tmp'))).toEqual([]);
  });
});

/** Entries of the cache. */
function cells(of: string): number {
  const folder = join(of, 'cache', 'activations');
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true }).filter((name) =>
    /^[0-9a-f]{2}[\\/][0-9a-f]{64}$/.test(String(name)),
  ).length;
}

test('two models side by side are an object of rows, differences, divergences and maps', async () => {
  for (const name of ['resnet', 'mbconv'] as const) {
    const { path, file } = oracleNetwork(name);
    writeFileSync(at(`${name}.onnx`), readFileSync(path));
    writeFileSync(at(`${name}.yaml`), readFileSync(file));
  }
  // Candidates are named, so that maps are made although the cards give layers.
  const words = [at('resnet.onnx'), at('mbconv.onnx'), '-b', objects, '--layers', '*'];
  const { status, out, err } = await compare(...words, '--json');
  expect([status, err]).toEqual([0, '']);
  const found: Comparison = JSON.parse(out);
  expect(found.models.map(({ checkpoint }) => checkpoint)).toEqual(['resnet.onnx', 'mbconv.onnx']);
  expect(found.rows.map(({ layer }) => layer)).toEqual([
    'layer2.0.conv2',
    'blocks.2.0.conv_pwl',
    'layer3.0',
    'blocks.2.1.conv_pwl',
  ]);
  expect(found.differences).toHaveLength(2);
  expect(found.maps.map((map) => map?.name)).toEqual(['e2e-resnet', 'e2e-mbconv']);

  const { out: lines } = await compare(...words);
  const [scores, differences] = lines.split('\n\n').map((part) => part.trim().split('\n'));
  expect(scores[1]).toMatch(
    /^resnet\.onnx\t\tend-to-end\.objects\.V4-pls\tlayer2\.0\.conv2\t0\.\d{6}/,
  );
  expect(scores).toHaveLength(1 + 4);
  const [difference] = found.differences.map(({ difference }) => difference);
  expect(differences[1]).toContain(`${V4}\tmbconv.onnx\tresnet.onnx\t${difference}\t`);
});

describe('wrong usage', () => {
  test.each([
    [['one.onnx'], /two or more models, or give --series/],
    [['a.onnx', 'b.onnx', '--region', 'V3'], /expected V1, V2, V4, IT, behavior, found "V3"/],
    [['a.onnx', 'b.onnx', '--json', '--csv'], /exclude each other/],
    [['runs/', '--series', '--figure', 'differences'], /a series has no differences/],
    [['--series', 'nowhere/*.onnx', '-b', objects], /nowhere/],
  ])('%j is refused', async (words, sentence) => {
    const { status, out, err } = await compare(...words);
    expect(err).toMatch(sentence);
    expect([status, out]).toEqual([2, '']);
  });
});

test('regions whose data are not here say what stands in', async () => {
  const { status, err } = await compare(at('nothing_1.onnx'), '--series', '-r', 'V1');
  expect(err).toMatch(/^V1: .*using the simulated Simulatedpublic\.V1-pls instead\n/);
  expect(status).toBe(2);
});

test('names on the pages are text', () => {
  const rows = hostileNames.map((name, epoch) => ({
    checkpoint: name,
    epoch,
    model: null,
    benchmark: name,
    region: null,
    simulated: true,
    map: 'fixed' as const,
    layer: name,
    layerChoice: null,
    value: epoch === 0 ? null : 0.5,
    ci: null,
    raw: 0.5,
    ceiling: null,
    selection: false,
    inputs: null,
    ...(epoch === 0 ? { reason: name } : {}),
  }));
  const checkpoints = rows.map(({ checkpoint, epoch }) => ({ checkpoint, epoch, model: null }));
  const benchmarks = hostileNames;
  const layers = Object.fromEntries(hostileNames.map((name) => [name, name]));
  const [from, to] = hostileNames;
  const pages = [
    seriesPage({ checkpoints, benchmarks, rows, fixed: { from, layers } }),
    comparisonPage({
      models: checkpoints,
      benchmarks,
      rows,
      maps: rows.map(() => null),
      differences: [
        {
          benchmark: to,
          from,
          to,
          difference: null,
          ci: null,
          paired: false,
          p: null,
          reason: from,
        },
      ],
      divergences: [
        {
          benchmark: to,
          from,
          to,
          by: 'name',
          layers: [{ layer: from, other: to, difference: 1, ci: [1, 1], diverges: true }],
        },
      ],
    }),
  ];
  for (const page of pages) {
    for (const bare of ['<script', '<img', '\u202e', '\u001b']) expect(page).not.toContain(bare);
    expect(page).toContain('&lt;script&gt;');
  }
});

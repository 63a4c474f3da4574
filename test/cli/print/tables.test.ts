import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { fitRows, wrapText } from '../../../src/cli/print/fit-rows.js';
import { printComparison, printSeries } from '../../../src/cli/print/print-comparison.js';
import { printImport, printKeys } from '../../../src/cli/print/print-import.js';
import { printMap } from '../../../src/cli/print/print-map.js';
import { printRobustness } from '../../../src/cli/print/print-robustness.js';
import { printRows } from '../../../src/cli/print/print-rows.js';
import { printScores } from '../../../src/cli/print/print-scores.js';
import { type Io, processIo } from '../../../src/cli/terminal/io.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { figure } from '../../../src/training/robustness/robustness.js';
import { madeComparison, madeRow } from '../made-comparison.js';
import { madeMap } from '../made-map.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-tables-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** What is printed to a terminal of so many columns, or to a pipe. */
async function printed(columns: number | undefined, print: (io: Io) => unknown): Promise<string> {
  let out = '';
  const add = (text: string) => {
    out += text;
  };
  const interactive = columns !== undefined;
  await print({ out: add, err: () => {}, interactive, color: false, ...(columns && { columns }) });
  return out;
}

const map = madeMap({ holdout: true });
const short = { ...map, layers: map.layers.filter((_, i) => i < 6 || i === 18 || i === 40) };
const scores = map.benchmarks.map((id) => map.layers[18].cells[id] as Score);
const failures: never[] = [];

const checkpoint = {
  ...{ total: 30, loaded: 29, unexpected: ['module.head.weight', 'module.head.bias'] },
  ...{ missing: ['features.denseblock1.denselayer1.conv1.weight'], ignored: [] },
  misshapen: [{ key: 'fc.weight', expected: [10, 512], found: [1000, 512] }],
};
const imported = {
  ...{ file: 'runs/resnet50-epoch-90.onnx', digest: `sha256:${'5f'.repeat(32)}` },
  source: { file: 'epoch-90.pth', format: 'pytorch', path: 'state_dict' },
  onto: { architecture: 'resnet50', names: 'torchvision' },
  ...{ keys: { ...checkpoint, missing: [], misshapen: [] }, proved: false, notes: [] },
  unproved: 'no reference outputs were given (--reference)',
};
const attack = {
  ...{ name: 'objects-resnet', model: `sha256:${'5f'.repeat(32)}`, clean: figure(47, 50) },
  data: { digest: 'sha256:0', examples: 50, seed: 1 },
  threats: [
    {
      ...{ norm: 'Linf' as const, epsilon: 8 / 255, worst: figure(11, 50) },
      attacks: [
        { attack: 'fgsm' as const, title: 'FGSM', ...figure(20, 50) },
        { attack: 'pgd-20' as const, title: 'PGD-20', ...figure(12, 50) },
      ],
    },
  ],
  checks: [{ name: 'one step is not stronger than many', passed: true, found: '0.40 > 0.24' }],
  maskingSuspected: false,
};
const series = {
  ...{ checkpoints: [], benchmarks: ['lab.V4-pls'] },
  fixed: { from: 'epoch-090.onnx', layers: { 'lab.V4-pls': 'layer3' } },
  rows: [
    madeRow('runs/resnet50/epoch-001.onnx', { epoch: 1 }),
    madeRow('runs/resnet50/epoch-090.onnx', {
      ...{ epoch: 90, benchmark: 'MajajHong2015public.IT-pls', simulated: true },
      ...{ value: null, raw: null, ci: null, reason: 'the file is not an ONNX model' },
    }),
  ],
};

const run = (...words: string[]) => {
  return (io: Io) => runCommandLine(['node', 'ventral', '--home', home, ...words], io);
};

const digest = `sha256:${'5f'.repeat(32)}`;
const terms =
  'No licence is stated with the files; see the paper (doi:10.1523/JNEUROSCI.5181-14.2015).';
/** Rows of the commands that print words alone, under their headings. */
const lists: Record<string, string[][]> = {
  models: [
    ['name', 'id', 'digest'],
    ['resnet50-epoch-90', 'mdl_0123456789abcdef', digest],
    ['gabor-v1', 'shipped', ''],
  ],
  data: [
    ['name', 'kind', 'access', 'here', 'terms'],
    ['MajajHong2015.temporal.public', 'recordings', 'public', 'no', terms],
    ['hvm-public', 'stimuli', 'public', 'yes', 'CC-BY-4.0'],
  ],
  keys: [
    ['id', 'name', 'role', 'owner', 'groups', 'state'],
    ['key_0123456789abcdef', 'ada', 'member', 'lab', 'v1, v4', 'expires 2027-01-01T00:00:00.000Z'],
  ],
  findings: [
    ['state', 'check', 'found'],
    [
      'ok',
      'runtime',
      'ONNX Runtime 1.30.0 computes as it should, on 2 threads of the CPU of this host',
    ],
  ],
  damage: [
    ['kind', 'name', 'state', 'detail', 'withdrawn'],
    ['model', digest, 'damaged', 'the file has other bytes than its digest says', 'job_1 job_2'],
  ],
};

const tables: [string, (io: Io) => unknown][] = [
  ['scores of one model', (io) => printScores({ scores, failures }, { verbose: false }, io)],
  ['a layer map', (io) => printMap(short as typeof map, io)],
  ['a comparison', (io) => printComparison(madeComparison, io)],
  ['a series', (io) => printSeries(series, io)],
  ['an attack', (io) => printRobustness(attack as never, 'table', io)],
  ['an import', (io) => printImport(imported as never, { json: false }, io)],
  ['keys that do not fit', (io) => printKeys(checkpoint, { json: false }, io)],
  ...Object.entries(lists).map(([name, [head, ...rows]]): (typeof tables)[number] => {
    return [name, (io) => printRows(head, rows, io)];
  }),
];
/** Their rows are the catalog's. */
const listings: typeof tables = [
  ['ventral benchmarks list', run('benchmarks', 'list')],
  ['ventral data list', run('data', 'list')],
  ['ventral layers', run('layers', 'gabor-v1')],
];

describe.each([...tables, ...listings])('%s', (name, print) => {
  const kept = !name.startsWith('ventral');

  test.each([80, 160])('at %i columns', async (columns) => {
    const text = await printed(columns, print);
    if (kept) expect(text).toMatchSnapshot();
    // Sentences above and below tables are the terminal's to break.
    const lines = text.split('\n');
    const rule = lines.findIndex((line) => /^─+$/.test(line));
    const end = lines.findIndex((line, i) => i > rule && line === '');
    const table = lines.slice(rule - 1, end).filter((line) => !/: |^● /.test(line));
    for (const line of table) expect([...line].length, line).toBeLessThanOrEqual(columns);
  });

  test('in a pipe', async () => {
    const text = await printed(undefined, print);
    if (kept) expect(text).toMatchSnapshot();
    expect(text).not.toMatch(/[─│●○±]|(^|\t)–/m);
    for (const part of text.replace(/\n$/, '').split('\n\n')) {
      const cells = part.split('\n').map((line) => line.split('\t').length);
      expect(new Set(cells).size).toBe(1);
      expect(part.split('\n')[0]).toMatch(/^[a-z_]+(\t[a-z_]+)*$/);
    }
  });
});

describe('a table that is too wide', () => {
  const rows = [
    ['resnet50', 'MajajHong2015public.IT-pls', '0.3402 ± 0.009'],
    ['resnet50', 'FreemanZiemba2013public.V1-pls', '0.2400'],
  ];
  const head = ['model', 'benchmark', 'score'];

  test('says first what all its rows have in common', () => {
    expect(fitRows(head, rows, 60)).toMatchObject({ above: [], wrapped: false });
    expect(fitRows(head, rows, 50)).toMatchObject({
      above: [['model', 'resnet50']],
      head: ['benchmark', 'score'],
      wrapped: false,
    });
  });

  test('breaks cells between words, and loses no character', () => {
    const { rows: broken } = fitRows(head, rows, 34);
    expect(broken[0]).toEqual(['MajajHong2015public.\nIT-pls', '0.3402\n± 0.009']);
    for (const width of [34, 24, 20, 1]) {
      const joined = fitRows(head, rows, width).rows.map((row) =>
        row.map((cell) => cell.replaceAll(/\s/g, '')),
      );
      expect(joined.map(([benchmark]) => benchmark)).toEqual(rows.map((row) => row[1]));
    }
  });

  test('counts wide characters twice, and breaks no number', () => {
    expect(wrapText('猿の視覚野', 4)).toBe('猿の\n視覚\n野');
    expect(wrapText('0.25 … -0.75', 8)).toBe('0.25\n… -0.75');
    expect(wrapText('0.25 … -0.75', 6)).toBe('0.25 …\n-0.75');
  });

  test('shows no control character', async () => {
    const text = await printed(80, (io) => printRows(['name'], [['a\u001b[31mb\u202e']], io));
    expect(text).toContain('a⟨U+001B⟩[31mb⟨U+202E⟩');
    expect(await printed(undefined, (io) => printRows(['name'], [['a\tb\u001b\nc']], io))).toBe(
      'name\na b⟨U+001B⟩ c\n',
    );
  });
});

describe('the streams of a process', () => {
  const stream = (isTTY: boolean, columns?: number) => ({
    isTTY,
    ...(columns === undefined ? {} : { columns }),
    write: () => true,
  });
  const io = (environment: Record<string, string>, out = stream(true, 132), err = stream(true)) => {
    const { columns, interactive, color } = processIo(out, err, environment);
    return { columns, interactive, color };
  };

  test('have tables, bars and colours in a terminal, at least 80 columns wide', () => {
    const all = { interactive: true, color: true };
    expect(io({ TERM: 'xterm' })).toEqual({ columns: 132, ...all });
    for (const few of [stream(true, 0), stream(true), stream(true, 40)])
      expect(io({}, few)).toEqual({ columns: 80, ...all });
  });

  test('have TSV in a pipe, and a table where stderr alone goes elsewhere', () => {
    const none = { interactive: false, color: false };
    expect(io({}, stream(false))).toEqual({ columns: undefined, ...none });
    expect(io({}, stream(true, 90), stream(false))).toEqual({
      ...{ columns: 90, interactive: false, color: true },
    });
  });

  test('have no colour under NO_COLOR, and neither colour nor bar under TERM=dumb', () => {
    expect(io({ NO_COLOR: '1' })).toEqual({ columns: 132, interactive: true, color: false });
    expect(io({ NO_COLOR: '' }).color).toBe(true);
    expect(io({ TERM: 'dumb' })).toEqual({ columns: 132, interactive: false, color: false });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { unpackBenchmark } from '../../../src/service/work/unpack-benchmark.js';
import { zipOf } from '../../fuzz/zip-cases.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-unpack-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
async function unpack(lines: readonly string[]): Promise<unknown> {
  const archive = join(root, `${made}.zip`);
  const name = lines.some((line) => line.startsWith('identifier')) ? [] : ['identifier: a'];
  const yaml = [...name, 'version: 1', 'visual_degrees: 8', ...lines, ''].join('\n');
  const names = ['s.csv', 't.csv', 'n.csv', 'r.csv'];
  writeFileSync(
    archive,
    zipOf([
      { name: 'b.yaml', data: Buffer.from(yaml) },
      ...names.map((name) => ({ name, data: Buffer.from('stimulus_id\n') })),
    ]),
  );
  return unpackBenchmark({ archive, folder: join(root, `${made++}`), bytes: 2 ** 20 });
}

const ridge = ['stimuli: { csv: s.csv }', 'metric: { name: ridge }'];
const kept = ['recordings: r.csv', ...ridge];
const train = (stimuli: string, recordings: string) => [
  ...kept,
  `train: { stimuli: { csv: ${stimuli} }, recordings: ${recordings} }`,
];
const table = (path: string) => [...kept, `split: { table: ${path}, column: side }`];

test('files inside are taken', async () => {
  await expect(unpack(train('t.csv', 'r.csv'))).resolves.toMatchObject({ file: 'b.yaml' });
  await expect(unpack(table('t.csv'))).resolves.toMatchObject({ file: 'b.yaml' });
});

const joined = (table: string) => `{ csv: s.csv, join: { table: ${table}, on: kind } }`;
const labels = ['trials: r.csv', 'metric: { name: accuracy }'];

test('a joined table and a row of expand are taken where they stay inside', async () => {
  await expect(unpack([...labels, `stimuli: ${joined('t.csv')}`])).resolves.toBeDefined();
  const row = 'expand: { x: { t: { stimuli: { csv: "{x}.csv" } } } }';
  const lines = [...labels, 'stimuli: { csv: s.csv }', row];
  await expect(unpack(['identifier: "a{x}"', ...lines])).resolves.toMatchObject({
    summary: { benchmarks: [{ id: 'at' }] },
  });
});

test.each([
  ['a joined table', [...labels, `stimuli: ${joined('../t.csv')}`], 'stimuli.join.table'],
  [
    'a table joined to training stimuli',
    [...kept, `train: { stimuli: ${joined('/etc/t.csv')}, recordings: r.csv }`],
    'train.stimuli.join.table',
  ],
  [
    'stimuli of a row',
    [
      'identifier: "a{x}"',
      ...[...labels, 'stimuli: { csv: s.csv }'],
      'expand: { x: { "..": { stimuli: { csv: "{x}/s.csv" } } } }',
    ],
    'stimuli.csv',
  ],
  ['training stimuli', train('../t.csv', 'r.csv'), 'train.stimuli.csv'],
  [
    'training images',
    [...kept, 'train: { stimuli: { csv: t.csv, images: / }, recordings: r.csv }'],
    'train.stimuli.images',
  ],
  ['training recordings', train('t.csv', '/etc/r.csv'), 'train.recordings'],
  ['a split table', table('../../home/t.csv'), 'split.table'],
  [
    'recordings of a subject',
    [
      ...ridge,
      'recordings: { per: subject, files: { x: r.csv, y: ../r.nc } }',
      'split: { table: t.csv, column: side }',
    ],
    'recordings.y',
  ],
  [
    'neurons of a distribution',
    [
      'regions: [V1]',
      'stimuli: { gratings: marques2020 }',
      'metric: { name: distribution-similarity }',
      'distribution: { property: preferred_orientation, bins: [0, 1], neurons: ../n.csv }',
    ],
    'neurons',
  ],
])('%s outside are refused', async (_what, lines, field) => {
  await expect(unpack(lines)).rejects.toThrow(new RegExp(`${field} names .*not in the archive`));
});

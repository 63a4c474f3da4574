import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Digestible, digestOf } from '../../src/formats/digest.js';
import type { Benchmark } from '../../src/scoring/benchmark/benchmark.js';
import { dataOf } from '../../src/scoring/benchmark/benchmark-data.js';
import { definitionInputs } from '../../src/scoring/benchmark/shown-stimuli.js';
import { parseBenchmark, parseBenchmarks } from '../../src/scoring/registry/benchmark-file.js';
import { findBenchmark, listBenchmarks } from '../../src/scoring/registry/registry.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-expand-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const parse = (text: string) => parseBenchmarks(text, { file: 'made.yaml', folder });

const two = `
identifier: made{subjects}.{region}-{way}
version: 1
title: "{who}, by {way}"
parent: "{region}"
regions: [V1, IT]
visual_degrees: 8
train: { stimuli: { csv: "train{subjects}.csv" }, recordings: "train{subjects}.nc" }
stimuli: { csv: "test{subjects}.csv" }
recordings: test{subjects}.nc
fit_per: subject
expand:
  subjects: { "": { who: eight people }, _4: { who: four people, version: 3 } }
  way: { ridge: { metric: { name: ridge, alpha: 1 } }, ridgecv: { metric: { name: ridgecv } } }
`;

describe('a table in a benchmark file', () => {
  test('makes a benchmark of each combination of rows, and these one of each region', () => {
    const made = parse(two);
    expect(made.map(({ identifier }) => identifier)).toEqual([
      'made.{region}-ridge',
      'made.{region}-ridgecv',
      'made_4.{region}-ridge',
      'made_4.{region}-ridgecv',
    ]);
    expect(made.map(({ version, title }) => [version, title])).toEqual([
      [1, 'eight people, by ridge'],
      [1, 'eight people, by ridgecv'],
      [3, 'four people, by ridge'],
      [3, 'four people, by ridgecv'],
    ]);
    expect(made[3]).toMatchObject({
      template: 'made{subjects}.{region}-{way}',
      parent: '{region}',
      metric: { name: 'ridgecv' },
      recordings: { kind: 'file', path: join(folder, 'test_4.nc') },
      train: { recordings: { path: join(folder, 'train_4.nc') } },
    });
    writeFileSync(join(folder, 'two.yaml'), two);
    const ids = findBenchmark(join(folder, 'two.yaml')).map(({ id }) => id);
    expect(ids).toHaveLength(8);
    expect(ids[7]).toBe('made_4.IT-ridgecv');
  });

  test('may be a list of names', () => {
    const made = parse(
      'identifier: x{set}\nversion: 1\nvisual_degrees: none\nstimuli: { csv: "{set}.csv" }\ntrials: t.csv\n' +
        'metric: { name: accuracy }\nexpand: { set: [a, b] }',
    );
    expect(made.map(({ identifier }) => identifier)).toEqual(['xa', 'xb']);
    expect(made[1].stimuli).toMatchObject({ csv: join(folder, 'b.csv') });
  });

  const base = (identifier: string, expand: string, more = 'metric: { name: accuracy }') =>
    `identifier: ${identifier}\nversion: 1\nvisual_degrees: none\nstimuli: { csv: s.csv }\ntrials: t.csv\n${more}\nexpand: ${expand}`;
  test.each([
    ['a name that the identifier lacks', base('x', '{ set: [a] }'), /expected \{set\} in it/],
    [
      'a key that is spelt wrong',
      base('x{set}', '{ set: { a: { visual_degree: 3 } } }'),
      /made\.yaml:7:\d+ expand: "visual_degree" is not a key of benchmark files, and no text contains \{visual_degree\}/,
    ],
    [
      'a value of a row, at its place',
      base('x{set}', '{ set: { a: { visual_degrees: -1 } } }'),
      /made\.yaml:7:\d+ visual_degrees/,
    ],
    [
      'a row without what the file lacks',
      base('x{set}', '{ set: { a: {} } }', 'title: t'),
      /lacks "metric"/,
    ],
    [
      'a name in braces that nothing fills',
      base('x{set}{other}', '{ set: [a] }'),
      /expected only \{region\}/,
    ],
    ['rows that are none', base('x{set}', '{ set: {} }'), /fewer than 1|NOT have fewer/],
    ['region', base('x{region}', '{ region: [a] }'), /region/],
    [
      'more benchmarks than a thousand',
      base('x{a}{b}', `{ a: [${numbers(40)}], b: [${numbers(40)}] }`),
      /at most 1000 benchmarks, found 1600/,
    ],
    [
      'one identifier twice',
      base('x{a}{b}', '{ a: { p: {}, pq: {} }, b: { qr: {}, r: {} } }'),
      /distinct identifiers, found "xpqr" twice/,
    ],
    [
      'a row that contains itself',
      base('x{set}', '{ set: { a: &row { what: "{what}", deep: *row } } }'),
      /contains itself|alias/i,
    ],
    [
      'a word that is no text',
      base('x{set}', '{ set: { a: { what: [1] } } }', 'title: "{what}"'),
      /"what" replaces \{what\}: expected a text/,
    ],
    [
      'a word that is too long',
      base('x{set}', `{ set: { a: { what: ${'w'.repeat(201)} } } }`, 'title: "{what}"'),
      /at most 200 characters/,
    ],
    [
      'a small file that would become a large one',
      base(
        'x{a}{b}',
        `{ a: [${numbers(30)}], b: [${numbers(30)}] }`,
        `metric: { name: accuracy }\nreference: { bibtex: ${'t'.repeat(2000)} }`,
      ),
      /expand: expected at most 1048576 characters of benchmarks, found \d+/,
    ],
    [
      'a long row that is in many benchmarks',
      base(
        'x{a}{b}',
        `{ a: [${numbers(500)}], b: { p: { reference: { bibtex: ${'t'.repeat(4e5)} } }, q: {} } }`,
      ),
      /expand: expected at most 1048576 characters of benchmarks, found 200\d{6}$/,
    ],
    [
      'a word whose name nothing can fill in',
      base('x{set}', '{ set: { a: { "a b": c } } }', 'title: "{a b}"'),
      /"a b" is not a key/,
    ],
    [
      'an identifier in a row',
      base('x{set}', '{ set: { a: { identifier: y } } }'),
      /not a key of benchmark files/,
    ],
  ])('is refused for %s', (_what, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test('is refused where one benchmark is wanted', () => {
    expect(() => parseBenchmark(two, { file: 'made.yaml', folder })).toThrow(
      /expected one benchmark here, found 4/,
    );
  });
});

function numbers(count: number): string {
  return Array.from({ length: count }, (_, i) => `n${i}`).join(', ');
}

/** What decides a benchmark's numbers, its data, and what is said of it. */
function fingerprint(benchmark: Benchmark): string {
  const { title = null, parent = null, region = null, reference = null } = benchmark;
  const { caution = null, simulated } = benchmark;
  const inFolder = (value: object): Digestible =>
    JSON.parse(
      JSON.stringify(value, (_key, one) =>
        typeof one === 'string' && one.startsWith(benchmark.folder)
          ? relative(benchmark.folder, one)
          : one,
      ),
    );
  return [
    definitionInputs(benchmark),
    inFolder(dataOf(benchmark)),
    inFolder({ title, parent, region, reference, caution, simulated }),
  ]
    .map((each) => digestOf(each).slice('sha256:'.length, 'sha256:'.length + 16))
    .join(' ');
}

/** Taken of every shipped benchmark when each of Geirhos2021 still had a file. */
const before: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'definitions-before-tables.json'), 'utf8'),
);

test('no benchmark changed when Geirhos2021 became one file', () => {
  const now = new Map(listBenchmarks().map((benchmark) => [benchmark.id, fingerprint(benchmark)]));
  expect(Object.keys(before)).toHaveLength(89);
  expect(Object.fromEntries(Object.keys(before).map((id) => [id, now.get(id)]))).toEqual(before);
});

test('a family is found by the identifier that its file writes', () => {
  const family = findBenchmark('Geirhos2021{set}-{measure}');
  expect(family).toHaveLength(34);
  expect(new Set(family.map(({ file }) => file)).size).toBe(1);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { buildPackage, type PackageFormat } from '../../src/submission/build-package.js';
import { checkPackage, type PackageCheck } from '../../src/submission/check-package.js';
import { type RuleName, rules } from '../../src/submission/finding.js';
import { Dice } from '../fuzz/dice.js';
import { type ZipPart, zipCase, zipOf } from '../fuzz/zip-cases.js';

type Files = Map<string, Uint8Array>;

let root: string;
let plugin: Files;
let competition: Files;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-check-'));
  plugin = await filesOf('brainscore');
  competition = await filesOf('brainscore-2022');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function filesOf(format: PackageFormat): Promise<Files> {
  const { files } = await buildPackage({ model: { path: 'gabor-v1' }, format });
  const small = (name: string, data: Uint8Array) =>
    name.endsWith('.onnx') ? Buffer.from('weights') : data;
  return new Map(files.map(({ name, data }) => [name, small(name, data)]));
}

const parts = (files: Files): ZipPart[] => [...files].map(([name, data]) => ({ name, data }));
let made = 0;

async function checked(bytes: Uint8Array): Promise<PackageCheck> {
  const path = join(root, `${made++}.zip`);
  writeFileSync(path, bytes);
  try {
    return await checkPackage(path);
  } finally {
    rmSync(path);
  }
}

const found = ({ findings }: PackageCheck) => findings.map(({ rule }) => rule);

const at = 'gabor_v1/models/gabor_v1/';
const init = `${at}__init__.py`;
const text = (content: string) => Buffer.from(content);
const registers = (line: string) => (files: Files) =>
  void files.set(init, text(`from brainscore_vision import model_registry\n${line}\n`));
/** The same content in another order or under other names. */
const renamed = (change: (name: string) => string) => (files: Files) => {
  const all = [...files];
  files.clear();
  for (const [name, data] of all) files.set(change(name), data);
};

/** Ways to break a package of today's form, with the finding that each deserves. */
const broken: readonly (readonly [string, RuleName, (files: Files) => void])[] = [
  ['without __init__.py', 'site-missing-files', (files) => files.delete(init)],
  ['without test.py', 'site-missing-files', (files) => files.delete(`${at}test.py`)],
  ['with no test at all', 'core-test-file', (files) => files.delete(`${at}test.py`)],
  ['without folder entries', 'site-no-plugin-folder', (files) => dropFolders(files, 0)],
  ['without the entry of the plugin', 'site-empty-plugin', (files) => files.delete(at)],
  [
    'with a plugin folder of another name',
    'site-no-plugin-folder',
    renamed((name) => name.replace('/models/', '/networks/')),
  ],
  [
    'with a folder in capitals',
    'site-empty-plugin',
    renamed((name) => name.replace('/models/', '/Models/')),
  ],
  ['with a space in a path', 'site-space', (files) => files.set(`${at}my notes.txt`, text('x'))],
  [
    'with metadata.yml inside',
    'site-metadata',
    (files) => files.set(`${at}metadata.yml`, text('models: {}')),
  ],
  ['with two roots', 'site-root', (files) => files.set('other/models/x.py', text('x'))],
  ['with a file in no folder', 'site-loose-file', (files) => files.set('README.md', text('x'))],
  ['with a hyphen in the identifier', 'site-hyphen', registers("model_registry['gabor-v1'] = get")],
  [
    'with two identifiers',
    'site-too-many-identifiers',
    registers("model_registry['a'] = f\nmodel_registry['b'] = f"),
  ],
  [
    'with the name of the tutorial',
    'site-tutorial',
    registers("model_registry['resnet50_tutorial_2'] = f"),
  ],
  ['registered in double quotes', 'site-quotes', registers('model_registry["gabor_v1"] = f')],
  [
    'registered in a loop',
    'core-not-discoverable',
    registers("for name in ['a', 'b']: model_registry[name] = f"),
  ],
  [
    'registered by an f-string',
    'core-not-discoverable',
    registers("model_registry[f'gabor_{1}'] = f"),
  ],
  [
    'with another bracket in the line',
    'core-registry-line',
    registers("model_registry['gabor_v1'] = lambda: f(LAYERS[0])"),
  ],
  [
    'with another identifier in a comment',
    'core-registry-line',
    registers("model_registry['gabor_v1'] = f\n# model_registry['old'] = f"),
  ],
  [
    'with an __init__.py in Latin-1',
    'site-not-utf8',
    (files) => files.set(init, Buffer.from("# \xe9\nmodel_registry['gabor_v1'] = f", 'latin1')),
  ],
  [
    'in a folder that core passes over',
    'core-plugin-name',
    renamed((name) => name.replace('/gabor_v1/', '/_gabor_v1/')),
  ],
  [
    'registered twice',
    'core-registered-twice',
    (files) => {
      for (const [name, data] of [...files])
        if (name.startsWith(at)) files.set(name.replace(at, 'gabor_v1/models/again/'), data);
    },
  ],
  [
    'with a name in environment.yml',
    'core-environment',
    (files) => files.set(`${at}environment.yml`, text('dependencies:\n  - filename-tools\n')),
  ],
  [
    'with Python 3.8',
    'core-environment',
    (files) => files.set(`${at}environment.yml`, text('dependencies:\n  - python=3.8\n')),
  ],
  [
    'with a broken environment.yml',
    'core-environment',
    (files) => files.set(`${at}environment.yml`, text('a: [b')),
  ],
  [
    'with a file beside the plugins',
    'core-not-plugin-only',
    (files) => files.set('gabor_v1/notes.txt', text('x')),
  ],
  [
    'with a map that is no JSON',
    'vision-map',
    (files) => files.set(`${at}region_layer_map/gabor_v1.json`, text('{V1: a}')),
  ],
  [
    'with a map of three regions',
    'vision-map',
    (files) =>
      files.set(`${at}region_layer_map/gabor_v1.json`, text('{"V1": "a", "V2": "a", "V4": "a"}')),
  ],
  [
    'with a map to a number',
    'vision-map',
    (files) =>
      files.set(
        `${at}region_layer_map/gabor_v1.json`,
        text('{"V1": 1, "V2": "a", "V4": "a", "IT": "a"}'),
      ),
  ],
  [
    'with a map of another name',
    'vision-map-name',
    (files) => files.set(`${at}region_layer_map/gabor.json`, text('{}')),
  ],
  [
    'without a map',
    'vision-no-map',
    (files) => files.delete(`${at}region_layer_map/gabor_v1.json`),
  ],
  [
    'with a simulated score',
    'score-simulated',
    (files) => files.set(`${at}scores/a.json`, text('{"simulated": true}')),
  ],
  [
    'with a selection',
    'score-selection',
    (files) => files.set(`${at}scores/a.json`, text('{"selection": true}')),
  ],
  [
    'with a path that escapes',
    'path-escape',
    (files) => files.set(`${at}../../../evil.py`, text('x')),
  ],
  ['with an absolute path', 'path-absolute', (files) => files.set('/etc/cron.d/x', text('x'))],
  ['with a drive', 'path-absolute', (files) => files.set('C:/x', text('x'))],
  ['with backslashes', 'path-backslash', (files) => files.set('gabor_v1\\x.py', text('x'))],
  [
    'with a ZIP inside',
    'nested-archive',
    (files) => files.set(`${at}weights.dat`, zipOf([{ name: 'a', data: text('a') }])),
  ],
  ['with a gzip inside', 'nested-archive', (files) => files.set(`${at}weights.bin`, gzipSync('a'))],
  [
    'with a file called .tar',
    'nested-archive',
    (files) => files.set(`${at}weights.tar`, text('a')),
  ],
  [
    'with two names that differ in case',
    'zip-duplicate-case',
    (files) => files.set(`${at}Model.py`, text('a')),
  ],
  [
    'with a name that turns around',
    'zip-name',
    (files) => files.set(`${at}\u202eyp.exe`, text('a')),
  ],
  ['with an umlaut', 'zip-name-not-ascii', (files) => files.set(`${at}modèle.py`, text('a'))],
  ['with a bomb', 'zip-bomb', (files) => files.set(`${at}zeros.bin`, Buffer.alloc(8 * 2 ** 20))],
  [
    'with more than 50 MB',
    'site-size',
    (files) => files.set(`${at}noise.bin`, Buffer.alloc(51 * 2 ** 20, 'noise')),
  ],
  [
    'with an endless text',
    'file-too-large',
    (files) => files.set(`${at}long.py`, text('# line\n'.repeat(200_000))),
  ],
];

function dropFolders(files: Files, from: number): void {
  for (const name of [...files.keys()].slice(from)) if (name.endsWith('/')) files.delete(name);
}

describe('a package of ours', () => {
  it('breaks no rule', async () => {
    const check = await checked(zipOf(parts(plugin)));
    expect(check).toMatchObject({ format: 'brainscore', findings: [] });
    expect(check.unchecked.length).toBeGreaterThan(0);
    expect(await checked(zipOf(parts(competition)))).toMatchObject({
      format: 'brainscore-2022',
      findings: [],
    });
  });
});

describe('a broken package', () => {
  it.each(broken)('%s: %s', async (_what, rule, change) => {
    const files = new Map(plugin);
    change(files);
    const { findings } = await checked(zipOf(parts(files), rule !== 'site-size'));
    expect(findings).toContainEqual({
      rule,
      level: rules[rule][0],
      where: expect.any(String),
      message: expect.any(String),
      source: rules[rule][1],
    });
  });

  it('of 2022 has the finding that it deserves', async () => {
    const cases: readonly (readonly [RuleName, (files: Files) => void])[] = [
      ['competition-top-level', (files) => files.set('README.md', text('x'))],
      ['competition-setup', (files) => files.delete('gabor_v1/setup.py')],
      ['competition-models', (files) => files.delete('gabor_v1/models/__init__.py')],
      [
        'competition-models',
        (files) => {
          files.delete('gabor_v1/models/base_models.py');
          files.delete('gabor_v1/models/brain_models.py');
        },
      ],
      [
        'competition-functions',
        (files) =>
          files.set('gabor_v1/models/base_models.py', text('def get_model(name):\n  return 1\n')),
      ],
      [
        'competition-too-many-models',
        (files) =>
          files.set(
            'gabor_v1/models/base_models.py',
            text("def get_model_list():\n    return ['a', 'b', 'c', 'd']\n"),
          ),
      ],
    ];
    for (const [rule, change] of cases) {
      const files = new Map(competition);
      change(files);
      expect(found(await checked(zipOf(parts(files)))), rule).toContain(rule);
    }
  });
});

/** Places of a name's headers: the local one, then the directory's. */
function headersOf(bytes: Buffer, name: string): [number, number] {
  const local = bytes.indexOf(name) - 30;
  return [local, bytes.lastIndexOf(name) - 46];
}

describe('an archive that is not what it says', () => {
  const honest = () => Buffer.from(zipOf(parts(plugin)));
  const model = `${at}model.py`;

  const lies: readonly (readonly [RuleName, (bytes: Buffer) => Uint8Array])[] = [
    ['zip-invalid', () => Buffer.from('no archive')],
    ['zip-invalid', () => new Uint8Array(0)],
    ['zip-invalid', (bytes) => bytes.subarray(0, -40)],
    ['zip-truncated', (bytes) => bytes.subarray(100)],
    [
      'zip-truncated',
      (bytes) => {
        bytes.writeUInt16LE(3, bytes.length - 12);
        return bytes;
      },
    ],
    ['zip-data-after', (bytes) => Buffer.concat([bytes, Buffer.from('more')])],
    ['zip-data-before', (bytes) => Buffer.concat([Buffer.from('#!/bin/sh\n'), bytes])],
    [
      'path-symlink',
      (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt32LE(0xa1ff0000, entry + 38)),
    ],
    [
      'path-special',
      (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt32LE(0x21ff0000, entry + 38)),
    ],
    [
      'zip-encrypted',
      (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt16LE(0x801, entry + 8)),
    ],
    ['zip-method', (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt16LE(14, entry + 10))],
    ['zip-content', (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt32LE(7, entry + 16))],
    ['zip-content', (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt32LE(7, entry + 24))],
    ['zip-overlap', (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt32LE(0, entry + 42))],
    ['zip-local-header', (bytes) => edited(bytes, 0, (entry) => bytes.write('x', entry + 30))],
    ['zip-local-header', (bytes) => edited(bytes, 0, (entry) => bytes.writeUInt16LE(0, entry + 8))],
    [
      'zip-local-header',
      (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt32LE(0x7fffffff, entry + 42)),
    ],
    ['zip-encoding', (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt8(0xff, entry + 46))],
    ['zip-name', (bytes) => edited(bytes, 1, (entry) => bytes.writeUInt8(0, entry + 46))],
  ];

  const edited = (bytes: Buffer, which: 0 | 1, edit: (entry: number) => void): Buffer => {
    edit(headersOf(bytes, model)[which]);
    return bytes;
  };

  it.each(lies)('has the finding %s', async (rule, lie) => {
    expect(found(await checked(lie(honest())))).toContain(rule);
  });

  it('is told apart from one whose names stand twice', async () => {
    const twice = [...parts(plugin), { name: model, data: text('x') }];
    expect(found(await checked(zipOf(twice)))).toContain('zip-duplicate');
  });

  it('gives findings, whatever is wrong with it, and never fails', async () => {
    const small = parts(plugin).filter(({ data }) => data.length < 3000);
    let quiet = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const check = await checked(zipCase(small, new Dice(seed)));
      if (check.findings.length === 0) quiet++;
      for (const { where, message } of check.findings)
        expect(where + message).not.toMatch(/[\p{Cc}\u202e]/u);
    }
    expect(quiet).toBeLessThan(75);
  });

  it('is told of at most twenty times by each rule', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({ name: `../${i}`, data: text('') }));
    const { findings } = await checked(zipOf(many, false));
    const escapes = findings.filter(({ rule }) => rule === 'path-escape');
    expect(escapes).toHaveLength(21);
    expect(escapes.at(-1)?.message).toBe('and 2980 more of these');
  });
});

describe('metadata beside a package', () => {
  const check = async (metadata: string) => {
    const path = join(root, 'beside.zip');
    writeFileSync(path, zipOf(parts(plugin)));
    writeFileSync(join(root, 'beside.metadata.yml'), metadata);
    return (await checkPackage(path)).findings.map(({ rule, where, message }) => [
      rule,
      where,
      message,
    ]);
  };

  it('is held against the list of core', async () => {
    const { metadata } = await buildPackage({ model: { path: 'gabor-v1' }, format: 'brainscore' });
    expect(await check(metadata)).toEqual([]);
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['models: {gabor_v1: {hugging_face_link: x}}', /"hugging_face_link"/],
      ['models: [a]', /table of plugins/],
      ['networks: {}', /"networks"/],
      ['benchmarks: {a: {data: {region: V1, colour: red}}}', /"data.colour"/],
      ['a: [', /not YAML/],
      ['[]', /table at its top/],
      [
        'a: &a [x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]',
        /not YAML/,
      ],
    ];
    for (const [metadata, message] of wrong) {
      const [[rule, where, said]] = await check(metadata);
      expect([rule, where]).toEqual(['core-metadata', 'beside.metadata.yml']);
      expect(said).toMatch(message);
    }
  });
});

it('refuses what is no file', async () => {
  await expect(checkPackage(join(root, 'none.zip'))).rejects.toMatchObject({
    code: 'file-missing',
  });
  await expect(checkPackage(root)).rejects.toMatchObject({ code: 'file-missing' });
});

it('every rule is in the documentation', () => {
  const text = readFileSync(join(packageRoot, 'docs', 'packages.md'), 'utf8');
  expect(Object.keys(rules).filter((rule) => !text.includes(`\`${rule}\``))).toEqual([]);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { checkDegrees, expandRegions } from '../../../src/scoring/benchmark/benchmark.js';
import { isExcludedCondition } from '../../../src/scoring/benchmark/exclude-conditions.js';
import { parseBenchmark, readBenchmarks } from '../../../src/scoring/registry/benchmark-file.js';
import { findBenchmark, listBenchmarks } from '../../../src/scoring/registry/registry.js';
import { ORACLE } from '../../oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-benchmark-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The example of design §4. */
const textures = `identifier: my-lab.{region}-pls
version: 1
regions: [V1]
visual_degrees: 4
stimuli: { csv: stimuli.csv, images: stimuli.zip }
recordings: recordings.nc
time_bins: [[50, 200]]
metric: { name: pls, components: 25 }
cross_validation: { splits: 10, train_size: 0.9, seed: 1, stratify_on: texture_type }
ceiling: internal-consistency
reference: { doi: 10.1038/nn.3402 }
`;
const behaviour = `identifier: objects-i2n
version: 1
visual_degrees: 8
fitting_stimuli: { csv: fitting.csv }
stimuli: { csv: test.csv }
trials: trials.csv
metric: { name: i2n }
`;

const parse = (text: string) => parseBenchmark(text, { file: 'bench.yaml', folder });

function refused(run: () => unknown): VentralError {
  try {
    run();
  } catch (error) {
    if (error instanceof VentralError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The example with one line in place of the line that starts with the same key. */
function changed(text: string, line: string): string {
  const key = /^\w+:/.exec(line)?.[0] ?? '';
  const lines = text.split('\n');
  const at = lines.findIndex((old) => old.startsWith(key));
  return at < 0 ? `${text}${line}\n` : lines.map((old, i) => (i === at ? line : old)).join('\n');
}
const without = (text: string, key: string) =>
  text
    .split('\n')
    .filter((line) => !line.startsWith(`${key}:`))
    .join('\n');

describe('a benchmark file', () => {
  test('gives what it says, paths from its own folder', () => {
    expect(parse(textures)).toEqual({
      identifier: 'my-lab.{region}-pls',
      version: 1,
      simulated: false,
      regions: ['V1'],
      visualDegrees: 4,
      stimuli: {
        kind: 'files',
        csv: join(folder, 'stimuli.csv'),
        images: join(folder, 'stimuli.zip'),
      },
      recordings: { kind: 'file', path: join(folder, 'recordings.nc'), format: 'nc' },
      excludeConditions: [],
      timeWindow: [50, 200],
      metric: { name: 'pls', components: 25 },
      crossValidation: { splits: 10, trainSize: 0.9, seed: 1, stratifyOn: 'texture_type' },
      ceiling: { name: 'internal-consistency', splits: 10, seed: 1, byDefault: false },
      reference: { doi: '10.1038/nn.3402' },
      file: 'bench.yaml',
      folder,
    });
  });

  test('fills in the defaults of a neural benchmark', () => {
    const definition = parse(
      'identifier: a\nversion: 1\nvisual_degrees: 8\nstimuli: { csv: s.csv }\nrecordings: r.csv\nmetric: { name: pls }\n',
    );
    expect(definition.metric).toEqual({ name: 'pls', components: 25 });
    expect(definition.crossValidation).toEqual({ splits: 10, trainSize: 0.9, seed: 1 });
    expect(definition.ceiling).toEqual({
      name: 'internal-consistency',
      splits: 10,
      seed: 1,
      byDefault: true,
    });
    expect(definition.recordings).toMatchObject({ format: 'csv' });
  });

  test('fills in the defaults of a behavioural benchmark', () => {
    const definition = parse(behaviour);
    expect(definition.metric).toEqual({ name: 'i2n', repetitions: 2, seed: 0, skipna: false });
    expect(definition.ceiling).toEqual({ name: 'metric' });
    expect(definition.fittingStimuli).toEqual({ kind: 'files', csv: join(folder, 'fitting.csv') });
  });

  test.each([
    ['ceiling: none', { name: 'none' }],
    ['ceiling: 0.85', { name: 'fixed', value: 0.85 }],
    [
      'ceiling: { name: internal-consistency, splits: 20, seed: 3 }',
      { name: 'internal-consistency', splits: 20, seed: 3, byDefault: false },
    ],
    ['ceiling: { name: none }', { name: 'none' }],
  ])('understands %s', (line, ceiling) => {
    expect(parse(changed(textures, line)).ceiling).toEqual(ceiling);
  });

  test.each([
    ['cross_validation: { test_size: 0.1 }', { splits: 10, seed: 1, testSize: 0.1 }],
    [
      'cross_validation: { train_size: 0.1, test_size: 0.9 }',
      { splits: 10, seed: 1, trainSize: 0.1, testSize: 0.9 },
    ],
    ['cross_validation: { seed: 7 }', { splits: 10, seed: 7, trainSize: 0.9 }],
  ])('understands %s', (line, crossValidation) => {
    expect(parse(changed(textures, line)).crossValidation).toEqual(crossValidation);
  });

  test('takes names of the catalog and generators in place of files', () => {
    const named = changed(
      changed(textures, 'stimuli: FreemanZiemba2013.aperture-public'),
      'recordings: FreemanZiemba2013.public',
    );
    expect(parse(named)).toMatchObject({
      simulated: false,
      stimuli: { kind: 'catalog', identifier: 'FreemanZiemba2013.aperture-public' },
      recordings: { kind: 'catalog', identifier: 'FreemanZiemba2013.public' },
    });
    const generated = changed(textures, 'recordings: { generate: textures, seed: 3 }');
    expect(parse(generated)).toMatchObject({
      simulated: true,
      recordings: { kind: 'generated', generate: 'textures', seed: 3 },
    });
  });

  test('is the same as JSON', () => {
    const json = JSON.stringify({
      identifier: 'a',
      version: 1,
      visual_degrees: 8,
      stimuli: { csv: 's.csv' },
      recordings: 'r.nc',
      metric: { name: 'cka' },
    });
    expect(parse(json)).toMatchObject({ identifier: 'a', metric: { name: 'cka' } });
  });
});

describe('a wrong benchmark file', () => {
  /** What is changed, and what the sentence must name: place, key, expected, found. */
  const cases: [name: string, text: string, words: (string | RegExp)[]][] = [
    [
      'unknown key',
      changed(textures, 'recording: x.nc'),
      ['bench.yaml:12:1', '"recording"', 'did you mean "recordings"'],
    ],
    [
      'unknown key inside',
      changed(textures, 'metric: { name: pls, component: 25 }'),
      ['bench.yaml:8:22', '"component"', '"components"'],
    ],
    [
      'unknown metric',
      changed(textures, 'metric: { name: plss }'),
      ['bench.yaml:8:11', 'metric.name', 'pls, linear', '"plss"'],
    ],
    ['no metric', without(textures, 'metric'), ['bench.yaml:1:1', 'lacks "metric"']],
    ['no version', without(textures, 'version'), ['lacks "version"']],
    [
      'version as text',
      changed(textures, 'version: one'),
      ['bench.yaml:2:1', 'version', 'integer', '"one"'],
    ],
    [
      'degrees below zero',
      changed(textures, 'visual_degrees: -4'),
      ['bench.yaml:4:1', 'visual_degrees', '> 0', '-4'],
    ],
    [
      'degrees as a word',
      changed(textures, 'visual_degrees: wide'),
      ['bench.yaml:4:1', 'visual_degrees', 'none', '"wide"'],
    ],
    [
      'region that is none',
      changed(textures, 'regions: [V1, V9]'),
      ['bench.yaml:3:15', 'V1, V2, V4, IT', '"V9"'],
    ],
    [
      'regions without {region}',
      changed(textures, 'identifier: my-lab-pls'),
      ['bench.yaml:1:1', 'identifier', '{region}', '"my-lab-pls"'],
    ],
    [
      '{region} without regions',
      without(textures, 'regions'),
      ['bench.yaml:1:1', 'identifier', '{region}', 'regions'],
    ],
    [
      'both recordings and trials',
      changed(textures, 'trials: t.csv'),
      ['bench.yaml:12:1', 'trials', 'recordings'],
    ],
    [
      'neither recordings nor trials',
      without(textures, 'recordings'),
      ['lacks "recordings"', 'pls'],
    ],
    ['no trials', without(behaviour, 'trials'), ['lacks "trials"', 'i2n']],
    [
      'no fitting stimuli',
      without(behaviour, 'fitting_stimuli'),
      ['lacks "fitting_stimuli"', 'i2n'],
    ],
    [
      'fitting stimuli for pls',
      changed(textures, 'fitting_stimuli: { csv: f.csv }'),
      ['bench.yaml:12:1', 'fitting_stimuli', 'pls'],
    ],
    [
      'option of another metric',
      changed(textures, 'metric: { name: pls, alpha: 1 }'),
      ['bench.yaml:8:22', '"alpha"', 'components'],
    ],
    [
      'window that ends first',
      changed(textures, 'time_bins: [[200, 50]]'),
      ['bench.yaml:7:13', 'time_bins', '[200, 50]'],
    ],
    [
      'window of one number',
      changed(textures, 'time_bins: [50, 200]'),
      ['bench.yaml:7:', 'time_bins', 'array', '50'],
    ],
    [
      'zero ceiling',
      changed(textures, 'ceiling: 0'),
      ['bench.yaml:10:1', 'ceiling', '> 0', 'found 0'],
    ],
    [
      'unknown ceiling',
      changed(textures, 'ceiling: split-half'),
      ['bench.yaml:10:1', 'internal-consistency, none, predictor-consistency', '"split-half"'],
    ],
    [
      'ceiling of repetitions for trials',
      changed(behaviour, 'ceiling: internal-consistency'),
      ['bench.yaml:8:1', 'ceiling', 'i2n'],
    ],
    [
      'shares above one',
      changed(textures, 'cross_validation: { train_size: 0.9, test_size: 0.2 }'),
      ['bench.yaml:9:', 'train_size', '0.9 and 0.2'],
    ],
    [
      'no split',
      changed(textures, 'cross_validation: { splits: 0 }'),
      ['bench.yaml:9:21', 'splits', '>= 1', 'found 0'],
    ],
    [
      'stimuli as a path',
      changed(textures, 'stimuli: stimuli.csv'),
      ['bench.yaml:5:1', 'stimuli', '{ csv, images }', '"stimuli.csv"'],
    ],
    [
      'unknown stimulus set',
      changed(textures, 'stimuli: FreemanZiemba2013.aperture-publc'),
      ['bench.yaml:5:1', 'FreemanZiemba2013.aperture-publc', '"FreemanZiemba2013.aperture-public"'],
    ],
    [
      'unknown recordings',
      changed(textures, 'recordings: MajajHong2015.publik'),
      ['bench.yaml:6:1', 'MajajHong2015.publik', '"MajajHong2015.public"'],
    ],
    [
      'recordings of another kind',
      changed(textures, 'recordings: Rajalingham2018.public'),
      ['bench.yaml:6:1', 'no recordings "Rajalingham2018.public"'],
    ],
    [
      'an address',
      changed(textures, 'recordings: https://example.org/r.nc'),
      ['bench.yaml:6:1', 'recordings', 'https://example.org/r.nc'],
    ],
    [
      'another ending',
      changed(textures, 'recordings: data/recordings.mat'),
      ['bench.yaml:6:1', 'recordings', '.nc or .csv', 'recordings.mat'],
    ],
    [
      'generator without a seed',
      changed(textures, 'recordings: { generate: textures }'),
      ['bench.yaml:6:1', 'recordings', 'lacks "seed"'],
    ],
    [
      'stimuli of both kinds',
      changed(textures, 'stimuli: { generate: textures, seed: 1, csv: s.csv }'),
      ['bench.yaml:5:', '"csv"'],
    ],
    [
      'stimuli without a table',
      changed(textures, 'stimuli: { images: s.zip }'),
      ['bench.yaml:5:1', 'lacks "csv"'],
    ],
    [
      'generated but not simulated',
      changed(changed(textures, 'recordings: { generate: textures, seed: 1 }'), 'simulated: false'),
      ['bench.yaml:12:1', 'simulated', 'found false'],
    ],
    [
      'neuroids beside netCDF',
      changed(textures, 'neuroids: n.csv'),
      ['bench.yaml:12:1', 'neuroids', 'CSV'],
    ],
    [
      'name with a space',
      changed(textures, 'identifier: my lab {region}'),
      ['bench.yaml:1:1', 'identifier', 'my lab'],
    ],
    [
      'reliability of neuroids for populations',
      changed(changed(textures, 'metric: { name: rdm }'), 'ceiling: internal-consistency'),
      ['bench.yaml:10:1', 'rdm compares populations', 'nili-upper', 'found internal-consistency'],
    ],
    [
      'reliability of neuroids for predictors',
      changed(changed(textures, 'metric: { name: reverse-pls }'), 'ceiling: internal-consistency'),
      ['bench.yaml:10:1', 'predictor-consistency', 'found internal-consistency'],
    ],
    [
      'ceiling of subjects without subjects',
      changed(changed(textures, 'metric: { name: cka }'), 'ceiling: between-subjects'),
      ['bench.yaml:10:1', 'metric.per', 'found between-subjects'],
    ],
    [
      'splits beside a fixed training set',
      changed(textures, 'train: { stimuli: { csv: s.csv }, recordings: t.nc }'),
      ['bench.yaml:9:1', 'cross_validation', '"train"'],
    ],
    [
      'a fit for each subject without a training set',
      changed(textures, 'fit_per: subject'),
      ['bench.yaml:12:1', 'fit_per', '"train" or "split"'],
    ],
    [
      'a table without a column',
      without(changed(textures, 'split: { table: s.csv }'), 'cross_validation'),
      ['split: expected either "column" or "columns"'],
    ],
    [
      'an error over nothing',
      changed(textures, 'error: { bootstrap: 200 }'),
      ['bench.yaml:12:1', 'error', 'subjects or folds'],
    ],
    [
      'files of subjects without a table',
      changed(textures, 'recordings: { per: subject, files: { a: a.nc } }'),
      ['recordings', 'need "split"'],
    ],
    [
      'a placeholder that nothing fills',
      changed(textures, 'identifier: my-lab.{region}.{roi}'),
      ['bench.yaml:1:1', 'identifier', 'only {region}', '{roi}'],
    ],
    [
      'a selection that the identifier does not name',
      changed(without(textures, 'regions'), 'select: { roi: { PFS: 1 } }').replace('{region}', 'x'),
      ['identifier', 'expected {roi}'],
    ],
    [
      'preparation of a regression',
      changed(textures, 'prepare: { average_equal: voxels }'),
      ['bench.yaml:12:1', 'prepare', 'rdm or cka'],
    ],
    [
      'neuroids kept of trials',
      changed(behaviour, 'keep: { reliability: { above: 0.3 } }'),
      ['keep', 'recordings'],
    ],
    ['wrong doi', changed(textures, 'reference: { doi: nn.3402 }'), ['bench.yaml:11:', 'doi']],
    ['key twice', `${textures}version: 2\n`, ['bench.yaml:12:1', 'unique']],
    ['open bracket', changed(textures, 'regions: [V1'), ['bench.yaml:']],
    ['not a map', '- a\n- b\n', ['bench.yaml:1:1', 'object']],
    ['empty', '', ['bench.yaml:1:1', 'object']],
  ];

  test.each(cases)('%s', (_name, text, words) => {
    const error = refused(() => parse(text));
    expect(error).toMatchObject({ code: 'benchmark-invalid', exit: 2 });
    expect(error.details.file).toBe('bench.yaml');
    for (const word of words) expect(error.message).toContain(word);
  });

  test('every problem is told at once', () => {
    const text = changed(changed(textures, 'time_bins: [[200, 50]]'), 'identifier: a');
    expect(refused(() => parse(text)).message).toMatch(/bench\.yaml:1:1 .*; bench\.yaml:7:13 /);
    const shape = changed(changed(textures, 'version: x'), 'metric: { nam: pls }');
    expect(refused(() => parse(shape)).message).toMatch(/bench\.yaml:2:1.*bench\.yaml:8:/);
  });

  test('a thousand aliases of aliases are refused, not expanded', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
      .concat(
        'bcdefgh'
          .split('')
          .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
      )
      .join('\n');
    expect(refused(() => parse(bomb)).code).toBe('benchmark-invalid');
  });

  test('whatever the text, it is read or refused with one code', () => {
    const keys = fc.constantFrom(
      'identifier',
      'version',
      'regions',
      'stimuli',
      'recordings',
      'trials',
      'metric',
      'ceiling',
      'time_bins',
      'cross_validation',
      'visual_degrees',
    );
    fc.assert(
      fc.property(
        fc.dictionary(keys, fc.jsonValue(), { maxKeys: 8 }),
        fc.boolean(),
        (part, whole) => {
          const base = whole ? parsedExample : {};
          try {
            parse(JSON.stringify({ ...base, ...part }));
          } catch (error) {
            expect(error).toMatchObject({ name: 'VentralError', code: 'benchmark-invalid' });
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

const parsedExample = {
  identifier: 'a',
  version: 1,
  visual_degrees: 8,
  stimuli: { csv: 's.csv' },
  recordings: 'r.nc',
  metric: { name: 'pls' },
};

describe('degrees', () => {
  const given = parse(textures);
  const absent = parse(without(textures, 'visual_degrees'));
  const anywhere = parse(changed(textures, 'visual_degrees: none'));
  test('stand once: in the file or in the stimuli', () => {
    expect(() => checkDegrees(given, false)).not.toThrow();
    expect(() => checkDegrees(absent, true)).not.toThrow();
    expect(() => checkDegrees(anywhere, false)).not.toThrow();
    expect(refused(() => checkDegrees(given, true)).message).toMatch(/visual_degrees.*both/);
    expect(refused(() => checkDegrees(absent, false)).message).toMatch(/visual_degrees.*neither/);
  });
});

describe('regions', () => {
  test('make one benchmark each', () => {
    const text = changed(changed(textures, 'regions: [V1, V2]'), 'parent: "{region}"');
    expect(
      expandRegions(parse(text)).map(({ id, region, parent }) => [id, region, parent]),
    ).toEqual([
      ['my-lab.V1-pls', 'V1', 'V1'],
      ['my-lab.V2-pls', 'V2', 'V2'],
    ]);
    const [only, ...more] = expandRegions(parse(behaviour));
    expect(only?.id).toBe('objects-i2n');
    expect(only?.region).toBeUndefined();
    expect(more).toEqual([]);
  });
});

describe('excluded conditions', () => {
  test.each<[string | number, (string | number)[], boolean]>([
    [0, [0, 15], true],
    ['0.0', [0], true],
    ['0', ['0'], true],
    [0.55, ['inf', 0.55], true],
    [Number.POSITIVE_INFINITY, ['inf'], true],
    ['inf', ['inf'], true],
    ['cr', ['cr'], true],
    ['co', ['cr'], false],
    ['1-10-10', ['1-10-10'], true],
    ['1-10-10', [1], false],
    ['', [0], false],
    [5, ['0'], false],
  ])('%j among %j: %s', (condition, excluded, expected) => {
    expect(isExcludedCondition(condition, excluded)).toBe(expected);
  });
});

describe('the registry', () => {
  test('finds one benchmark, all regions of a template, and files', () => {
    const ids = (name: string) => findBenchmark(name).map(({ id }) => id);
    expect(ids('FreemanZiemba2013public.V1-pls')).toEqual(['FreemanZiemba2013public.V1-pls']);
    expect(ids('MajajHong2015.{region}-pls')).toEqual([
      'MajajHong2015.V4-pls',
      'MajajHong2015.IT-pls',
    ]);
    const file = join(folder, 'mine.yaml');
    writeFileSync(file, textures);
    expect(ids(file)).toEqual(['my-lab.V1-pls']);
  });

  test('offers the closest names', () => {
    const error = refused(() => findBenchmark('FreemanZiemba2013pblic.V1-pls'));
    expect(error.code).toBe('benchmark-unknown');
    expect(error.message).toContain('"FreemanZiemba2013public.V1-pls"');
    expect(refused(() => findBenchmark('zzz')).message).toContain('benchmarks list');
  });

  test('says which file is not there', () => {
    for (const name of ['nowhere.yaml', './nowhere', folder]) {
      expect(refused(() => findBenchmark(name))).toMatchObject({
        code: 'file-missing',
        details: { file: name },
      });
    }
    expect(refused(() => readBenchmarks(folder)).message).toContain('folder');
  });

  test('names each benchmark once', () => {
    const ids = listBenchmarks().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('the benchmark files of the oracle are read', () => {
  const read = (name: string) =>
    readBenchmarks(join(ORACLE, '09-end-to-end', name, 'benchmark.yaml')).flatMap(expandRegions);
  expect(read('neural-csv').map(({ id }) => id)).toEqual([
    'end-to-end.objects.V4-pls',
    'end-to-end.objects.IT-pls',
  ]);
  expect(read('neural-csv')[0]?.neuroids).toBe(
    join(ORACLE, '09-end-to-end', 'neural-csv', 'neuroids.csv'),
  );
  expect(read('neural-nc').map(({ timeWindow }) => timeWindow)).toEqual([
    [50, 200],
    [50, 200],
  ]);
  expect(read('behaviour')[0]?.metric).toEqual({
    name: 'i2n',
    repetitions: 2,
    seed: 0,
    skipna: false,
  });
});

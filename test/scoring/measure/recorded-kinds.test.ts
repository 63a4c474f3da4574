import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Recordings, RecordingsRequest } from '../../../src/data/recordings.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { findBenchmark } from '../../../src/scoring/registry/registry.js';
import { numbers, oracle, oraclePath } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

// Each netCDF file is opened once for all benchmarks of this file; test/slow/recorded-kinds.test.ts reads them as a command does.
vi.mock('../../../src/data/read-recordings.js', async (original) => {
  const module = await original<typeof import('../../../src/data/read-recordings.js')>();
  const { readRecordings } = module;
  const { selectNeuroids } = await import('../../../src/scoring/recorded/keep-neuroids.js');
  const read = new Map<string, Promise<Recordings>>();
  const once = async ({ region, neuroidCoords = [], ...request }: RecordingsRequest) => {
    if (request.path.endsWith('.csv') || region === undefined)
      return readRecordings({ ...request, neuroidCoords, ...(region ? { region } : {}) });
    const wanted = [...neuroidCoords, 'region'];
    const key = JSON.stringify([request.path, wanted]);
    const whole = read.get(key) ?? readRecordings({ ...request, neuroidCoords: wanted });
    read.set(key, whole);
    const recordings = await whole;
    const regions = recordings.neuroidCoords?.get('region')?.values ?? [];
    const some = selectNeuroids(
      recordings,
      regions.flatMap((own, k) => (own === region ? k : [])),
    );
    const coords = new Map(some.neuroidCoords);
    coords.delete('region');
    return { ...some, neuroidCoords: coords };
  };
  return { ...module, readRecordings: once };
});

const home = mkdtempSync(join(tmpdir(), 'ventral-kinds-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const context = { home, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

/** Every file of a family is read through here, so that none is left out. */
const files: Readonly<Record<string, readonly string[]>> = {
  '13-train-test/allen': ['train.nc', 'test.nc', 'train.csv', 'test.csv'],
  '13-train-test/hebart': ['train.nc', 'test.nc', 'train.csv', 'test.csv'],
  '13-train-test/papale': ['train.nc', 'test.nc', 'train.csv', 'test.csv'],
  '13-train-test/gifford': ['train.nc', 'test.nc', 'train.csv', 'test.csv'],
  '13-train-test/li': ['recordings.nc', 'stimuli.csv'],
  '13-train-test/csv': [
    ...['train.csv', 'test.csv', 'neuroids.csv'],
    ...['stimuli_train.csv', 'stimuli_test.csv'],
  ],
  '13-train-test/zerbe': [
    ...['01', '03', '05', '06', '07'].flatMap((n) => [
      `shared_sub-${n}.nc`,
      `persubject_sub-${n}.nc`,
    ]),
    ...['splits.csv', 'stimuli.csv'],
  ],
  '14-rsa/bracci': ['recordings.nc', 'stimuli.csv'],
  '15-reverse-pls/majaj': ['recordings.nc', 'stimuli.csv'],
};

async function scores(family: string, kind: string, layer?: string): Promise<Map<string, Score>> {
  for (const file of files[family]) oraclePath(`${family}/${file}`);
  const { scores: found, failures } = await scoreFeatures(
    {
      features: oraclePath(`${family}/features.npz`),
      benchmarks: [oraclePath(`${family}/${kind}.proposed.yaml`)],
      ...(layer ? { layers: [layer] } : {}),
      detail: true,
    },
    context,
  );
  expect(failures.map(({ error }) => error.message)).toEqual([]);
  return new Map(found.map((score) => [score.benchmark, score]));
}

const within = (found: number | null | undefined, wanted: unknown, bound: number, what: string) => {
  const value = Number(wanted);
  if (Number.isNaN(value)) expect(found, what).toBeNull();
  else
    expect(
      Math.abs((found ?? Number.NaN) - value) / Math.max(1, Math.abs(value)),
      what,
    ).toBeLessThanOrEqual(bound);
};

interface Wanted {
  readonly identifier: string;
  readonly score: {
    readonly score: number;
    readonly error?: number;
    readonly raw: { readonly score: number };
    readonly ceiling?: { readonly score: number; readonly error: number };
    readonly subjects: Readonly<
      Record<
        string,
        {
          score: number;
          alpha?: number;
          raw: { score: number; raw?: object };
          ceiling: { score: number };
        }
      >
    >;
  };
  readonly neuroids_kept?: readonly (string | number)[];
  readonly fits?: readonly { readonly train_stimulus_id: readonly string[] }[];
}

function expectTrainTest(
  score: Score | undefined,
  wanted: Wanted,
  bound: number,
  meansBound = bound,
) {
  const what = wanted.identifier;
  within(score?.value, wanted.score.score, bound, what);
  within(score?.raw.value, wanted.score.raw.score, bound, `${what} raw`);
  const { ceiling } = wanted.score;
  if (ceiling) {
    within(score?.ceiling?.value, ceiling.score, meansBound, `${what} ceiling`);
    within(score?.ceiling?.error, ceiling.error, meansBound, `${what} ceiling error`);
  }
  expect([score?.error, score?.errorKind]).toEqual([null, 'none']);
  // Of EEG, the channels of one subject alone are listed.
  if (wanted.neuroids_kept && !what.startsWith('Gifford'))
    expect(score?.raw.neuroid_ids?.length).toBe(wanted.neuroids_kept.length);
  expect(score?.parts?.values.map(({ name }) => name)).toEqual(Object.keys(wanted.score.subjects));
  for (const [name, subject] of Object.entries(wanted.score.subjects)) {
    const part = score?.parts?.values.find((each) => each.name === name);
    within(part?.value, subject.score, bound, `${what} ${name}`);
    within(part?.raw, subject.raw.score, bound, `${what} ${name} raw`);
    within(part?.ceiling, subject.ceiling.score, meansBound, `${what} ${name} ceiling`);
    if (subject.alpha !== undefined) expect(part?.alpha, `${what} ${name}`).toBe(subject.alpha);
  }
  if (wanted.fits)
    expect(new Set(score?.splits?.[0].train)).toEqual(new Set(wanted.fits[0].train_stimulus_id));
}

test('allen: a dual ridge regression a subject, on float32 recordings', async () => {
  const { regions } = oracle('13-train-test/allen/expected.json');
  const found = await scores('13-train-test/allen', 'ridge');
  for (const wanted of [regions.V1, regions.V4, regions.IT])
    expectTrainTest(found.get(wanted.identifier), wanted, tolerances.kinds.float64);
});

describe.each([
  ['hebart', ['float32', 'float64']],
  ['papale', ['float32', 'float64']],
  ['gifford', [undefined]],
])('%s: a regression a subject', (family, layers) => {
  const { results } = oracle(`13-train-test/${family}/expected.json`);
  const all: (Wanted & { features?: string })[] = Array.from(results);
  const runs = layers.flatMap((layer) => ['ridge', 'ridgecv'].map((kind) => ({ layer, kind })));
  test.each(runs)('$kind on $layer features', async ({ layer, kind }) => {
    const found = await scores(`13-train-test/${family}`, kind, layer && `${layer}`);
    const wanted = all.filter(
      ({ identifier, features }) =>
        identifier.endsWith(`-${kind}`) && (!layer || features === layer),
    );
    expect([...found.keys()].sort()).toEqual(wanted.map(({ identifier }) => identifier).sort());
    // The original fits `ridge` on float32 features in float32.
    const rounded = kind === 'ridge' && layer !== 'float64' ? tolerances.kinds.ridge32.score : 1e-9;
    for (const one of wanted)
      expectTrainTest(found.get(one.identifier), one, rounded, tolerances.kinds.float64);
  });
});

test('gifford: the penalties of the file are those that the original was given', () => {
  const { reduced_alphas: wanted } = oracle('13-train-test/gifford/expected.json');
  const [{ metric }] = findBenchmark(oraclePath('13-train-test/gifford/ridgecv.proposed.yaml'));
  expect(metric.alphas).toEqual(Array.isArray(wanted) ? [...wanted] : [...numbers(wanted)]);
});

test('li: published reliabilities, presentations in the order of the file', async () => {
  const { results } = oracle('13-train-test/li/expected.json');
  for (const kind of ['ridgecv', 'pls', 'rdm']) {
    const found = await scores('13-train-test/li', kind);
    for (const region of ['IT', 'V1']) {
      const wanted = results[`Li2026.${region}-${kind}`];
      const score = found.get(wanted.identifier);
      // Features are float32; predict of the original rounds there.
      const bound = kind === 'pls' ? tolerances.float32.score : tolerances.kinds.float64;
      if (kind === 'rdm') {
        expectRsa(score, wanted, bound);
        continue;
      }
      within(score?.value, wanted.score.score, bound, wanted.identifier);
      within(score?.error, wanted.score.error, bound, wanted.identifier);
      within(score?.raw.value, wanted.score.raw.score, bound, wanted.identifier);
      within(
        score?.ceiling?.value,
        wanted.ceiling.score,
        tolerances.kinds.float64,
        wanted.identifier,
      );
      within(
        score?.ceiling?.error,
        wanted.ceiling.error,
        tolerances.kinds.published,
        wanted.identifier,
      );
      const trained = wanted.splits.map((split: { train_stimulus_id: string[] }) =>
        split.train_stimulus_id.toSorted(),
      );
      expect(score?.splits?.map(({ train }) => train.map(String).sort())).toEqual(trained);
    }
  }
});

interface Rsa {
  readonly score: number;
  readonly raw: number;
  readonly subject_scores: readonly (number | string)[];
  readonly ceiling: number | string | { readonly score: number };
}

function expectRsa(score: Score | undefined, wanted: Rsa, bound: number) {
  const ceiling = typeof wanted.ceiling === 'object' ? wanted.ceiling.score : wanted.ceiling;
  within(score?.value, wanted.score, bound, 'rdm');
  within(score?.raw.value, wanted.raw, bound, 'rdm raw');
  within(score?.ceiling?.value, ceiling, bound, 'rdm ceiling');
  expect(score?.error).toBeNull();
  wanted.subject_scores.forEach((of, i) => {
    within(score?.parts?.values[i].raw, of, bound, `rdm subject ${i}`);
  });
}

test('allen and csv: RDM a subject over training and test stimuli', async () => {
  const allen = oracle('14-rsa/allen_rdm.json').regions;
  const found = await scores('13-train-test/allen', 'rdm');
  for (const wanted of [allen.V1, allen.V4, allen.IT])
    expectRsa(found.get(wanted.identifier), wanted, tolerances.kinds.float64);
  // One voxel has one response to every stimulus, and the reader is told.
  expect(
    found
      .get('Allen2022_fmri.V4-rdm')
      ?.warnings.map(({ detail }) => detail)
      .join(),
  ).toContain('subj02, which has 1 neuroid');
  const { regions, alphas } = oracle('13-train-test/csv/expected.json');
  const [ridge, rdm] = [
    await scores('13-train-test/csv', 'ridgecv'),
    await scores('13-train-test/csv', 'rdm'),
  ];
  for (const wanted of [regions.V1, regions.IT]) {
    expectTrainTest(ridge.get(wanted.identifier), wanted, tolerances.kinds.float64);
    expectRsa(
      rdm.get(wanted.identifier.replace('ridgecv', 'rdm')),
      wanted.rdm,
      tolerances.kinds.float64,
    );
  }
  expect(alphas).toEqual([0.1, 1, 10, 100, 1000]);
});

const zerbe = oracle('13-train-test/zerbe/expected.json');

describe('zerbe: a file a subject, split by a table', () => {
  const expectMany = (score: Score | undefined, identifier: string, bound: number) => {
    const { score: wanted } = zerbe.results[identifier];
    within(score?.value, wanted.score, bound, identifier);
    within(score?.error, wanted.error, bound, `${identifier} error`);
    within(score?.raw.value, wanted.raw, bound, `${identifier} raw`);
    within(score?.ceiling?.value, wanted.ceiling.score, bound, `${identifier} ceiling`);
    if (wanted.ceiling.error !== undefined)
      within(score?.ceiling?.error, wanted.ceiling.error, bound, `${identifier} ceiling error`);
    expect(score?.errorKind).toBe(`bootstrap over ${wanted.error_over[0]}s`);
    const parts = score?.parts?.values ?? [];
    wanted.per_child.values.forEach((of: number, i: number) => {
      within(
        identifier.endsWith('cka') ? parts[i].raw : parts[i].value,
        of,
        bound,
        `${identifier} ${i}`,
      );
    });
    return parts;
  };

  test.each([
    ['fmri.V1-tau', 'Zerbe2026_fmri.V1-tau-ridgecv'],
    ['fmri.IT-ood', 'Zerbe2026_fmri.IT-ood-ridgecv'],
    ['fmri_persubject.IT-tau', 'Zerbe2026_fmri_persubject.IT-tau-ridgecv'],
    ['fmri_persubject.V4-ood', 'Zerbe2026_fmri_persubject.V4-ood-ridgecv'],
    ['folds', 'Zerbe2026_fmri.V4-cluster_k5-ridgecv'],
  ])('%s', async (file, identifier) => {
    const found = await scores('13-train-test/zerbe', file);
    const parts = expectMany(found.get(identifier), identifier, tolerances.kinds.published);
    const { subjects = {} } = zerbe.results[identifier];
    for (const [name, { alpha }] of Object.entries<{ alpha: number }>(subjects))
      expect(parts.find((part) => part.name === name)?.alpha, name).toBe(alpha);
    expect(zerbe.subjects).toEqual(['sub-01', 'sub-03', 'sub-05', 'sub-06', 'sub-07']);
    expect(zerbe.alphas.shape).toEqual([21]);
  });

  test.each(['rdm', 'cka'])('%s', async (kind) => {
    const found = await scores('13-train-test/zerbe', kind);
    for (const region of ['V4', 'IT']) {
      const identifier = `Zerbe2026_fmri.${region}-${kind === 'rdm' ? 'rdm-pearson' : 'cka'}`;
      const bound = kind === 'rdm' ? tolerances.kinds.published : tolerances.kinds.float32;
      const score = found.get(identifier);
      expectMany(score, identifier, bound);
      if (kind === 'cka') {
        expect(score?.value).toBeGreaterThan(1);
        expect(score?.warnings.map(({ code }) => code)).toContain('above-ceiling');
      }
    }
  });

  test('a fixed penalty, and one subject, which has no error', async () => {
    const yaml = readFileSync(oraclePath('13-train-test/zerbe/fmri.V1-tau.proposed.yaml'), 'utf8');
    const changed = (name: string, edit: (text: string) => string) => {
      const file = join(oraclePath('13-train-test/zerbe/splits.csv'), '..', name);
      const folder = mkdtempSync(join(home, 'zerbe-'));
      const text = edit(yaml).replaceAll(/(shared_sub-|splits\.csv|stimuli\.csv)/g, (part) =>
        join(file, '..', part),
      );
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const fixed = changed('fixed.yaml', (text) =>
      text
        .replace('[V1]', '[V4]')
        .replace(/metric: .*/, 'metric: { name: dual-ridge, alpha: 1 }')
        .replace('tau-ridgecv', 'tau-ridge'),
    );
    const alone = changed('alone.yaml', (text) =>
      text.replace('[V1]', '[V4]').replaceAll(/ +sub-0[1567]: .*\n/g, ''),
    );
    const { scores: found, failures } = await scoreFeatures(
      { features: oraclePath('13-train-test/zerbe/features.npz'), benchmarks: [fixed, alone] },
      context,
    );
    expect(failures.map(({ error }) => error.message)).toEqual([]);
    expectMany(found[0], 'Zerbe2026_fmri.V4-tau-ridge', tolerances.kinds.float64);
    const wanted = zerbe.results['Zerbe2026_fmri.V4-tau-ridgecv (one subject)'].score;
    within(found[1].value, wanted.score, tolerances.kinds.published, 'one subject');
    within(found[1].raw.value, wanted.raw.score, tolerances.kinds.published, 'one subject');
    within(
      found[1].ceiling?.value,
      wanted.ceiling.score,
      tolerances.kinds.published,
      'one subject',
    );
    expect([found[1].error, found[1].errorKind, found[1].parts?.values[0].alpha]).toEqual([
      null,
      'none',
      wanted.alpha,
    ]);
  });
});

test('majaj: reverse PLS over the consistency of its predictors', async () => {
  const { regions } = oracle('15-reverse-pls/majaj/expected.json');
  const found = await scores('15-reverse-pls/majaj', 'reverse');
  for (const region of [regions.V4, regions.IT]) {
    const score = found.get(region.identifier);
    const { reverse, float64 } = tolerances.kinds;
    within(score?.value, region.score.score, reverse, region.identifier);
    within(score?.error, region.score.error, reverse, `${region.identifier} error`);
    within(score?.raw.value, region.score.raw.score, reverse, `${region.identifier} raw`);
    within(score?.ceiling?.value, region.ceiling.score, float64, `${region.identifier} ceiling`);
    within(
      score?.ceiling?.error,
      region.ceiling.error,
      float64,
      `${region.identifier} ceiling error`,
    );
    expect(score?.provenance.metric).toBe('reverse-pls@2');
  }
});

test('bracci: voxels averaged over subjects, under what the subjects give each other', async () => {
  const { regions } = oracle('14-rsa/bracci/expected.json');
  const found = await scores('14-rsa/bracci', 'rdm');
  for (const wanted of [regions.V1, regions.posteriorVTC, regions.anteriorVTC]) {
    const score = found.get(wanted.identifier);
    const { float64 } = tolerances.kinds;
    within(score?.value, wanted.score, float64, wanted.identifier);
    within(score?.raw.value, wanted.raw, float64, `${wanted.identifier} raw`);
    within(score?.ceiling?.value, wanted.ceiling, float64, `${wanted.identifier} ceiling`);
    const [[[region]]] = [wanted.asked];
    expect(score?.region).toBe(region);
    const above = score?.warnings.some(({ code }) => code === 'above-ceiling');
    expect(above).toBe(wanted.score > 1);
  }
});

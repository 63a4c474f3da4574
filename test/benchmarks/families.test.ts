import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findData } from '../../src/data/catalog.js';
import { locateData, requireData } from '../../src/data/data-folder.js';
import { importData } from '../../src/data/import-data.js';
import type { Benchmark } from '../../src/scoring/benchmark/benchmark.js';
import {
  accessOf,
  agreementsOf,
  catalogEntriesOf,
} from '../../src/scoring/benchmark/benchmark-data.js';
import { goldenOf } from '../../src/scoring/registry/golden.js';
import { findBenchmark } from '../../src/scoring/registry/registry.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-families-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function only(id: string): Benchmark {
  const [benchmark, ...more] = findBenchmark(id);
  expect(more).toEqual([]);
  return benchmark;
}
const catalogued = (identifier: string) => ({ kind: 'catalog', identifier });

/** Copied by hand from the reference: what each family is, on which data, by which numbers it is checked. */
describe('the families of 2020 to 2026', () => {
  test.each([
    [
      'Allen2022_fmri_4subj.V4-rdm',
      {
        ...{ version: 1, region: 'V4', parent: 'V4', visualDegrees: 8.4 },
        train: {
          stimuli: catalogued('Allen2022_fmri_4subj_stim_train'),
          recordings: catalogued('Allen2022_fmri_4subj_train'),
        },
        stimuli: catalogued('Allen2022_fmri_4subj_stim_test'),
        recordings: catalogued('Allen2022_fmri_4subj_test'),
        keep: { nc_testset: { above: 30 } },
        metric: { name: 'rdm', per: 'subject' },
        ceiling: { name: 'nili-upper' },
      },
    ],
    [
      'Allen2022_fmri_surface.IT-ridge',
      {
        // The surface has the stimuli of the volume.
        stimuli: catalogued('Allen2022_fmri_stim_test'),
        recordings: catalogued('Allen2022_fmri_surface_test'),
        fitPer: 'subject',
        metric: { name: 'dual-ridge', alpha: 1 },
        ceiling: { name: 'internal-consistency' },
      },
    ],
    ['Hebart2023_fmri.V2-ridge', { version: 3, visualDegrees: 10, metric: { name: 'ridge' } }],
    [
      'Papale2025.V1-ridgecv',
      { version: 3, visualDegrees: 18, keep: { reliability: { above: 0.3 } }, fitPer: 'subject' },
    ],
    [
      'Gifford2022.IT-ridgecv',
      { version: 3, region: 'IT', visualDegrees: 7, binsAsNeuroids: [0, 0.6], parent: 'IT' },
    ],
    [
      'Li2026.IT-rdm',
      { parent: 'Li2026.IT', metric: { name: 'rdm', per: 'animal' }, visualDegrees: 11 },
    ],
    [
      'Zerbe2026_fmri_persubject.V1-ood-ridgecv',
      {
        split: {
          table: catalogued('Zerbe2026_splits'),
          columns: ['ood'],
          where: { pool: '$subject' },
          both: false,
        },
        averageOver: ['repetition', 'session', 'run', 'beta_index'],
        bootstrap: { draws: 200, seed: 0 },
      },
    ],
    [
      'Zerbe2026_fmri.IT-rdm-pearson',
      { ceiling: { name: 'neuroid', column: 'nc_12rep', by: 'mean' }, split: { both: true } },
    ],
    ['Bracci2019.anteriorVTC-rdm', { region: 'IT', selected: { column: 'roi', value: 2 } }],
    [
      'MajajHong2015public.IT-temporal-pls',
      {
        recordings: catalogued('MajajHong2015.temporal.public'),
        timeStep: { step: 10, unit: 'ms' },
        metric: { name: 'pls', components: 25, across: 'time' },
      },
    ],
    [
      'MajajHong2015public.V4-reverse_pls',
      { version: 4, ceiling: { name: 'predictor-consistency', splits: 10, seed: 0 } },
    ],
    [
      'SanghaviMurty2020.IT-pls',
      { visualDegrees: 5, stimuli: catalogued('Rust2012'), timeWindow: [70, 170] },
    ],
    [
      'Lonnqvist2024_OnlineNoInstructionsBehavioralAccuracyDistance',
      {
        trials: catalogued('Lonnqvist2024_online-no-instructions'),
        task: 'probabilities',
        visualDegrees: 17.70753,
      },
    ],
    [
      'Scialom2024_segments-allBehavioralErrorConsistency',
      { visualDegrees: 8, clip: 'none', metric: { name: 'error-consistency' } },
    ],
    ['Scialom2024_rgbEngineeringAccuracy', { visualDegrees: 'none', truth: 'truth' }],
    [
      'Baker2022fragmented-accuracy_delta',
      { metric: { name: 'accuracy-drop', column: 'image_type', from: 'w', to: 'o' } },
    ],
    ['ImageNet-C-blur-top1', { version: 2, stimuli: catalogued('imagenet_c.blur') }],
  ])('%s', (id, wanted) => {
    expect(only(id)).toMatchObject({ averages: 'named', ...wanted });
  });

  test.each([
    ['Allen2022_fmri_train', 'recordings', '5919ec2838f69bfb5d87e16f197868550713cde0'],
    ['Papale2025_test', 'recordings', '685025f67e90006e775ac153e8e0007e35b62bbc'],
    ['Zerbe2026_fmri_full_sub-05', 'recordings', 'c446c8a6c67de21e749469a092fd02994d2be01e'],
    ['BMD2024.dotted_2', 'trials', '297833a094513b99ae434e581df09ac64cd6582f'],
  ] as const)('%s has its published digest', (identifier, kind, sha1) => {
    expect(findData(identifier, kind).files[0]).toMatchObject({ sha1 });
  });

  test('objects that were replaced are asked for by their version', () => {
    const [nc] = findData('Li2026', 'recordings').files;
    expect(nc).toMatchObject({
      version: 'jJWOONfWTN3pbp6clmE3Ea8eQ9ZZb_D6',
      url: 'https://brainscore-storage.s3.amazonaws.com/brainscore-vision/benchmarks/Li2026/assy_Li2026_Assembly.nc',
    });
  });

  test('their access is what the reference needs to test them', () => {
    expect(accessOf(only('Li2026.V1-pls'))).toBe('public');
    expect(accessOf(only('MajajHong2015public.V4-reverse_pls'))).toBe('public');
    expect(accessOf(only('Gifford2022.IT-ridge'))).toBe('private');
    expect(agreementsOf(only('Zerbe2026_fmri.V1-cka'))).toEqual([
      'LAION-fMRI Data Use Agreement, https://laion-fmri.hebartlab.com/request',
    ]);
    expect(agreementsOf(only('Papale2025.IT-ridge'))).toEqual([]);
  });

  test.each([
    ['Allen2022_fmri.IT-ridge', 'value', 0.287, 0.01],
    ['Hebart2023_fmri.IT-ridgecv', 'value', 0.22902846, 0.001],
    ['Baker2022fragmented-accuracy_delta', 'raw', 0.8452, 0.0001],
    ['Scialom2024_phosphenes-46BehavioralAccuracyDistance', 'raw', 0.29478, 0.001],
    ['Hermann2020cueconflict-shape_bias', 'value', 0.21392405, 0.001],
  ])('of %s the published %s is %s', (id, quantity, value, tolerance) => {
    expect(goldenOf(only(id))?.models?.[0]).toMatchObject({ quantity, value, tolerance });
  });
});

describe('data that each user brings', () => {
  const splits = () => findData('Zerbe2026_splits', 'splits');

  test('are missing until they are imported, and the error says whose they are', async () => {
    expect((await locateData(splits(), home)).missing).toEqual([
      { role: 'csv', file: 'splits.csv' },
    ]);
    await expect(requireData(splits(), home)).rejects.toMatchObject({
      code: 'data-missing',
      message: expect.stringMatching(
        /ventral data import FILE --as Zerbe2026_splits.*laion_fmri\.splits/,
      ),
    });
  });

  test('are found once they are, and differ from no published bytes', async () => {
    const file = join(home, 'mine.csv');
    writeFileSync(file, 'stimulus_id,pool,tau,ood\na,shared,train,\n');
    await importData([file], { home, as: 'Zerbe2026_splits' });
    const located = await locateData(splits(), home);
    expect(located).toMatchObject({ missing: [], ownBytes: false });
    expect(located.paths.csv).toContain('mine.csv');
  });

  test('belong to the benchmarks that need them', () => {
    const named = catalogEntriesOf(only('Zerbe2026_fmri.V1-tau-ridgecv'));
    expect(named.map(({ kind }) => kind)).toEqual([
      'stimuli',
      ...Array(5).fill('recordings'),
      'splits',
    ]);
  });
});

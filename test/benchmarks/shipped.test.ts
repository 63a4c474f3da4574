import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findData } from '../../src/data/catalog.js';
import { packageRoot } from '../../src/formats/package-root.js';
import type { Benchmark } from '../../src/scoring/benchmark/benchmark.js';
import {
  catalogEntriesOf,
  dataOf,
  isOutsideTree,
} from '../../src/scoring/benchmark/benchmark-data.js';
import { goldenOf } from '../../src/scoring/registry/golden.js';
import { loadBenchmarks } from '../../src/scoring/registry/load-benchmark.js';
import { findBenchmark, listBenchmarks } from '../../src/scoring/registry/registry.js';

const root = join(packageRoot, 'benchmarks');
const real = listBenchmarks().filter(({ simulated }) => !simulated);

function only(id: string): Benchmark {
  const [benchmark, ...more] = findBenchmark(id);
  if (!benchmark || more.length > 0) throw new Error(`${id} is not one benchmark`);
  return benchmark;
}

describe('the shipped neural benchmarks', () => {
  /** Spec §1.1, §1.4, §1.5, §3.1, §3.3, §3.4. */
  test.each([
    ['FreemanZiemba2013.V1-pls', 3, 'V1', 4, [50, 200], 'texture_type'],
    ['FreemanZiemba2013.V2-pls', 3, 'V2', 4, [50, 200], 'texture_type'],
    ['FreemanZiemba2013public.V1-pls', 1, undefined, 4, [50, 200], 'texture_type'],
    ['FreemanZiemba2013public.V2-pls', 1, undefined, 4, [50, 200], 'texture_type'],
    ['MajajHong2015.V4-pls', 4, 'V4', 8, [70, 170], 'object_name'],
    ['MajajHong2015.IT-pls', 4, 'IT', 8, [70, 170], 'object_name'],
    ['MajajHong2015public.V4-pls', 4, 'V4', 8, [70, 170], 'object_name'],
    ['MajajHong2015public.IT-pls', 4, 'IT', 8, [70, 170], 'object_name'],
  ])('%s', (id, version, parent, degrees, window, stratifyOn) => {
    const benchmark = only(id);
    expect(benchmark).toMatchObject({
      version,
      region: /\.(\w+)-pls$/.exec(id)?.[1],
      visualDegrees: degrees,
      timeWindow: window,
      metric: { name: 'pls', components: 25 },
      crossValidation: { splits: 10, trainSize: 0.9, seed: 1, stratifyOn },
      ceiling: { name: 'internal-consistency', splits: 10, seed: 1, byDefault: false },
    });
    expect(benchmark.parent).toBe(parent);
  });
});

describe('the shipped behavioural benchmarks', () => {
  /** Spec §4.1, §4.2, §4.5: the public variant skips missing cells in its ceiling. */
  test.each([
    ['Rajalingham2018-i2n', 'objectome.private', false],
    ['Rajalingham2018public-i2n', 'objectome.public', true],
  ])('%s', (id, stimuli, skipna) => {
    expect(only(id)).toMatchObject({
      version: 2,
      parent: 'behavior',
      visualDegrees: 8,
      stimuli: { kind: 'catalog', identifier: stimuli },
      fittingStimuli: { kind: 'catalog', identifier: 'objectome.public' },
      metric: { name: 'i2n', repetitions: 2, seed: 0, skipna },
      ceiling: { name: 'metric' },
    });
  });

  /** Appendix C: the conditions left out of each set. */
  const excluded: Record<string, (string | number)[]> = {
    colour: ['cr'],
    contrast: ['c100', 'c03', 'c01'],
    'cue-conflict': [],
    edge: [],
    eidolonI: ['1-10-10', '64-10-10', '128-10-10'],
    eidolonII: ['1-3-10', '32-3-10', '64-3-10', '128-3-10'],
    eidolonIII: ['1-0-10', '16-0-10', '32-0-10', '64-0-10', '128-0-10'],
    'false-colour': ['False-Colour'],
    'high-pass': ['inf', 0.55, 0.45, 0.4],
    'low-pass': [0, 15, 40],
    'phase-scrambling': [0, 150, 180],
    'power-equalisation': ['0'],
    rotation: [0],
    silhouette: [],
    sketch: [],
    stylized: [],
    'uniform-noise': [0, 0.6, 0.9],
  };
  test.each(Object.entries(excluded))('Geirhos2021, %s', (set, excludeConditions) => {
    const source = { kind: 'catalog', identifier: `Geirhos2021_${set}` };
    const name = `Geirhos2021${set.replaceAll('-', '')}`;
    expect(only(`${name}-error_consistency`)).toMatchObject({
      version: 1,
      parent: 'Geirhos2021',
      visualDegrees: 3,
      stimuli: source,
      trials: source,
      excludeConditions,
      metric: { name: 'error-consistency' },
      ceiling: { name: 'metric' },
    });
    expect(only(`${name}-top1`)).toMatchObject({
      version: 1,
      parent: 'Geirhos2021-top1',
      visualDegrees: 'none', // its stimuli are not placed on the screen
      stimuli: source,
      excludeConditions,
      metric: { name: 'accuracy' },
      ceiling: { name: 'fixed', value: 1 },
    });
  });

  test('Geirhos2021 has 17 sets of each', () => {
    const ids = real.map(({ id }) => id).filter((id) => id.startsWith('Geirhos2021'));
    expect(ids).toHaveLength(2 * Object.keys(excluded).length);
    expect(Object.keys(excluded)).toHaveLength(17);
  });
});

/** The study whose neurons each property of Marques2020 is compared with. */
const studies: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    Cavanaugh2002: ['grating_summation_field', 'surround_diameter', 'surround_suppression_index'],
    DeValois1982: ['preferred_orientation', 'peak_spatial_frequency'],
    Schiller1976: ['spatial_frequency_selective', 'spatial_frequency_bandwidth'],
    Ringach2002: [
      ...['circular_variance', 'bandwidth', 'orthogonal_preferred_ratio', 'orientation_selective'],
      ...['circular_variance_bandwidth_ratio', 'modulation_ratio', 'max_dc'],
      'orthogonal_preferred_ratio_circular_variance_difference',
    ],
    FreemanZiemba2013: [
      ...['texture_modulation_index', 'absolute_texture_modulation_index', 'texture_selectivity'],
      ...['texture_sparseness', 'variance_ratio', 'max_texture', 'max_noise'],
    ],
  }).flatMap(([study, columns]) => columns.map((column) => [column, study])),
);

describe('Marques2020', () => {
  const all = real.filter(({ id }) => id.startsWith('Marques2020_'));
  const here = all.filter((benchmark) => catalogEntriesOf(benchmark).length === 0);

  test('has 22 properties in seven groups, and seven that need no download', () => {
    const sizes: Record<string, number> = {};
    for (const { parent = '' } of all) {
      const group = parent.replace('Marques2020/V1-', '');
      sizes[group] = (sizes[group] ?? 0) + 1;
    }
    expect(sizes).toEqual({
      orientation: 7,
      spatial_frequency: 3,
      response_selectivity: 4,
      receptive_field_size: 2,
      surround_modulation: 1,
      texture_modulation: 2,
      response_magnitude: 3,
    });
    expect(
      all.every(({ region, version, simulated }) => region === 'V1' && version === 1 && !simulated),
    ).toBe(true);
    const neurons = here.map(({ id, distribution }) => {
      if (distribution?.neurons.kind !== 'counts') throw new Error(id);
      const { counts, withoutValue } = distribution.neurons;
      return [id.replace(/.*-/, ''), counts.reduce((sum, count) => sum + count, withoutValue)];
    });
    expect(Object.fromEntries(neurons)).toEqual({
      grating_summation_field: 190,
      surround_diameter: 190,
      surround_suppression_index: 190,
      peak_sf: 363,
      pref_or: 385,
      sf_bandwidth: 87,
      sf_selective: 87,
    });
  });

  test.each(here.map(({ id }) => id))('%s: the ceiling that is published', async (id) => {
    const { loaded, close } = await loadBenchmarks([id], { home: '/nowhere' }, (_, error) => {
      throw error;
    });
    const published = goldenOf(only(id))?.ceiling;
    const ceiling = loaded[0].ceiling()?.value ?? Number.NaN;
    expect(Math.abs(ceiling - (published?.value ?? 0))).toBeLessThan(published?.tolerance ?? 0);
    await close();
  });
});

/** What holds of the families of 2020 to 2026: all data are in the catalog, each assembly with its stimuli. */
function inCatalog(benchmark: Benchmark): void {
  const named = dataOf(benchmark).map(({ kind, source }) => {
    if (source.kind !== 'catalog') throw new Error(`${benchmark.id} names data beside the catalog`);
    return findData(source.identifier, kind);
  });
  const stimuli = named.filter(({ kind }) => kind === 'stimuli').map((each) => each.identifier);
  // The people of Maniquet2024 saw other images than networks are shown.
  if (!benchmark.id.startsWith('Maniquet'))
    for (const entry of named) if (entry.stimuli) expect(stimuli).toContain(entry.stimuli);
  expect(benchmark.simulated).toBe(false);
}

/** What holds of benchmarks on recordings that others publish: their data are in the catalog, converted. */
function outside(benchmark: Benchmark): void {
  const entries = catalogEntriesOf(benchmark);
  expect(entries.length).toBeGreaterThan(1);
  const [stimuli, data] = entries;
  expect(stimuli.kind).toBe('stimuli');
  expect(data.stimuli).toBe(stimuli.identifier);
  for (const { converted, access } of entries) {
    expect(access).toBe('public');
    expect(converted).toBeDefined();
  }
  expect(benchmark.parent).toBeUndefined();
}

describe('every shipped real benchmark', () => {
  test.each(real.map((benchmark) => [benchmark.id, benchmark] as const))('%s', (_id, benchmark) => {
    expect(benchmark.title).toBeTruthy();
    const { doi, url } = benchmark.reference ?? {};
    // The demonstration of one site is a repository without a paper; some of the newer have no paper, or one without a DOI.
    const unpublished = benchmark.id.startsWith('KarDemo') || benchmark.averages === 'named';
    if (doi === undefined && unpublished) expect(url).toMatch(/^https:/);
    else expect(doi).toMatch(/^10\./);
    const bibliography = readFileSync(join(benchmark.folder, 'reference.bib'), 'utf8');
    expect(bibliography).toContain(doi ?? url);
    if (isOutsideTree(benchmark)) return outside(benchmark);
    expect(goldenOf(benchmark)).toBeDefined();
    const { distribution } = benchmark;
    if (distribution) {
      // Published counts ship; neurons are in the catalog.
      const { neurons, property } = distribution;
      expect(studies[property]).toBe(benchmark.id.replace('Marques2020_', '').split('-')[0]);
      if (neurons.kind === 'counts') expect(catalogEntriesOf(benchmark)).toEqual([]);
      else expect(neurons).toMatchObject({ kind: 'catalog' });
      return;
    }
    if (benchmark.averages === 'named') return inCatalog(benchmark);
    const data = benchmark.recordings ?? benchmark.trials;
    const kind = benchmark.recordings ? 'recordings' : 'trials';
    if (data?.kind !== 'catalog' || benchmark.stimuli.kind !== 'catalog') {
      throw new Error('a real benchmark names its data in the catalog');
    }
    const entry = findData(data.identifier, kind);
    expect(entry.stimuli).toBe(benchmark.stimuli.identifier);
    expect(entry.access === 'private').toBe(/private/.test(data.identifier));
  });

  test('has golden numbers for no other', () => {
    const ids = new Set(listBenchmarks().map(({ id }) => id));
    for (const folder of readdirSync(root, { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      const files = readdirSync(join(root, folder.name));
      if (!files.includes('golden.json')) continue;
      const golden = JSON.parse(readFileSync(join(root, folder.name, 'golden.json'), 'utf8'));
      for (const id of Object.keys(golden)) expect(ids).toContain(id);
    }
  });
});

describe('the published numbers', () => {
  /** Spec §1.9, §3.5, §4.6, Appendix C, copied by hand. */
  test.each([
    ['FreemanZiemba2013.V1-pls', 0.873345, 0.668491],
    ['FreemanZiemba2013.V2-pls', 0.824836, 0.553155],
    ['FreemanZiemba2013public.V1-pls', 0.88076227, 0.679954],
    ['FreemanZiemba2013public.V2-pls', undefined, 0.577498],
    ['MajajHong2015.V4-pls', 0.89503, 0.923713],
    ['MajajHong2015.IT-pls', 0.821841, 0.823433],
    ['MajajHong2015public.V4-pls', undefined, 0.897956],
    ['MajajHong2015public.IT-pls', 0.81579938, 0.816251],
    ['Rajalingham2018-i2n', 0.479, undefined],
    ['Geirhos2021edge-error_consistency', 0.31844, undefined],
    ['Geirhos2021silhouette-error_consistency', 0.47571, undefined],
    ['Geirhos2021edge-top1', undefined, undefined],
  ])('of %s: ceiling %s, self-regression %s', (id, ceiling, selfRegression) => {
    const golden = goldenOf(only(id));
    expect(golden?.ceiling?.value).toBe(ceiling);
    expect(golden?.selfRegression?.value).toBe(selfRegression);
  });

  test('of the 17 ceilings average to the mean that is published with them', () => {
    const ceilings = real
      .filter(({ id, metric }) => id.startsWith('Geirhos') && metric.name === 'error-consistency')
      .map((benchmark) => goldenOf(benchmark)?.ceiling?.value ?? Number.NaN);
    const mean = ceilings.reduce((sum, value) => sum + value, 0) / ceilings.length;
    expect(mean.toFixed(5)).toBe('0.43122');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpz } from '../../../src/formats/npz.js';
import {
  aboveDiagonal,
  dissimilarities,
  leaveOneOut,
  rdmSimilarity,
} from '../../../src/metrics/rdm.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { responsiveColumns } from '../../../src/numerics/statistics/responsive-columns.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { parseBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { expectClose } from '../../metrics/close.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-rsm-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const golden = oracle('14-rsa/coggan_fmri.json');
const comparison = { perSubject: true, squared: false, correlation: 'pearson' } as const;
const metric =
  'metric: { name: rdm, per: subject, correlation: pearson, responsive: 3.1, normalisation: ratio-squared }';

/** Dissimilarities 1 − r of each subject, from similarities row × column × subject. */
function subjectsOf({ shape: [n, , count], ...rest }: OracleArray) {
  const values = numbers({ ...rest, shape: [n, n, count] });
  return Array.from({ length: count }, (_, s) =>
    aboveDiagonal(
      matrix(
        n,
        n,
        Float64Array.from({ length: n * n }, (_, i) => 1 - values[i * count + s]),
      ),
    ),
  );
}

const featuresOf = ({ features }: { features: OracleArray }) => {
  const [rows, cols] = features.shape;
  return { rows, cols, data: Float32Array.from(numbers(features)) };
};

function write(ids: readonly string[], subjects: readonly Float64Array[], keys: readonly string[]) {
  writeFileSync(at('stimuli.csv'), ['stimulus_id', ...ids, ''].join('\n'));
  const pairs = ids.flatMap((one, i) => ids.slice(i + 1).map((two) => [one, two] as const));
  const names = subjects.map((_, s) => `s${s}`);
  const rows = pairs.map((pair, k) => [...pair, ...subjects.map((own) => own[k])].join());
  writeFileSync(
    at('rdms.csv'),
    [['stimulus_1', 'stimulus_2', ...names].join(), ...rows, ''].join('\n'),
  );
  const lines = [
    ...['identifier: tong.Coggan2024_fMRI.{region}-rdm', 'version: 1', 'regions: [V1]'],
    ...['visual_degrees: 9', 'stimuli: { csv: stimuli.csv }', 'rdms: rdms.csv', ...keys, ''],
  ];
  writeFileSync(at('benchmark.yaml'), lines.join('\n'));
  return at('benchmark.yaml');
}

describe.each([0, 1, 2])('coggan_fmri, case %d', (i) => {
  const wanted = golden.cases[i];
  const subjects = subjectsOf(wanted.subject_rsms_row_col_subject);
  const score = async (keys = [metric, 'ceiling: leave-one-out', 'clip: [0, 1]']) => {
    const { rows, cols, data } = featuresOf(wanted);
    const ids = wanted.stimulus_id.map(String);
    await writeNpz(at('features.npz'), [
      { name: 'stimulus_id', array: { dtype: 'string', shape: [rows], data: ids } },
      { name: 'features', array: { dtype: 'float32', shape: [rows, cols], data } },
    ]);
    const { scores, failures } = await scoreFeatures(
      { features: at('features.npz'), benchmarks: [write(ids, subjects, keys)] },
      { home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
    );
    if (failures.length > 0) throw failures[0].error;
    return scores[0];
  };

  if (wanted.error) {
    test('no unit responds enough', async () => {
      expect(wanted.error.message).toMatch(/No units with mean response/);
      await expect(score()).rejects.toMatchObject({ code: 'units-too-few' });
    });
    return;
  }

  test('the similarities of the units that respond, with each subject', async () => {
    const { rows, cols, data } = featuresOf(wanted);
    const units = await responsiveColumns(denseFeatures(rows, cols, data), 3.1);
    const found = await dissimilarities(units);
    expectClose(
      found.data.map((distance) => 1 - distance),
      numbers(wanted.model_rsm),
      tolerances.kinds.float64,
    );
    const raw = rdmSimilarity(aboveDiagonal(found), subjects, comparison);
    const each = Float64Array.from(wanted.raw_subjects);
    expectClose(raw.bySubject, each, tolerances.kinds.float64);
    const bounds = Float64Array.from(wanted.ceiling_subjects);
    expectClose(leaveOneOut(subjects, comparison).bySubject, bounds, tolerances.kinds.float64);
  });

  test('the whole road: (raw / ceiling)², bounded, with raw as it is', async () => {
    const found = await score();
    expect(found).toMatchObject({
      benchmark: 'tong.Coggan2024_fMRI.V1-rdm',
      formula: 'clip((raw/ceiling)²)',
      errorKind: 'none',
    });
    const close = (own: number | null | undefined, want: number) =>
      expect(Math.abs(Number(own) - want)).toBeLessThanOrEqual(tolerances.kinds.float64);
    close(found.value, wanted.score);
    close(found.raw.value, wanted.raw);
    close(found.ceiling?.value, wanted.ceiling);
    // The original bounds its stored raw too, which is no raw value any more.
    expect(wanted.raw_in_score_object).toBe(wanted.score === 1 ? 1 : wanted.raw);
    const free = await score([metric, 'ceiling: leave-one-out']);
    close(free.value, (wanted.raw / wanted.ceiling) ** 2);
    expect(free.formula).toBe('(raw/ceiling)²');
    // Clipped as the value is: not drawn around the clipped value.
    expect(found.ci).toEqual(free.ci?.map((end) => Math.min(1, Math.max(0, end))));
  });
});

test('float64 features are z-scored without rounding, and a column block at a time', async () => {
  const data = Float64Array.of(5, 1, 0.1, 2, 6, 1, -0.1, 3, 7, 1, 0.1, 4);
  const units = await responsiveColumns(denseFeatures(3, 4, data), 0.5);
  expect([units.cols, units.dtype]).toEqual([2, 'float64']);
  const z = Math.sqrt(1.5);
  expectClose(await units.columns(0, 2), [-z, -z, 0, 0, z, z], tolerances.float64);
  expectClose(await units.columns(1, 2), [-z, 0, z], tolerances.float64);
});

test('a column of many rows has mean 0 and deviation 1', async () => {
  const data = Float64Array.from({ length: 300 }, (_, row) => 10 + ((row * 37) % 101));
  const units = await responsiveColumns(denseFeatures(300, 1, data), 0);
  const z = await units.columns(0, 1);
  const mean = (values: Iterable<number>) => [...values].reduce((sum, x) => sum + x) / 300;
  expectClose([mean(z), mean([...z].map((x) => x * x))], [0, 1], tolerances.float64);
});

describe('a file is refused', () => {
  const parse = (...keys: string[]) =>
    parseBenchmark(
      [
        ...['identifier: x.{region}', 'version: 1', 'regions: [V1]', 'visual_degrees: 9'],
        ...['stimuli: { csv: s.csv }', ...keys],
      ].join('\n'),
      { file: 'x.yaml', folder },
    );
  test.each([
    [['rdms: r.csv', 'metric: { name: rdm }', 'ceiling: leave-one-out'], /with "metric.per"/],
    [['recordings: r.nc', 'metric: { name: rdm, responsive: 3 }'], /no option "responsive"/],
    [['rdms: r.csv', 'metric: { name: rdm }', 'clip: none'], /clip: expected only beside/],
  ])('%j', (keys, message) => {
    expect(() => parse(...keys)).toThrow(message);
  });

  test('where one subject is alone', async () => {
    const ids = ['a', 'b', 'c', 'd'];
    const own = Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
    const file = write(ids, [own], [metric, 'ceiling: leave-one-out']);
    writeFileSync(
      at('own.csv'),
      ['stimulus_id,u,v', ...ids.map((id, i) => `${id},${i},1`), ''].join('\n'),
    );
    const { failures } = await scoreFeatures(
      { features: at('own.csv'), benchmarks: [file] },
      { home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
    );
    expect(failures[0].error.message).toMatch(/at least two subjects/);
  });
});

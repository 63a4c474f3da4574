import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Benchmark, expandRegions } from '../../../src/scoring/benchmark/benchmark.js';
import { compareWithGolden, verifyBenchmark } from '../../../src/scoring/model/verify-benchmark.js';
import { readBenchmark } from '../../../src/scoring/registry/benchmark-file.js';
import { isVerified, recordVerification } from '../../../src/scoring/registry/verification.js';
import { ORACLE } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
const context = { home: join(folder, 'home'), threads: 2, maxMemory: 2 ** 31, maxScratch: 2 ** 31 };
const oracleFolder = join(ORACLE, '09-end-to-end');

function benchmark(file: string, region?: string): Benchmark {
  const found = expandRegions(readBenchmark(file)).find((one) => one.region === region);
  if (!found) throw new Error(`${file} has no ${region}`);
  return found;
}

/** The oracle's recordings, with as many components as their few neuroids allow. */
function neural(): string {
  const here = (name: string) => join(oracleFolder, 'neural-csv', name);
  const file = join(folder, 'neural.yaml');
  writeFileSync(
    file,
    `identifier: check.{region}-pls
version: 1
regions: [V4, IT]
visual_degrees: 8
stimuli: { csv: ${here('stimuli.csv')} }
recordings: ${here('recordings.csv')}
neuroids: ${here('neuroids.csv')}
metric: { name: pls, components: 4 }
cross_validation: { stratify_on: object_name }
`,
  );
  return file;
}

/**
 * Ceilings by the original Python (oracle 09, expected/resnet.json); self-regression by scikit-learn
 * 1.4.2: PLSRegression(4, scale=False) of the averaged recordings on themselves, StratifiedShuffleSplit
 * (10, train_size .9, seed 1), median over neuroids of numpy's corrcoef, mean over splits.
 */
const published = {
  V4: { ceiling: 0.8129835854156688, selfRegression: 0.9023461544945965, neuroids: 7 },
  IT: { ceiling: 0.8212795320233133, selfRegression: 0.818186661681324, neuroids: 9 },
};

describe('self-checks', () => {
  test.each(['V4', 'IT'] as const)('of recordings, %s', async (region) => {
    const { ceiling, selfRegression, neuroids } = published[region];
    const at = (value: number, tolerance: number) => ({ value, tolerance, source: 'oracle' });
    const findings = await compareWithGolden(
      benchmark(neural(), region),
      {
        shape: { stimuli: 88, neuroids },
        ceiling: at(ceiling, tolerances.endToEnd.ceiling),
        selfRegression: at(selfRegression, tolerances.float64),
      },
      context,
    );
    expect(findings.map(({ check }) => check)).toEqual([
      'stimuli',
      'neuroids',
      'ceiling',
      'self-regression, raw',
    ]);
    for (const { check, measured, published: wanted, tolerance } of findings) {
      expect(Math.abs(measured - wanted), check).toBeLessThanOrEqual(tolerance);
    }
  });

  test('of match-to-sample trials: the ceiling', async () => {
    const value = 0.490103070547518; // oracle 09, expected/resnet.json
    const tolerance = tolerances.endToEnd.ceiling;
    const [finding, ...more] = await compareWithGolden(
      benchmark(join(oracleFolder, 'behaviour', 'benchmark.yaml')),
      { ceiling: { value, tolerance, source: 'oracle' } },
      context,
    );
    expect(more).toEqual([]);
    expect(Math.abs((finding?.measured ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance);
  });

  test('of named pictures: the ceiling', async () => {
    const choices = {
      A: 'dog cat chair cat dog dog dog dog chair',
      B: 'cat cat chair cat dog cat chair cat cat',
      C: 'dog cat chair dog cat chair dog cat chair',
    };
    const truth = ['dog', 'cat', 'chair'];
    const trials = Object.entries(choices).flatMap(([subject, words]) =>
      words
        .split(' ')
        .map((word, i) => `s${i},${subject},${truth[i % 3]},${word},${Math.floor(i / 3)}`),
    );
    const ids = Array.from({ length: 9 }, (_, i) => `s${i},s${i}.png`);
    const write = (name: string, lines: string[]) =>
      writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
    write('named.csv', ['stimulus_id,filename', ...ids]);
    write('trials.csv', ['stimulus_id,subject,truth,choice,condition', ...trials]);
    write('named.yaml', [
      'identifier: named-error_consistency',
      'version: 1',
      'visual_degrees: 3',
      'stimuli: { csv: named.csv }',
      'trials: trials.csv',
      'metric: { name: error-consistency }',
    ]);
    // κ of A and B: 0, undefined, −.8; of A and C: undefined, 0, 0; of B and C: 0, 0, 0. |mean| = .4/3.
    const [finding] = await compareWithGolden(
      benchmark(join(folder, 'named.yaml')),
      { ceiling: { value: 0.4 / 3, tolerance: tolerances.float64, source: 'by hand' } },
      context,
    );
    expect(Math.abs((finding?.measured ?? Number.NaN) - 0.4 / 3)).toBeLessThanOrEqual(
      tolerances.float64,
    );
  });
});

describe('verifying a shipped benchmark', () => {
  test('needs its data', async () => {
    await expect(verifyBenchmark('FreemanZiemba2013public.V1-pls', context)).rejects.toMatchObject({
      code: 'data-missing',
      message: expect.stringContaining('data pull'),
    });
    await expect(verifyBenchmark('MajajHong2015.IT-pls', context)).rejects.toThrow(/private/);
  });

  test.each(['Geirhos2021edge-top1', 'Rajalingham2018public-i2n'])(
    'is refused where nothing is published: %s',
    async (id) => {
      await expect(verifyBenchmark(id, context)).rejects.toMatchObject({ code: 'not-found' });
    },
  );

  test('counts only where every finding holds', async () => {
    const one = benchmark(neural(), 'V4');
    const finding = { check: 'ceiling', measured: 0.5, published: 0.5, tolerance: 0 };
    await recordVerification(one, context.home, [finding, { ...finding, measured: 0.6 }]);
    expect(await isVerified(one, context.home)).toBe(false);
  });
});

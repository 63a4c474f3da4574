import { wholeLayer } from '../../activations/reduced-layer.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { DataSources } from '../benchmark/data-sources.js';
import { kindOf } from '../measure/benchmark-kinds.js';
import { type Golden, goldenOf, type Published } from '../registry/golden.js';
import { findBenchmark } from '../registry/registry.js';
import { type BenchmarkFinding, holds, recordVerification } from '../registry/verification.js';
import { type ScoreContext, scoreModel } from './score-model.js';

/** Results of the published self-checks of one benchmark. */
export interface VerificationReport {
  readonly benchmark: string;
  /** True if every finding is within its tolerance: its scores are `verified` from now on. */
  readonly verified: boolean;
  readonly findings: readonly BenchmarkFinding[];
}

/**
 * Runs the published self-checks of a benchmark on the data that are here (spec §1.9, §3.5, §4.6,
 * Appendix C) and remembers under `home` whether they were reproduced.
 * @param name identifier, or a template for all of its regions
 * Throws `benchmark-unknown`, `not-found` where nothing is published, `data-missing`.
 */
export async function verifyBenchmark(
  name: string,
  context: ScoreContext,
): Promise<VerificationReport[]> {
  const reports: VerificationReport[] = [];
  for (const benchmark of findBenchmark(name)) {
    const golden = goldenOf(benchmark) ?? {};
    if (!golden.ceiling && !golden.selfRegression && !pixelsOf(golden)) {
      throw new VentralError(
        'not-found',
        `No published value of ${benchmark.id} can be reproduced from its data alone`,
        { file: benchmark.file, field: 'golden.json', found: 'no ceiling, no self-regression' },
      );
    }
    const findings = await compareWithGolden(benchmark, golden, context);
    await recordVerification(benchmark, context.home, findings);
    reports.push({ benchmark: benchmark.id, verified: findings.every(holds), findings });
  }
  return reports;
}

/** The self-checks that `golden` holds, run on the benchmark's data. */
export async function compareWithGolden(
  benchmark: Benchmark,
  golden: Golden,
  context: ScoreContext,
): Promise<BenchmarkFinding[]> {
  const findings = await checkData(benchmark, golden, context);
  const pixels = pixelsOf(golden);
  if (pixels) {
    const { scores, failures } = await scoreModel(
      { model: { path: 'pixels' }, benchmarks: [benchmark.id] },
      context,
    );
    if (failures[0]) throw failures[0].error;
    const measured = pixels.quantity === 'raw' ? scores[0].raw.value : scores[0].value;
    findings.push(finding(`pixels, ${pixels.quantity}`, measured, pixels));
  }
  return findings;
}

const pixelsOf = (golden: Golden) => golden.models?.find(({ model }) => model === 'pixels');

/**
 * Checks that need only the data: their size, the ceiling, and the recordings as their own model.
 */
async function checkData(
  benchmark: Benchmark,
  { ceiling, shape, selfRegression }: Golden,
  { home }: ScoreContext,
): Promise<BenchmarkFinding[]> {
  const sources = new DataSources(home);
  try {
    const prepared = await kindOf(benchmark).load(benchmark, sources);
    const own = prepared.ownFeatures?.();
    const findings: BenchmarkFinding[] = [];
    const add = (check: string, measured: number | null, published: Published) =>
      findings.push(finding(check, measured, published));
    if (shape && own) {
      add('stimuli', own.rows, { ...exact, value: shape.stimuli });
      add('neuroids', own.cols, { ...exact, value: shape.neuroids });
    }
    if (ceiling) add('ceiling', prepared.ceiling()?.value ?? null, ceiling);
    if (selfRegression && own) {
      // PLS has fewer components than there are neuroids, so that even this is not perfect.
      const { raw } = await prepared.measure(wholeLayer([own]));
      add('self-regression, raw', raw.value, selfRegression);
    }
    return findings;
  } finally {
    await sources.close();
  }
}

const exact = { tolerance: 0, source: '' };

function finding(check: string, measured: number | null, published: Published): BenchmarkFinding {
  return {
    check,
    measured: measured ?? Number.NaN,
    published: published.value,
    tolerance: published.tolerance,
  };
}

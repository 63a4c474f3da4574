import { wholeLayer } from '../activations/reduced-layer.js';
import { averageRepetitions } from '../data/average-repetitions.js';
import { VentralError } from '../errors/ventral-error.js';
import { metrics } from '../metrics/metric-table.js';
import { denseFeatures, selectRows } from '../numerics/features.js';
import { RandomState } from '../numerics/random-state.js';
import type { Benchmark } from './benchmark-file.js';
import { DataSources } from './data-sources.js';
import { type Golden, goldenOf, type Published } from './golden.js';
import { loadBenchmarks } from './load-benchmark.js';
import type { Measured } from './loaded-benchmark.js';
import { loadNeural } from './neural-benchmark.js';
import { findBenchmark } from './registry.js';
import { type ScoreContext, scoreModel } from './score-model.js';
import { type Finding, holds, recordVerification } from './verification.js';

/** What the published self-checks of one benchmark came to. */
export interface VerificationReport {
  readonly benchmark: string;
  /** True where every finding lies within its tolerance: its scores are `verified` from now on. */
  readonly verified: boolean;
  readonly findings: readonly Finding[];
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
        `Nothing is published about ${benchmark.id} that its data alone could reproduce`,
        { file: benchmark.file, field: 'golden.json', found: 'no ceiling, no self-regression' },
      );
    }
    const findings = await checkBenchmark(benchmark, golden, context);
    await recordVerification(benchmark, context.home, findings);
    reports.push({ benchmark: benchmark.id, verified: findings.every(holds), findings });
  }
  return reports;
}

/** The self-checks that `golden` holds, run on the benchmark's data. */
export async function checkBenchmark(
  benchmark: Benchmark,
  golden: Golden,
  context: ScoreContext,
): Promise<Finding[]> {
  const findings =
    metrics[benchmark.metric.name].kind === 'neural'
      ? await checkNeural(benchmark, golden, context)
      : await checkBehaviour(benchmark, golden, context);
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

/** The recordings as their own model: PLS over as many components as the metric has is not perfect. */
async function checkNeural(
  benchmark: Benchmark,
  golden: Golden,
  { home }: ScoreContext,
): Promise<Finding[]> {
  const sources = new DataSources(home);
  try {
    const stimuli = await sources.stimuli(benchmark.stimuli);
    const recordings = await sources.recordings(benchmark, stimuli);
    const { stimulusIds, values } = averageRepetitions(recordings);
    const rows = new Map(stimulusIds.map((id, row) => [String(id), row]));
    const itself = selectRows(
      denseFeatures(values.rows, values.cols, values.data),
      stimuli.ids.map((id) => rows.get(String(id)) ?? missing(benchmark, id)),
    );
    const measured = await loadNeural(benchmark, stimuli, recordings).measure(wholeLayer([itself]));
    const { shape, selfRegression } = golden;
    const exact = { tolerance: 0, source: '' };
    return [
      ...(shape
        ? [
            finding('stimuli', values.rows, { ...exact, value: shape.stimuli }),
            finding('neuroids', values.cols, { ...exact, value: shape.neuroids }),
          ]
        : []),
      ...ceilingFinding(measured, golden),
      ...(selfRegression
        ? [finding('self-regression, raw', measured.raw.value, selfRegression)]
        : []),
    ];
  } finally {
    await sources.close();
  }
}

function missing(benchmark: Benchmark, id: string | number): never {
  throw new VentralError(
    'stimuli-mismatch',
    `${benchmark.file}: stimulus ${id} has no recordings`,
    { file: benchmark.file, field: 'stimulus_id' },
  );
}

/** Only the ceiling can be known without a model, so any features do. */
async function checkBehaviour(
  benchmark: Benchmark,
  golden: Golden,
  { home }: ScoreContext,
): Promise<Finding[]> {
  if (!golden.ceiling) return [];
  const fail = (_id: string, error: unknown) => {
    throw error;
  };
  const { loaded, close } = await loadBenchmarks([benchmark.file], { home }, fail);
  try {
    const random = new RandomState(0);
    const columns = loaded[0].reads === 'logits' ? 1000 : 32;
    const noise = loaded[0].shown.map(({ stimuli: { ids } }) =>
      denseFeatures(ids.length, columns, random.randomSample(ids.length * columns)),
    );
    return ceilingFinding(await loaded[0].measure(wholeLayer(noise)), golden);
  } finally {
    await close();
  }
}

function ceilingFinding({ ceiling }: Measured, golden: Golden): Finding[] {
  return golden.ceiling ? [finding('ceiling', ceiling?.value ?? null, golden.ceiling)] : [];
}

function finding(check: string, measured: number | null, published: Published): Finding {
  return {
    check,
    measured: measured ?? Number.NaN,
    published: published.value,
    tolerance: published.tolerance,
  };
}

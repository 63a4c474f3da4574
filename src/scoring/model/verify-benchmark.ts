import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wholeLayer } from '../../activations/reduced-layer.js';
import { sha1Of } from '../../data/file-sha1.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { DataSources } from '../benchmark/data-sources.js';
import { kindOf } from '../kinds/benchmark-kinds.js';
import type { Measured, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { type Golden, goldenOf, type Published, type PublishedModel } from '../registry/golden.js';
import { findBenchmark } from '../registry/registry.js';
import {
  type BenchmarkFinding,
  isReproduced,
  recordVerification,
} from '../registry/verification.js';
import { greyFraction } from './grey-fraction.js';
import {
  readPublishedChoices,
  readPublishedFeatures,
  readPublishedProbabilities,
} from './published-outputs.js';
import { type ScoreContext, scoreModel } from './score-model.js';

/** Results of the published self-checks of one benchmark. */
export interface VerificationReport {
  readonly benchmark: string;
  /** True if every required finding is within its tolerance: its scores are `verified` from now on. */
  readonly verified: boolean;
  readonly findings: readonly BenchmarkFinding[];
  /** Published numbers that were not compared, and why. */
  readonly notRun: readonly SkippedCheck[];
}

/** A published number that was not compared. */
export interface SkippedCheck {
  readonly check: string;
  readonly why: string;
}

/** Where the checks run, and where the published files of models' outputs are. */
export interface VerifyBenchmarkContext extends ScoreContext {
  readonly files?: string;
}

/**
 * Runs the published self-checks of a benchmark on the data that are here (spec §1.9, §3.5, §4.6,
 * Appendix C) and remembers under `home` whether they were reproduced.
 * @param name identifier, or a template for all of its regions
 * Throws `benchmark-unknown`, `not-found` where nothing can be compared, `data-missing`.
 */
export async function verifyBenchmark(
  name: string,
  context: VerifyBenchmarkContext,
): Promise<VerificationReport[]> {
  const reports: VerificationReport[] = [];
  for (const benchmark of findBenchmark(name)) {
    const golden = goldenOf(benchmark) ?? {};
    requireChecks(benchmark, golden, context);
    const { findings, notRun } = await compareWithGolden(benchmark, golden, context);
    await recordVerification(benchmark, context.home, findings);
    reports.push({ benchmark: benchmark.id, verified: isReproduced(findings), findings, notRun });
  }
  return reports;
}

/** @throws VentralError `not-found` that says what is missing where no check can run */
function requireChecks(
  benchmark: Benchmark,
  { ceiling, selfRegression, grey, models = [], none = 'nothing is published' }: Golden,
  context: VerifyBenchmarkContext,
): void {
  const runnable = models.some((model) => isPixels(model) || skipped(model, context) === undefined);
  if (ceiling || selfRegression || grey?.length || runnable) return;
  const why = benchmark.simulated
    ? 'its data are simulated: nothing is published'
    : (models.map((model) => skipped(model, context)).find(Boolean) ?? none);
  throw new VentralError(
    'not-found',
    `No published value of ${benchmark.id} can be compared here: ${why}`,
    { file: benchmark.file, field: 'golden.json', found: why },
  );
}

const isPixels = ({ model }: PublishedModel) => model === 'pixels';

/** Why a model's score is not compared; undefined where its file is here. */
function skipped(
  { file, model }: PublishedModel,
  { files }: VerifyBenchmarkContext,
): string | undefined {
  if (file === undefined) return `${model}: what it gave is in no file that verify reads`;
  if (files === undefined) return `${file.name} is needed: --files FOLDER says where it is`;
  return existsSync(join(files, file.name)) ? undefined : `${file.name} is not in ${files}`;
}

/** The self-checks that `golden` holds, run on the benchmark's data. */
export async function compareWithGolden(
  benchmark: Benchmark,
  golden: Golden,
  context: VerifyBenchmarkContext,
): Promise<{ findings: BenchmarkFinding[]; notRun: SkippedCheck[] }> {
  const found = await withData(benchmark, golden, context);
  const pixels = golden.models?.filter(isPixels) ?? [];
  if (pixels.length === 0) return found;
  const { scores, failures } = await scoreModel(
    { model: { path: 'pixels' }, benchmarks: [benchmark.id] },
    context,
  );
  if (failures[0]) throw failures[0].error;
  const findings = pixels.flatMap((published) => ofModel(published, scores[0]));
  return { ...found, findings: [...found.findings, ...findings] };
}

/** Checks of the data and of published files: everything that needs no network. */
async function withData(
  benchmark: Benchmark,
  golden: Golden,
  context: VerifyBenchmarkContext,
): Promise<{ findings: BenchmarkFinding[]; notRun: SkippedCheck[] }> {
  const sources = new DataSources(context.home, undefined, context);
  try {
    const prepared = await kindOf(benchmark).load(benchmark, sources);
    const findings = await dataFindings(prepared, golden);
    const notRun: SkippedCheck[] = [];
    for (const grey of golden.grey ?? []) {
      const { stimuli } = prepared.shown[prepared.shown.length - 1];
      const check = `grey at ${grey.degrees}°`;
      if (stimuli.hasImages)
        findings.push(finding(check, await greyFraction(benchmark, stimuli, grey), grey));
      else notRun.push({ check, why: 'the images are not here' });
    }
    for (const model of golden.models?.filter((each) => !isPixels(each)) ?? []) {
      const why = skipped(model, context);
      if (why === undefined) findings.push(...(await ofFile(prepared, model, context)));
      else notRun.push({ check: `${model.model}, ${model.quantity}`, why });
    }
    return { findings, notRun };
  } finally {
    await sources.close();
  }
}

/** Checks that need only the data: their size, the ceiling, and the recordings as their own model. */
async function dataFindings(
  prepared: PreparedBenchmark,
  { ceiling, shape, selfRegression }: Golden,
): Promise<BenchmarkFinding[]> {
  const own = prepared.ownFeatures?.();
  const findings: BenchmarkFinding[] = [];
  if (shape && own) {
    findings.push(finding('stimuli', own.rows, { ...exact, value: shape.stimuli }));
    findings.push(finding('neuroids', own.cols, { ...exact, value: shape.neuroids }));
  }
  if (ceiling) {
    const measured = prepared.ceiling();
    findings.push(finding('ceiling', measured?.value ?? null, ceiling));
    findings.push(...errorOf('ceiling', measured?.error ?? null, ceiling));
  }
  if (selfRegression && own) {
    // PLS has fewer components than there are neuroids, so that even this is not perfect.
    const { raw } = await prepared.measure(wholeLayer([own]));
    findings.push(finding('self-regression, raw', raw.value, selfRegression));
  }
  return findings;
}

const exact = { tolerance: 0, source: '' };

/** The score of what a model gave, from its file. */
async function ofFile(
  prepared: PreparedBenchmark,
  published: PublishedModel,
  { files = '' }: VerifyBenchmarkContext,
): Promise<BenchmarkFinding[]> {
  const { file } = published;
  if (file === undefined) return [];
  const path = join(files, file.name);
  if (file.sha1 !== undefined) await requireSha1(path, file.sha1);
  const { stimuli } = prepared.shown[prepared.shown.length - 1];
  if (file.holds === 'features') {
    const features = await readPublishedFeatures(path, stimuli);
    return ofModel(published, await prepared.measure(wholeLayer([features])));
  }
  const read = file.holds === 'choices' ? readPublishedChoices : readPublishedProbabilities;
  const measured = await prepared.measureOutputs?.(await read(path, stimuli));
  return measured === undefined ? [] : ofModel(published, measured);
}

async function requireSha1(path: string, expected: string): Promise<void> {
  const found = await sha1Of(path);
  if (found === expected) return;
  throw new VentralError(
    'checksum-mismatch',
    `${path}: expected SHA-1 ${expected}, found ${found}`,
    {
      file: path,
      field: 'sha1',
      expected,
      found,
    },
  );
}

function ofModel(
  published: PublishedModel,
  { raw, value, error }: Pick<Measured, 'raw' | 'value' | 'error'>,
): BenchmarkFinding[] {
  const check = `${published.model}, ${published.quantity}`;
  const [measured, spread] = published.quantity === 'raw' ? [raw.value, raw.error] : [value, error];
  return [finding(check, measured, published), ...errorOf(check, spread ?? null, published)];
}

/** The error that is published beside a number. */
function errorOf(check: string, measured: number | null, published: Published): BenchmarkFinding[] {
  const { error, advisory } = published;
  const source = published.source;
  return error
    ? [finding(`${check}, error`, measured, { ...error, source, ...present({ advisory }) })]
    : [];
}

function finding(check: string, measured: number | null, published: Published): BenchmarkFinding {
  const { value, tolerance, advisory } = published;
  return {
    check,
    measured: measured ?? Number.NaN,
    published: value,
    tolerance,
    ...present({ advisory }),
  };
}

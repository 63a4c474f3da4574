import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { decodeDraws } from '../../scoring/draws/encode-draws.js';
import type { FeatureFormat } from '../../scoring/features/feature-file.js';
import type { Job, JobEnd, JobFailure, TrainingJob } from '../../store/jobs/job.js';
import { isFeatures } from '../../store/records/model-store.js';
import { problemOf } from '../http/problem.js';
import type { AnsweredFailure, JobAnswer, JobTask, JobUsage, TaskCore } from '../work/job-task.js';

/** Each name or file passed to the scoring process, with its benchmarks. */
export type References = ReadonlyMap<string, readonly string[]>;

/** A job that the scoring process does. */
export type ScoringJob = Exclude<Job, TrainingJob>;

/** The benchmarks that a job still needs: a map is made whole or not at all, and a training needs all of its. */
export const missingOf = (job: Job): readonly string[] =>
  job.kind === 'score'
    ? job.benchmarks.filter((id) => !job.results.some(({ benchmark }) => benchmark === id))
    : job.benchmarks;

/** A job as the scoring process gets it. */
export function taskOf(job: ScoringJob, core: TaskCore): JobTask {
  if (job.kind === 'score') {
    const { kind, layers, detail, floors } = job;
    const features = formatOf(job);
    return {
      ...{ ...core, kind },
      ...present({ layers, floors, features }),
      ...(detail ? { detail } : {}),
    };
  }
  const { kind, holdout, layers, pool, pca, nested, floors } = job;
  return { ...core, kind, holdout, ...present({ layers, pool, pca, nested, floors }) };
}

/** Of features in place of a model. */
const formatOf = ({ registration, card }: ScoringJob): FeatureFormat | undefined =>
  registration !== null && isFeatures(registration)
    ? (card as { readonly features: FeatureFormat }).features
    : undefined;

/** The effect of an answer on a job: each pending benchmark gets a result or a failure. */
export function endOf(job: ScoringJob, answer: JobAnswer, references: References): JobEnd {
  const missing = missingOf(job);
  if (answer.kind === 'layer-map') {
    const without = missing.filter((id) => !Object.hasOwn(answer.map.chosen, id));
    const failures = failuresOf(without, answer.failures, references);
    return { kind: answer.kind, map: answer.map, failures, usage: answer.usage };
  }
  const scores = answer.scores.filter(({ benchmark }) => missing.includes(benchmark));
  const without = missing.filter((id) => !scores.some(({ benchmark }) => benchmark === id));
  const failures = failuresOf(without, answer.failures, references);
  const draws = new Map(
    Object.entries(answer.draws ?? {}).flatMap(([benchmark, text]) => {
      const bytes = drawsOf(text);
      return bytes ? [[benchmark, bytes] as const] : [];
    }),
  );
  return { kind: answer.kind, scores, draws, failures, usage: answer.usage };
}

/** The draws of a score as a process told them; undefined where they are none. */
export function drawsOf(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  return decodeDraws(bytes) && bytes;
}

/** How the scores of one process end. */
export type ScoresEnd = Extract<JobEnd, { kind: 'score' }>;

/** The sources of a job by the process that reads them: see `JobRun`. */
export function processesOf({ sources }: Pick<Job, 'sources'>): (readonly string[])[] {
  const uploaded = sources.filter((source) => source.startsWith('bmk_'));
  const shipped = sources.filter((source) => !uploaded.includes(source));
  return [shipped, ...uploaded.map((source) => [source])].filter((each) => each.length > 0);
}

/** The end of a job that several processes did. */
export function joinedEnds(
  { benchmarks }: Pick<Job, 'benchmarks'>,
  ends: readonly ScoresEnd[],
): ScoresEnd {
  const used = ends.flatMap(({ usage }) => (usage ? [usage as JobUsage] : []));
  const sum = (of: (usage: JobUsage) => number) =>
    used.reduce((total, each) => total + of(each), 0);
  const usage = {
    peakRssMiB: Math.max(...used.map(({ peakRssMiB }) => peakRssMiB)),
    cacheHits: sum(({ cacheHits }) => cacheHits),
    cacheMisses: sum(({ cacheMisses }) => cacheMisses),
  };
  const scores = ends.flatMap((end) => end.scores);
  const failures = new Map<unknown, JobFailure>();
  // If a process failed before its benchmarks were known, the other processes still report theirs.
  for (const failure of ends
    .toSorted((a, b) => a.failures.length - b.failures.length)
    .flatMap((end) => end.failures))
    if (
      !failures.has(failure.benchmark) &&
      !scores.some(({ benchmark }) => benchmark === failure.benchmark)
    )
      failures.set(failure.benchmark, failure);
  return {
    kind: 'score',
    scores,
    draws: new Map(ends.flatMap(({ draws }) => [...(draws ?? [])])),
    failures: benchmarks.flatMap((id) => failures.get(id) ?? []),
    ...(used.length > 0 ? { usage } : {}),
  };
}

/** The end of a job whose process gave no answer: every benchmark that it still needed fails alike. */
export function failedEnd(job: Job, error: VentralError): JobEnd {
  if (job.kind === 'training')
    return { kind: job.kind, network: null, failures: [{ problem: problemOf(error) }] };
  const failures = missingOf(job).map((benchmark) => failure(benchmark, error));
  return job.kind === 'score'
    ? { kind: job.kind, scores: [], failures }
    : { kind: job.kind, map: null, failures };
}

function failuresOf(
  without: readonly string[],
  answered: readonly AnsweredFailure[],
  references: References,
): JobFailure[] {
  return without.map((id) => {
    // A file that cannot be read at all fails under its own name.
    const told = answered.find(
      ({ benchmark }) => benchmark === id || references.get(benchmark)?.includes(id),
    );
    const { code, message, details } = told?.error ?? {
      code: 'internal',
      message: 'The job has no result',
      details: {},
    };
    return failure(id, new VentralError(code, message, details));
  });
}

const failure = (benchmark: string, error: VentralError): JobFailure => ({
  benchmark,
  problem: problemOf(error),
});

import type { Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { ScorePart } from '../../scoring/measure/score.js';
import type { Brought, ScoreJob, ScoreJobRequest } from '../../store/jobs/job.js';
import { isFeatures } from '../../store/records/model-store.js';
import type { Principal } from '../../store/records/principal.js';
import { askedFloors, shownFloors } from '../registry/asked-floors.js';
import type { AskedBenchmark } from '../registry/benchmark-service.js';
import type { ServiceContext } from '../registry/context.js';
import { askedProvider } from '../worker/offered-providers.js';
import { featureKeyOf, keyOf } from './job-key.js';
import { jobRoutes, showCommon, workersOf } from './job-routes.js';

type ScoreRequest = components['schemas']['ScoreRequest'];

const path = '/scores';

/** `/scores`: jobs that score a model. */
export function scoreRoutes(context: ServiceContext): Router {
  return jobRoutes(context, {
    kind: 'score',
    path,
    noun: 'score',
    request: scoreRequest,
    show: showScore,
    list: (job) => showScore(withoutDetail(job)),
    async cancelling({ store }, { id, brought }, by) {
      if (brought) await store.brought.withdraw(by, id);
      return async () => {};
    },
  });
}

/**
 * What a body asks for, with every name looked up.
 * @throws what is wrong with it, by JSON pointer
 */
export async function scoreRequest(
  context: ServiceContext,
  principal: Principal,
  asked: ScoreRequest,
): Promise<ScoreJobRequest> {
  const { models, benchmarks: registered } = context;
  const { layers, input, detail } = asked;
  const floors = askedFloors(asked);
  const provider = await askedProvider(workersOf(context), asked.provider);
  const benchmarks = await registered.asked(
    principal,
    asked.benchmarks,
    (position) => `/benchmarks/${position}`,
  );
  if (isFeatures(asked.model)) return featureScoreRequest(context, principal, asked, benchmarks);
  const model = await models.scorable(principal, asked.model);
  const layerOf = (region: string | null) =>
    (layers as Readonly<Record<string, string>> | undefined)?.[region ?? 'behavior'];
  return {
    kind: 'score',
    owner: principal.owner,
    model: asked.model,
    registration: model.registration,
    digest: model.digest,
    modelName: model.name,
    card: model.card,
    benchmarks: benchmarks.map(({ id }) => id),
    sources: asked.benchmarks,
    keys: benchmarks.map(({ id, definition, region }) =>
      keyOf(model, {
        ...{ benchmark: id, definition, layer: layerOf(region), input },
        ...(detail ? { detail } : {}),
        ...(floors ? { floors: { ...floors } } : {}),
        ...present({ provider }),
      }),
    ),
    ...present({ layers, input, floors, provider }),
    ...(detail ? { detail } : {}),
  };
}

/** The same on features in place of a model. */
async function featureScoreRequest(
  { features }: ServiceContext,
  principal: Principal,
  { model: id, benchmarks: sources, layers, input, detail, provider = 'cpu' }: ScoreRequest,
  benchmarks: readonly AskedBenchmark[],
): Promise<ScoreJobRequest> {
  const idle = input ? 'input' : provider === 'cpu' ? undefined : 'provider';
  if (idle !== undefined) {
    const sentence = `${idle} applies to a model; features have none`;
    throw new VentralError('invalid-request', sentence, { field: `/${idle}` });
  }
  const regions = benchmarks.map(({ region }) => region);
  const of = layers as Readonly<Record<string, string>> | undefined;
  const found = await features.scorable(principal, id, regions, of);
  const { digest, name, summary } = found;
  return {
    kind: 'score',
    owner: principal.owner,
    model: id,
    registration: found.id,
    digest,
    modelName: name,
    card: { features: summary.format },
    benchmarks: benchmarks.map((benchmark) => benchmark.id),
    sources,
    keys: benchmarks.map(({ id: benchmark, definition, region }) =>
      featureKeyOf(digest, {
        ...{ benchmark, definition, layer: of?.[region ?? 'behavior'] },
        ...(detail ? { detail } : {}),
      }),
    ),
    ...present({ layers }),
    ...(detail ? { detail } : {}),
  };
}

/** A job as shown in lists, without neuroid details. */
function withoutDetail(job: ScoreJob): ScoreJob {
  if (!job.detail) return job;
  const lean = ({ value, error, splits }: ScorePart): ScorePart => ({ value, error, splits });
  return {
    ...job,
    results: job.results.map(({ splits: _splits, raw, ceiling, ...score }) => ({
      ...score,
      raw: lean(raw),
      ceiling: ceiling && lean(ceiling),
    })),
  };
}

/** A score job as HTTP shows it. */
export function showScore(job: ScoreJob): components['schemas']['Job'] {
  return {
    ...showCommon(job, path),
    ...(isFeatures(job.model) ? { features: true } : {}),
    ...(job.layers ? { layers: { ...job.layers } } : {}),
    ...(job.detail ? { detail: job.detail } : {}),
    ...shownFloors(job.floors),
    ...present({ provider: job.provider }),
    ...(job.brought ? { brought: showBrought(job.brought) } : {}),
    results: job.results as unknown as components['schemas']['Job']['results'],
  };
}

/** The digest only finds a receipt again. */
function showBrought({ digest: _digest, unchecked, ...brought }: Brought) {
  return { ...brought, unchecked: [...unchecked] } as components['schemas']['Brought'];
}

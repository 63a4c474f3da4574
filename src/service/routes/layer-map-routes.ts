import type { Router } from 'express';
import type { components } from '../../api/schema.js';
import { present } from '../../formats/present.js';
import { benchmarkNames } from '../../scoring/registry/region-benchmarks.js';
import type { LayerMapJob, LayerMapJobRequest } from '../../store/jobs/job.js';
import type { Principal } from '../../store/records/principal.js';
import { RequestProblem } from '../http/problem.js';
import { askedFloors, shownFloors } from '../registry/asked-floors.js';
import type { AskedBenchmark } from '../registry/benchmark-service.js';
import type { ServiceContext } from '../registry/context.js';
import { askedProvider } from '../worker/offered-providers.js';
import { keyOf } from './job-key.js';
import { jobRoutes, showCommon, workersOf } from './job-routes.js';

type LayerMapRequest = components['schemas']['LayerMapRequest'];

const path = '/layer-maps';

/** `/layer-maps`: jobs that score every layer of a model. */
export function layerMapRoutes(context: ServiceContext): Router {
  return jobRoutes(context, { kind: 'layer-map', path, noun: 'layer map', request, show });
}

async function request(
  context: ServiceContext,
  principal: Principal,
  asked: LayerMapRequest,
): Promise<LayerMapJobRequest> {
  const { layers, input, holdout = false, pool, pca, nested } = asked;
  if (pca !== undefined && holdout) throw exclusive('pca', 'holdout');
  if (nested && holdout) throw exclusive('nested', 'holdout');
  if (nested && pca !== undefined) throw exclusive('nested', 'pca');
  const floors = askedFloors(asked);
  const provider = await askedProvider(workersOf(context), asked.provider);
  if (floors && pca !== undefined) throw exclusive('null', 'pca');
  const { benchmarks, sources } = await columns(context, principal, asked);
  const model = await context.models.scorable(principal, asked.model);
  const key = keyOf(model, {
    map: benchmarks.map(({ id, definition }) => ({ id, definition })),
    layers,
    input,
    holdout,
    ...present({ pool, pca, provider }),
    ...(nested ? { nested } : {}),
    ...(floors ? { floors: { ...floors } } : {}),
  });
  return {
    kind: 'layer-map',
    owner: principal.owner,
    model: asked.model,
    registration: model.registration,
    digest: model.digest,
    modelName: model.name,
    card: model.card,
    benchmarks: benchmarks.map(({ id }) => id),
    sources,
    keys: [key],
    ...present({ layers, input, pool, pca, floors, provider }),
    ...(nested ? { nested } : {}),
    holdout,
  };
}

function exclusive(field: string, other: string): RequestProblem {
  const detail = `${field} and ${other} exclude each other`;
  const parts = [{ pointer: `/${field}`, detail }];
  return new RequestProblem('invalid-request', detail, { parts });
}

/** The benchmarks of the regions that were asked for, then those that were asked for themselves. */
async function columns(
  { benchmarks: registered, home }: ServiceContext,
  principal: Principal,
  { regions = [], benchmarks = [] }: LayerMapRequest,
): Promise<{ benchmarks: AskedBenchmark[]; sources: string[] }> {
  if (regions.length + benchmarks.length === 0) {
    const detail = 'Name regions, benchmarks or both';
    throw new RequestProblem('invalid-request', detail, {
      parts: [{ pointer: '/regions', detail }],
    });
  }
  const sources = await benchmarkNames({ regions, benchmarks }, home);
  const pointer = (position: number) =>
    position < regions.length ? `/regions/${position}` : `/benchmarks/${position - regions.length}`;
  return { benchmarks: await registered.asked(principal, sources, pointer), sources };
}

function show(
  job: LayerMapJob,
): components['schemas']['LayerMapListing'] | components['schemas']['LayerMapJob'] {
  return {
    ...showCommon(job, path),
    ...(job.layers ? { layers: [...job.layers] } : {}),
    holdout: job.holdout,
    ...(job.pool ? { pool: [...job.pool] } : {}),
    ...present({ pca: job.pca, nested: job.nested, provider: job.provider }),
    ...shownFloors(job.floors),
    ...present({ result: job.result as unknown as components['schemas']['LayerMap'] | null }),
  };
}

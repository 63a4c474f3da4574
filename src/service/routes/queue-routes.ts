import { Router } from 'express';
import type { Weights } from '../../activations/card/card.js';
import type { components } from '../../api/schema.js';
import { type OpenJob, type OpenJobs, openJobs } from '../../store/jobs/open-jobs.js';
import { mayChange, type Principal, SERVICE_OWNER } from '../../store/records/principal.js';
import { principalOf } from '../http/principal-of.js';
import { readPage } from '../http/read-page.js';
import type { ServiceContext } from '../registry/context.js';

type QueuedJob = components['schemas']['QueuedJob'];

/**
 * `/queue`: what runs and what waits, in the order in which it starts. `/first-scoring`: how far the service has come with
 * its own jobs.
 */
export function queueRoutes({ store, firstScoring }: ServiceContext): Router {
  const router = Router();
  router.get('/first-scoring', async (_request, response) => {
    response.json(await firstScoring.read());
  });
  router.get('/queue', async (request, response) => {
    const principal = principalOf(response);
    const { limit, cursor = '0' } = readPage(request.query);
    const offset = Number(cursor);
    const found = await openJobs(store.database, principal, { offset, limit });
    const { running, queued, items } = found;
    const end = offset + items.length;
    response.json({
      ...{ running, queued },
      items: items.map((job) => show(job, found, principal)),
      next: items.length > 0 && end < running + queued ? String(end) : null,
    } satisfies components['schemas']['Queue']);
  });
  return router;
}

function show(job: OpenJob, { startsIn }: OpenJobs, principal: Principal): QueuedJob {
  const { owner, weights, position, createdAt, startedAt, benchmarks, ...rest } = job;
  return {
    ...rest,
    weights: weights as Weights | null,
    benchmarks: [...benchmarks],
    createdAt: createdAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    position,
    startsInSeconds: position === null ? null : startsIn(position),
    ofService: owner === SERVICE_OWNER,
    mayCancel: mayChange(principal, { owner }),
  };
}

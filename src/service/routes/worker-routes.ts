import { Router } from 'express';
import type { components } from '../../api/schema.js';
import type { WorkerRecord } from '../../store/jobs/worker-store.js';
import { principalOf, requireAdmin } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';

/** `/workers`, only for admins. */
export function workerRoutes({ worker }: ServiceContext): Router {
  const router = Router();
  router.get('/workers', async (_request, response) => {
    requireAdmin(principalOf(response));
    const workers = await worker.registry.list();
    response.json({ items: workers.map(show) } satisfies components['schemas']['WorkerList']);
  });
  return router;
}

const show = (worker: WorkerRecord): components['schemas']['Worker'] => ({
  ...worker,
  runtime: worker.runtime as Record<string, unknown>,
  startedAt: worker.startedAt.toISOString(),
  heartbeatAt: worker.heartbeatAt.toISOString(),
  providers: worker.providers.map((each) => ({ ...each })),
  jobs: [...worker.jobs],
});

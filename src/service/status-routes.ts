import { access, constants } from 'node:fs/promises';
import { Router } from 'express';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import { packageVersion } from '../formats/package-root.js';
import type { ServiceContext } from './context.js';
import { principalOf } from './principal-of.js';

type Readiness = components['schemas']['Readiness'];
type Check = Readiness['checks'][string];

const PATIENCE_MS = 1000;

/**
 * `/health`: the process answers. `/ready`: it can take work; no check waits for a score. `/metrics`: what
 * Prometheus reads. `/session`: who asks.
 */
export function statusRoutes({ store, worker, metrics }: ServiceContext): Router {
  const router = Router();
  router.get('/metrics', async (_request, response) => {
    if (principalOf(response).role !== 'admin')
      throw new VentralError('forbidden', 'Metrics are for admins');
    response.type(metrics.contentType).send(await metrics.text());
  });
  router.get('/session', async (_request, response) => {
    const principal = principalOf(response);
    const { key, owner, groups, role } = principal;
    const name = key === null ? null : (await store.keys.get(key)).name;
    const storage = await store.reservations.usage(principal);
    const session = {
      key,
      name,
      owner,
      groups: [...groups],
      role,
      version: packageVersion,
      storage,
    };
    response.json(session satisfies components['schemas']['Session']);
  });
  router.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/ready', async (_request, response) => {
    const [database, files] = await Promise.all([
      passes(store.database.query('select 1')),
      passes(access(store.temporary, constants.W_OK)),
    ]);
    const checks = { database, files, worker: worker.alive ? 'ok' : 'failing' } satisfies Record<
      string,
      Check
    >;
    const ready = Object.values(checks).every((check) => check === 'ok');
    const answer: Readiness = { status: ready ? 'ready' : 'unavailable', checks };
    response.status(ready ? 200 : 503).json(answer);
  });
  return router;
}

async function passes(check: Promise<unknown>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    timer = setTimeout(() => resolve('failing'), PATIENCE_MS);
  });
  const done = check.then(
    (): Check => 'ok',
    (): Check => 'failing',
  );
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

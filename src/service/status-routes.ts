import { access, constants } from 'node:fs/promises';
import { Router } from 'express';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import type { ServiceContext } from './context.js';
import { principalOf } from './principal-of.js';

type Readiness = components['schemas']['Readiness'];
type Check = Readiness['checks'][string];

const PATIENCE_MS = 1000;

/**
 * `/health`: the process answers. `/ready`: it can take work; no check waits for a score. `/metrics`: what
 * Prometheus reads.
 */
export function statusRoutes({ store, worker, metrics }: ServiceContext): Router {
  // Nobody needs a key to ask: however many do, the database is asked by one at a time.
  const databaseAnswers = oneAtATime(() => passes(store.database.query('select 1')));
  const router = Router();
  router.get('/metrics', async (_request, response) => {
    if (principalOf(response).role !== 'admin')
      throw new VentralError('forbidden', 'Metrics are for admins');
    response.type(metrics.contentType).send(await metrics.text());
  });
  router.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/ready', async (_request, response) => {
    const [database, files] = await Promise.all([
      databaseAnswers(),
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

/** Whoever asks meanwhile gets the same answer. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
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

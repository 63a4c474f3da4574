import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { freeBytes, RESERVE_BYTES } from '../../store/database/disk-room.js';
import { principalOf } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';

type Readiness = components['schemas']['Readiness'];

const PATIENCE_MS = 1000;
const PROBE_BYTES = 4096;

/**
 * `/health`: the process answers. `/ready`: it can take work; no check waits for a score. `/metrics`: what
 * Prometheus reads.
 */
export function statusRoutes({ store, worker, metrics }: ServiceContext): Router {
  // No key is needed here, so concurrent requests share one database query.
  const databaseAnswers = oneAtATime(() => store.database.query('select 1'));
  const filesAreWritten = oneAtATime(() => probe(store.temporary));
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
    const checks = await Promise.all([
      check('database', databaseAnswers()),
      check('files', filesAreWritten()),
      check('disk', requireRoom(store.temporary)),
      check('worker', requireAlive(worker)),
    ]);
    const failing = checks.flatMap(({ name, reason }) => (reason ? [[name, reason]] : []));
    const ready = failing.length === 0;
    const answer: Readiness = {
      status: ready ? 'ready' : 'unavailable',
      checks: Object.fromEntries(
        checks.map(({ name, reason }) => [name, reason ? 'failing' : 'ok']),
      ),
      ...(ready ? {} : { reasons: Object.fromEntries(failing) }),
    };
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

/** @returns why a check fails, if it does; never a path */
async function check(name: string, work: Promise<unknown>) {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${PATIENCE_MS} ms`), PATIENCE_MS);
  });
  const done = work.then(
    () => undefined,
    (error: unknown) => VentralError.from(error).title,
  );
  const reason = await Promise.race([done, late]).finally(() => clearTimeout(timer));
  return { name, reason };
}

/** Writes as an upload would, to the disk. */
async function probe(folder: string): Promise<void> {
  const path = join(folder, `probe-${randomUUID()}`);
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle
      .writeFile(new Uint8Array(PROBE_BYTES))
      .then(() => handle.datasync())
      .finally(() => handle.close());
  } finally {
    await rm(path, { force: true });
  }
}

async function requireRoom(folder: string): Promise<void> {
  if (freeBytes(folder) < RESERVE_BYTES)
    throw new VentralError('disk-full', 'Free disk space is below the reserve');
}

async function requireAlive({ alive }: ServiceContext['worker']): Promise<void> {
  if (!alive) throw new VentralError('not-ready', 'The worker has stopped');
}

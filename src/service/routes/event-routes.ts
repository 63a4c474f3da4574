import { type Request, type Response, Router } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { nextNotification } from '../../store/database/notification.js';
import type { EventText } from '../../store/jobs/event-store.js';
import { isOpen, type Job, type JobKind } from '../../store/jobs/job.js';
import { goneSignal } from '../http/client.js';
import { principalOf } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';
import { EventFeed } from './event-feed.js';

/** Heartbeat interval: proxies and browsers close silent connections. */
const HEARTBEAT_MS = 15_000;
/** A reader that reads nothing for this long is disconnected; it may resume with its last id. */
const PATIENCE_MS = 30_000;

const resources: readonly (readonly [string, JobKind])[] = [
  ['/scores', 'score'],
  ['/layer-maps', 'layer-map'],
  ['/trainings', 'training'],
];

/** `/scores/{job}/events` and its like: what happens to a job, as it happens. */
export function eventRoutes(context: ServiceContext, heartbeat = HEARTBEAT_MS): Router {
  const feed = new EventFeed(context.store.jobs.events);
  const router = Router();
  for (const [path, kind] of resources) {
    router.get(`${path}/:job/events`, async (request, response) => {
      const last = lastEventId(request);
      const find = () => context.store.jobs.stateSeen(principalOf(response), request.params.job);
      const job = await find();
      if (job?.kind !== kind) {
        throw new VentralError('not-found', `There is no job "${request.params.job}"`);
      }
      // A browser reconnects whenever a stream ends; 204 stops it.
      if (await isOver(feed, job, last)) return void response.status(204).end();
      await stream(context, feed, { id: job.id, last, heartbeat, find }, response);
    });
  }
  return router;
}

function lastEventId(request: Request): number {
  const given = request.get('Last-Event-ID') ?? '';
  if (!/^\d{0,9}$/.test(given)) {
    throw new VentralError('invalid-request', 'Last-Event-ID: expected the id of an event', {
      field: '/header/Last-Event-ID',
    });
  }
  return Number(given);
}

const isOver = async (feed: EventFeed, job: Pick<Job, 'id' | 'state'>, last: number) =>
  !isOpen(job) && (await feed.after(job.id, last)).length === 0;

interface Followed {
  readonly id: string;
  readonly last: number;
  readonly heartbeat: number;
  readonly find: () => Promise<object | undefined>;
}

/** Streams until the job ends, the reader goes, its key or its sight of the job is withdrawn, or the service stops. */
async function stream(
  { keyWatch, closing }: ServiceContext,
  feed: EventFeed,
  { id, last, heartbeat, find }: Followed,
  response: Response,
): Promise<void> {
  const key = keyWatch.watch(principalOf(response));
  const hidden = new AbortController();
  const signal = AbortSignal.any([goneSignal(response), hidden.signal, key.signal, closing]);
  const beat = setInterval(async () => {
    if (!response.writableNeedDrain) response.write(':\n\n');
    if (!(await find().catch(() => true))) hidden.abort();
  }, heartbeat);
  try {
    response.set({ 'Cache-Control': 'private, no-store', 'X-Accel-Buffering': 'no' });
    response.type('text/event-stream').flushHeaders();
    for await (const event of feed.follow(id, last, signal)) {
      if (!response.write(written(event))) await drained(response, signal);
    }
  } finally {
    clearInterval(beat);
    key.release();
    response.end();
  }
}

const written = ({ id, type, text }: EventText) => `id: ${id}\nevent: ${type}\ndata: ${text}\n\n`;

/**
 * Backpressure: nothing more is read from the database until the reader has consumed what was written.
 */
async function drained(response: Response, signal: AbortSignal): Promise<void> {
  await nextNotification(response, 'drain', PATIENCE_MS, signal).come;
  if (response.writableNeedDrain) response.destroy();
}

import { type Request, type Response, Router } from 'express';
import type { ModelCard } from '../../activations/card/card.js';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { addWebhook, type Webhook } from '../../store/jobs/delivery-store.js';
import {
  isOpen,
  type Job,
  type JobKind,
  type JobOf,
  type JobProvider,
  type JobRequestOf,
} from '../../store/jobs/job.js';
import type { JobFilter } from '../../store/jobs/job-store.js';
import { audit } from '../../store/records/audit-store.js';
import { isFeatures } from '../../store/records/model-store.js';
import { mayChange, type Principal, SERVICE_OWNER } from '../../store/records/principal.js';
import { goneSignal } from '../http/client.js';
import { requireLargeMatch } from '../http/entity-tags.js';
import { madeBefore, noteMadeBy } from '../http/idempotency.js';
import { principalOf, requireChange } from '../http/principal-of.js';
import { readPage } from '../http/read-page.js';
import type { ServiceContext } from '../registry/context.js';
import { waitsForProvider } from '../worker/offered-providers.js';

/** A kind of job as HTTP shows it. */
export interface JobResource<K extends JobKind, Asked> {
  readonly kind: K;
  /** Below `/v1`. */
  readonly path: string;
  /** What messages call it. */
  readonly noun: string;
  /**
   * What a body that the validator has passed asks for.
   * @throws what is wrong with it, by JSON pointer
   */
  request(context: ServiceContext, principal: Principal, asked: Asked): Promise<JobRequestOf<K>>;
  /** The body of an answer. */
  show(job: JobOf<K>): object;
  /** The shorter form in lists. */
  list?(job: JobOf<K>): object;
  /** Fields of a job that lists omit, if they are read separately. */
  more?(context: ServiceContext, job: JobOf<K>): Promise<object>;
  /** Called before a job is cancelled. @returns the follow-up after cancelling */
  cancelling?(context: ServiceContext, job: JobOf<K>, by: Principal): Promise<() => Promise<void>>;
}

const MOST_WAIT_SECONDS = 60;

/** The life of a job over HTTP: asked for, waited for, listed, read, cancelled. */
export function jobRoutes<K extends JobKind, Asked>(
  context: ServiceContext,
  resource: JobResource<K, Asked>,
): Router {
  const { store, worker } = context;
  const { path, show, list = show } = resource;
  const router = Router();
  const find = async (response: Response, id: string) => {
    const job = await store.jobs.findSeen(principalOf(response), id);
    if (job?.kind !== resource.kind)
      throw new VentralError('not-found', `There is no ${resource.noun} job "${id}"`);
    return job as JobOf<K>;
  };
  router.get(path, async (request, response) => {
    const { query } = request;
    const { items, next } = await store.jobs.list(
      principalOf(response),
      resource.kind,
      query as JobFilter,
      readPage(query),
    );
    response.json({ items: items.map(list), next });
  });
  router.post(path, async (request, response) => {
    const principal = principalOf(response);
    const { webhook } = request.body as { webhook?: Webhook };
    if (webhook) context.webhooks.check(webhook);
    const before = madeBefore(response);
    const job = before
      ? await find(response, before)
      : ((await store.jobs.create(
          principal,
          await resource.request(context, principal, request.body as Asked),
          async (queries, id) => {
            await noteMadeBy(response, queries, id);
            if (webhook) await addWebhook(queries, id, webhook);
          },
        )) as JobOf<K>);
    if (isOpen(job)) worker.wake();
    await answer(context, resource, job, request, response);
  });
  router.get(`${path}/:job`, async (request, response) => {
    const { job: id } = request.params;
    const found = await find(response, id);
    const seconds = await waitForEnd(context, found, request, response);
    if (goneSignal(response).aborted) return;
    // What the caller may see can have changed meanwhile.
    const job = seconds !== undefined && isOpen(found) ? await find(response, id) : found;
    if (seconds !== undefined && !isOpen(job)) applied(response, seconds);
    response.json(await shown(context, resource, job, response));
  });
  router.delete(`${path}/:job`, async (request, response) => {
    const found = await find(response, request.params.job);
    const principal = principalOf(response);
    requireChange(principal, found);
    await requireLargeMatch(request, await shown(context, resource, found, response));
    const change = {
      action: 'job.cancel',
      target: found.id,
      detail: { owner: found.owner },
    } as const;
    const cancelled = await resource.cancelling?.(context, found, principal);
    await worker.cancel(found.id, (queries) => audit(queries, principal, change));
    await cancelled?.();
    const job = await find(response, found.id);
    if (job.state !== 'cancelled')
      throw new VentralError('conflict', `The job has already ${job.state}`);
    response.json(await shown(context, resource, job, response));
  });
  return router;
}

/** The workers of a service, and whether others can join them. */
export const workersOf = ({ worker, store }: ServiceContext) => ({
  registry: worker.registry,
  shared: store.database.shared,
});

/** A job as the caller may see it: whether it may cancel it, and webhook deliveries only then. */
async function shown<K extends JobKind, Asked>(
  context: ServiceContext,
  { show, more }: JobResource<K, Asked>,
  job: JobOf<K>,
  response: Response,
): Promise<object> {
  const mayCancel = mayChange(principalOf(response), job);
  const webhook = mayCancel ? await context.webhooks.deliveries.ofJob(job.id) : undefined;
  const { provider } = job as { readonly provider?: JobProvider };
  const waits =
    job.state === 'queued' ? await waitsForProvider(workersOf(context), provider) : undefined;
  return {
    ...show(job),
    ...(waits === undefined ? {} : { reason: waits }),
    ...{ mayCancel, ofService: job.owner === SERVICE_OWNER },
    ...(await more?.(context, job)),
    ...present({ webhook }),
  };
}

/** 202 with the job, or 200 where the client waits and the job ends in that time (RFC 7240). */
async function answer<K extends JobKind, Asked>(
  context: ServiceContext,
  resource: JobResource<K, Asked>,
  job: JobOf<K>,
  request: Request,
  response: Response,
): Promise<void> {
  const seconds = await waitForEnd(context, job, request, response);
  const now =
    seconds === undefined || !isOpen(job)
      ? job
      : (((await context.store.jobs.find(job.id)) as JobOf<K> | undefined) ?? job);
  if (goneSignal(response).aborted) return;
  const inTime = seconds !== undefined && !isOpen(now);
  if (inTime) applied(response, seconds);
  response
    .status(inTime ? 200 : 202)
    .location(`/v1${resource.path}/${now.id}`)
    .json(await shown(context, resource, now, response));
}

/**
 * Waits as long as the client says, at most until the job has ended or the client is gone.
 * @returns seconds that the client would wait
 * @throws VentralError `unauthorized` where its key is withdrawn meanwhile
 */
async function waitForEnd(
  { worker, keyWatch }: ServiceContext,
  job: Job,
  request: Request,
  response: Response,
): Promise<number | undefined> {
  const seconds = waitOf(request.get('Prefer'));
  if (seconds === undefined || !isOpen(job)) return seconds;
  const key = keyWatch.watch(principalOf(response));
  try {
    const over = AbortSignal.any([goneSignal(response), key.signal]);
    await worker.untilEnd(job.id, seconds * 1000, over);
  } finally {
    key.release();
  }
  if (key.signal.aborted) throw new VentralError('unauthorized', 'The key was revoked or expired');
  return seconds;
}

const applied = (response: Response, seconds: number) =>
  response.set('Preference-Applied', `wait=${seconds}`);

/** Seconds of `Prefer: wait=N`, at most a minute; undefined if the client does not say so. */
function waitOf(prefer: string | undefined): number | undefined {
  const found = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i.exec(prefer ?? '');
  return found ? Math.min(Number(found[1]), MOST_WAIT_SECONDS) : undefined;
}

/** What all kinds of job show. */
export function showCommon(job: Job, path: string) {
  return {
    id: job.id,
    state: job.state,
    createdAt: job.createdAt.toISOString(),
    startedAt: job.startedAt?.toISOString() ?? null,
    finishedAt: job.finishedAt?.toISOString() ?? null,
    model: job.model,
    modelName: job.modelName,
    weights: (job.card as ModelCard | null)?.weights ?? null,
    benchmarks: [...job.benchmarks],
    ...(job.input ? { input: { ...job.input } } : {}),
    attempt: job.attempt,
    reason: job.reason,
    progress: job.progress,
    log: [...job.log],
    failures: job.failures as components['schemas']['JobFailures'],
    links: {
      self: `/v1${path}/${job.id}`,
      ...(job.model.startsWith('mdl_') ? { model: `/v1/models/${job.model}` } : {}),
      ...(isFeatures(job.model) ? { features: `/v1/features/${job.model}` } : {}),
    },
  };
}

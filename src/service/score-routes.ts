import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Request, type Response, Router } from 'express';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import { type Digestible, digestOf } from '../formats/digest.js';
import { packageRoot } from '../formats/package-root.js';
import type { Job, JobFilter } from '../store/job-store.js';
import type { AskedBenchmark } from './benchmark-desk.js';
import type { ServiceContext } from './context.js';
import type { ScorableModel } from './model-desk.js';
import { readPage } from './read-page.js';
import { isOpen } from './score-worker.js';

type ScoreRequest = components['schemas']['ScoreRequest'];
type JobResource = components['schemas']['Job'];

const MOST_WAIT_SECONDS = 60;

/** `/scores`: jobs that score a model. */
export function scoreRoutes(context: ServiceContext): Router {
  const { store, worker } = context;
  const router = Router();
  router.get('/scores', async (request, response) => {
    const { items, next } = await store.jobs.list(
      request.query as JobFilter,
      readPage(request.query),
    );
    response.json({ items: items.map(resource), next } satisfies components['schemas']['JobPage']);
  });
  router.post('/scores', async (request, response) => {
    const job = await accept(context, request.body as ScoreRequest);
    await answer(context, job, request, response);
  });
  router.get('/scores/:job', async (request, response) => {
    response.json(resource(await find(context, request.params.job)));
  });
  router.delete('/scores/:job', async (request, response) => {
    const job =
      (await worker.cancel(request.params.job)) ?? (await find(context, request.params.job));
    if (job.state !== 'cancelled')
      throw new VentralError('conflict', `The job has ${job.state} already`);
    response.json(resource(job));
  });
  return router;
}

async function accept(
  { desk, benchmarks: shelf, store, worker }: ServiceContext,
  asked: ScoreRequest,
): Promise<Job> {
  const benchmarks = await shelf.asked(asked.benchmarks, (position) => `/benchmarks/${position}`);
  const model = await desk.scorable(asked.model);
  const job = await store.jobs.create({
    model: asked.model,
    digest: model.digest,
    modelName: model.name,
    card: model.card,
    benchmarks: benchmarks.map(({ id }) => id),
    sources: asked.benchmarks,
    keys: benchmarks.map((benchmark) => keyOf(benchmark, model, asked)),
    ...(asked.layers ? { layers: asked.layers } : {}),
    ...(asked.input ? { input: asked.input } : {}),
  });
  if (isOpen(job)) worker.wake();
  return job;
}

const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/** Digest of all that a score depends on: equal keys, equal scores, whatever the model is called. */
function keyOf(
  benchmark: AskedBenchmark,
  model: ScorableModel,
  { layers, input }: ScoreRequest,
): string {
  const { name: _name, ...card } = model.card;
  return digestOf({
    version,
    model: model.digest,
    card: card as unknown as Digestible,
    benchmark: benchmark.id,
    definition: benchmark.definition,
    layer: (layers as Readonly<Record<string, string>> | undefined)?.[
      benchmark.region ?? 'behavior'
    ],
    input,
  });
}

/** 202 with the job, or 200 where the client waits and the job ends in that time (RFC 7240). */
async function answer(
  { store, worker }: ServiceContext,
  job: Job,
  request: Request,
  response: Response,
): Promise<void> {
  const seconds = waitOf(request.get('Prefer'));
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (seconds !== undefined && isOpen(job))
    await worker.untilEnd(job.id, seconds * 1000, gone.signal);
  const now = seconds === undefined ? job : ((await store.jobs.find(job.id)) ?? job);
  if (gone.signal.aborted) return;
  const inTime = seconds !== undefined && !isOpen(now);
  if (inTime) response.set('Preference-Applied', `wait=${seconds}`);
  const body = resource(now);
  response
    .status(inTime ? 200 : 202)
    .location(body.links.self)
    .json(body);
}

/** Seconds of `Prefer: wait=N`, at most a minute; undefined where the client does not say so. */
function waitOf(prefer: string | undefined): number | undefined {
  const found = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i.exec(prefer ?? '');
  return found ? Math.min(Number(found[1]), MOST_WAIT_SECONDS) : undefined;
}

async function find({ store }: ServiceContext, id: string): Promise<Job> {
  const job = await store.jobs.find(id);
  if (!job) throw new VentralError('not-found', `There is no score job "${id}"`);
  return job;
}

function resource(job: Job): JobResource {
  return {
    id: job.id,
    state: job.state,
    createdAt: job.createdAt.toISOString(),
    startedAt: job.startedAt?.toISOString() ?? null,
    finishedAt: job.finishedAt?.toISOString() ?? null,
    model: job.model,
    benchmarks: [...job.benchmarks],
    ...(job.layers ? { layers: { ...job.layers } } : {}),
    ...(job.input ? { input: { ...job.input } } : {}),
    progress: job.progress,
    results: job.results as unknown as JobResource['results'],
    failures: job.failures as JobResource['failures'],
    links: {
      self: `/v1/scores/${job.id}`,
      ...(job.model.startsWith('mdl_') ? { model: `/v1/models/${job.model}` } : {}),
    },
  };
}

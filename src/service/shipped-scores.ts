import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCard } from '../activations/card/card.js';
import { shippedModels } from '../activations/model-file.js';
import { packageRoot } from '../formats/package-root.js';
import { catalogEntriesOf } from '../scoring/benchmark/benchmark-data.js';
import { factsOf } from '../scoring/model/model-facts.js';
import { listBenchmarks } from '../scoring/registry/registry.js';
import { isOpen, type JobState } from '../store/jobs/job.js';
import { servicePrincipal } from '../store/records/principal.js';
import { ResultStore } from '../store/records/result-store.js';
import type { ServiceContext } from './registry/context.js';
import { LeaderboardBenchmarks } from './registry/leaderboard-benchmarks.js';
import { scoreRequest } from './routes/score-routes.js';

/** Idle time of the queue before the service starts its own job. */
const QUIET_MS = 2000;
/** How often the service looks whether others have jobs. */
const LOOK_MS = 250;
/** How long it waits for the end of a job before it looks whether it missed it. */
const PATIENCE_MS = 60_000;

/**
 * Scores the shipped models on the simulated benchmarks if they have no scores yet, so that a new leaderboard has
 * reference models. It runs only while no other job is open: its process stands still while others have jobs (see
 * `BackgroundRun`). What an earlier service left in the queue comes first.
 * @param closing ends it
 */
export async function scoreShipped(context: ServiceContext, closing: AbortSignal): Promise<void> {
  const { store, firstScoring } = context;
  const models = await byWork();
  firstScoring.start(models);
  for (const id of await store.jobs.openOf(servicePrincipal)) await untilEnd(context, id, closing);
  for (const model of models) {
    for (const simulated of [true, false]) {
      const benchmarks = await missing(context, model, simulated);
      if (benchmarks.length === 0) continue;
      await untilQuiet(context, closing);
      if (closing.aborted) return;
      await scored(context, model, benchmarks, closing);
    }
    firstScoring.finish(model);
  }
}

/** Fast models first, estimated from cards: input pixels times layers. */
async function byWork(): Promise<string[]> {
  const models = await Promise.all(
    (await shippedModels()).map(async (name) => {
      const path = join(packageRoot, 'models', name, 'model.yaml');
      const { input, layers = [] } = parseCard(await readFile(path, 'utf8'), path);
      const side = input.crop ?? (input.resize === 'none' ? 0 : input.resize.to);
      return { name, work: side ** 2 * layers.length };
    }),
  );
  return models.sort((a, b) => a.work - b.work).map(({ name }) => name);
}

async function untilQuiet({ store }: ServiceContext, closing: AbortSignal): Promise<void> {
  const since = () => performance.now();
  for (let quiet = since(); !closing.aborted && since() - quiet < QUIET_MS; ) {
    await sleep(LOOK_MS, undefined, { signal: closing }).catch(() => {});
    if (await store.jobs.othersWait(servicePrincipal)) quiet = since();
  }
}

/** The benchmarks of the leaderboard that need no download and that the service has not scored a model on. */
async function missing(
  { store }: ServiceContext,
  model: string,
  simulated: boolean,
): Promise<string[]> {
  const here = new Set(
    listBenchmarks().flatMap((each) => (catalogEntriesOf(each).length === 0 ? each.id : [])),
  );
  const wanted = new LeaderboardBenchmarks([])
    .standard(simulated, 'private')
    .filter(({ id }) => here.has(id));
  const everything = { owner: servicePrincipal.owner, anyLayer: false };
  const [found] = await new ResultStore(store.database).scoredModels(
    servicePrincipal,
    wanted,
    new Map([[model, factsOf(null)]]),
    everything,
  );
  return wanted.filter(({ id }) => !found?.scores.has(id)).map(({ id }) => id);
}

async function scored(
  context: ServiceContext,
  model: string,
  benchmarks: string[],
  closing: AbortSignal,
): Promise<void> {
  const { store, worker, log, firstScoring } = context;
  const request = await scoreRequest(context, servicePrincipal, { model, benchmarks });
  const { id } = await store.jobs.create(servicePrincipal, request);
  worker.wake();
  const ended = firstScoring.run(model, id);
  const state = await untilEnd(context, id, closing).finally(ended);
  if (state === 'failed') log.warn({ model, job: id }, 'Scoring a shipped model failed');
}

/** @returns the state of the job, once it has ended or the service ends */
async function untilEnd(
  { store, worker }: ServiceContext,
  id: string,
  closing: AbortSignal,
): Promise<JobState | undefined> {
  for (;;) {
    await worker.untilEnd(id, PATIENCE_MS, closing);
    const job = await store.jobs.stateSeen(servicePrincipal, id);
    if (!isOpen(job) || closing.aborted || !worker.alive) return job?.state;
  }
}

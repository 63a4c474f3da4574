import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCard } from '../activations/card/card.js';
import { shippedModels } from '../activations/model-file.js';
import { packageRoot } from '../formats/package-root.js';
import { catalogEntriesOf } from '../scoring/benchmark/benchmark-data.js';
import { listBenchmarks } from '../scoring/registry/registry.js';
import { isOpen, type ScoreJob } from '../store/jobs/job.js';
import { servicePrincipal } from '../store/records/principal.js';
import { ResultStore } from '../store/records/result-store.js';
import type { ServiceContext } from './registry/context.js';
import { LeaderboardBenchmarks } from './registry/leaderboard-benchmarks.js';
import { scoreRequest } from './routes/score-routes.js';

/** Idle time of the queue before the service starts its own job. */
const QUIET_MS = 2000;
/** How long another job may wait before a job of the service is preempted. */
const LOOK_MS = 250;

/**
 * Scores the shipped models on the simulated benchmarks if they have no scores yet, so that a new leaderboard has
 * reference models. It runs only while no other job is open: a job of the service is preempted by others and
 * repeated later, with the activations cached so far.
 * @param closing ends it
 */
export async function scoreShipped(context: ServiceContext, closing: AbortSignal): Promise<void> {
  for (const model of await byWork())
    for (const simulated of [true, false])
      for (let done = false; !done && !closing.aborted; ) {
        await untilQuiet(context, closing);
        const benchmarks = await missing(context, model, simulated);
        done = benchmarks.length === 0 || (await scored(context, model, benchmarks, closing));
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
  const everything = { words: [], owner: servicePrincipal.owner, anyLayer: false };
  const [found] = await new ResultStore(store.database).scoredModels(
    servicePrincipal,
    wanted,
    [model],
    everything,
  );
  return wanted.filter(({ id }) => !found?.scores.has(id)).map(({ id }) => id);
}

/** @returns false if the job was preempted */
async function scored(
  context: ServiceContext,
  model: string,
  benchmarks: string[],
  closing: AbortSignal,
): Promise<boolean> {
  const { store, worker, log } = context;
  const request = await scoreRequest(context, servicePrincipal, { model, benchmarks });
  const { id } = await store.jobs.create(servicePrincipal, request);
  worker.wake();
  for (;;) {
    await worker.untilEnd(id, LOOK_MS, closing);
    const job = (await store.jobs.find(id)) as ScoreJob;
    if (!isOpen(job)) {
      if (job.state === 'failed') log.warn({ model, job: id }, 'Scoring a shipped model failed');
      return true;
    }
    if (closing.aborted) return true;
    if (await store.jobs.othersWait(servicePrincipal)) {
      await worker.cancel(id);
      return false;
    }
  }
}

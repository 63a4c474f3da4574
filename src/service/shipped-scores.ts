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
import { BenchmarkShelf } from './registry/leaderboard-benchmarks.js';
import { scoreRequest } from './routes/score-routes.js';

/** How long nobody must have had a job open before the service takes one of its own. */
const QUIET_MS = 2000;
/** How long somebody's job may wait for one of the service's to make way. */
const LOOK_MS = 250;

/**
 * Scores the models that ventral ships on the benchmarks that need no download, where they are not scored yet, so that
 * a new leaderboard has what others are compared with: the simulated ones, then the published distributions of V1. Only
 * while nobody else has a job open: a job of the service makes way for theirs, and is done again later, with what the
 * cache of activations holds by then. A benchmark that a model has failed on is tried again when the service starts.
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

/** The quick ones first, as far as cards tell: pixels of a picture times layers. */
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
  const wanted = new BenchmarkShelf([])
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

/** @returns false where the job made way for somebody else's */
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

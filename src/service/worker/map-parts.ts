import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { VentralError } from '../../errors/ventral-error.js';
import type { Work } from '../../runtime/work.js';
import type { LayerMapJob } from '../../store/jobs/job.js';
import type { EndedPart, PartClaim } from '../../store/jobs/part-store.js';
import { WorkerStore } from '../../store/jobs/worker-store.js';
import { runChild } from '../child/child.js';
import type { FoundCell, PartAnswer, PartTask } from '../work/job-task.js';
import { workerRuntime } from '../work/worker-runtime.js';
import { type JobInputs, withInputs } from './job-inputs.js';
import { taskOf } from './job-work.js';
import { providersOf } from './offered-providers.js';
import type { WorkOptions } from './work-options.js';

/** Results of the parts of a map. */
export interface GatheredParts {
  readonly cells: readonly (readonly [key: string, bytes: string])[];
  /** Thread count of the map, so that it finds the results of its parts. */
  readonly threads: number;
  readonly warnings: readonly string[];
}

/** Each part runs the network separately, so more parts do not pay off. */
const MOST_PARTS = 16;
/** Until the first part is measured. */
const PART_SECONDS = 60;
const POLL_MS = 300;
const HEARTBEAT_MS = 4000;

export const noParts = ({ threads }: Pick<WorkOptions, 'threads'>): GatheredParts => ({
  cells: [],
  threads,
  warnings: [],
});

/**
 * Splits a map into as many parts as there are idle workers, computes parts until none is left, and waits for the
 * others. Without idle workers a map is not split.
 * @throws VentralError `interrupted` where the attempt ends
 */
export async function gatherParts(
  job: LayerMapJob,
  options: WorkOptions,
  watched: { readonly signal: AbortSignal; readonly progress: Work },
): Promise<GatheredParts> {
  // What nested choices keep of a cell is too large to pass on.
  if (job.nested) return noParts(options);
  const { parts } = options.tables.jobs;
  const idle = await new WorkerStore(options.tables.database).idle(job.provider);
  const { cut, threads } = await parts.cut(job, Math.min(1 + idle, MOST_PARTS), options.threads);
  if (!cut) return noParts(options);
  const total = (await parts.left(job.id)) + (await parts.ended(job.id)).length;
  const seconds = PART_SECONDS * total;
  const stage = watched.progress.stage({ stage: 'parts', total, seconds, basis: 'network' });
  stage.skip((await parts.ended(job.id)).length);
  for (;;) {
    const left = await parts.left(job.id);
    stage.at(total - left);
    if (left === 0) break;
    const claim = await parts.claim(providersOf(options.offers));
    if (claim) await workOnPart(claim, options, watched.signal);
    else await sleep(POLL_MS, undefined, { signal: watched.signal });
    watched.signal.throwIfAborted();
  }
  const cells = await parts.cells(job.id);
  return {
    cells: cells.map(({ key, bytes }) => [key, Buffer.from(bytes).toString('base64')]),
    threads,
    warnings: unlike(await parts.ended(job.id), threads),
  };
}

/**
 * Computes a part; a failed part is left to the joining worker.
 * @throws VentralError `interrupted`, after returning the part
 */
export async function workOnPart(
  claim: PartClaim,
  options: WorkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { parts } = options.tables.jobs;
  const over = new AbortController();
  const beats = setInterval(() => {
    // A part whose ticket is lost is computed by another worker.
    parts.beat(claim).then(
      (holds) => holds || over.abort(),
      () => {},
    );
  }, HEARTBEAT_MS);
  try {
    const runtime = await computePart(claim, options, AbortSignal.any([signal, over.signal]));
    await parts.end(claim, { state: 'done', runtime });
  } catch (thrown) {
    const error = VentralError.from(thrown);
    if (over.signal.aborted) return;
    if (!signal.aborted) return await parts.end(claim, { state: 'failed', reason: error.message });
    await parts.giveBack(claim);
    throw error;
  } finally {
    clearInterval(beats);
  }
}

/** @returns what its numbers depend on */
function computePart(
  claim: PartClaim,
  options: WorkOptions,
  signal: AbortSignal,
): Promise<PartAnswer['runtime']> {
  return withInputs(claim.job, options, signal, (inputs) =>
    runPart(claim, inputs, options, signal),
  );
}

async function runPart(
  { job, part, of, threads }: PartClaim,
  { core, work }: JobInputs,
  options: WorkOptions,
  signal: AbortSignal,
): Promise<PartAnswer['runtime']> {
  const { kind: _whole, ...task } = taskOf(job as LayerMapJob, { ...core, threads }) as PartTask;
  const { parts } = options.tables.jobs;
  let kept: Promise<unknown> = Promise.resolve();
  const answer = await runChild<PartAnswer>({
    ...work,
    task: { ...task, kind: 'map-part', share: { part, of } } satisfies PartTask,
    signal,
    part: (found) => {
      const [key, bytes] = (found as FoundCell).cell;
      kept = kept.then(() => parts.keep(job.id, { key, bytes: Buffer.from(bytes, 'base64') }));
      // Reported where it is awaited.
      kept.catch(() => {});
    },
  });
  await kept;
  return answer.runtime;
}

/** Parts of another runtime have other keys, and are not used; another processor may round in another way. */
function unlike(parts: readonly EndedPart[], threads: number): string[] {
  const mine = workerRuntime(threads);
  return parts.flatMap(({ part, runtime }) => {
    if (!runtime) return [];
    const { processor, ...identity } = runtime as typeof mine;
    const { processor: here, ...own } = mine;
    if (!isDeepStrictEqual(identity, own))
      return [`Part ${part + 1} was computed by another runtime and was recomputed`];
    if (processor !== here)
      return [
        `Part ${part + 1} was computed on another processor (${processor}) than the rest (${here})`,
      ];
    return [];
  });
}

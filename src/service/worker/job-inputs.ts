import { join } from 'node:path';
import { ContentCache } from '../../activations/cache/content-cache.js';
import type { ModelCard } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Provider } from '../../runtime/provider.js';
import { checkData } from '../../scoring/benchmark/benchmark-data.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import type { HeldFiles } from '../../store/files/file-source.js';
import type { Job } from '../../store/jobs/job.js';
import { servicePrincipal } from '../../store/records/principal.js';
import type { ChildWork } from '../child/child-work.js';
import { gpuMemory, gpuPaths } from '../child/gpu-paths.js';
import type { TaskCore } from '../work/job-task.js';
import { measuringPaths } from '../work/task-paths.js';
import { cacheScope, type UsedFile } from './cache-scope.js';
import { missingOf, type References } from './job-work.js';
import { provideSimulated } from './provide-simulated.js';
import type { WorkOptions } from './work-options.js';

const DEADLINE_SECONDS = 12 * 3600;
/**
 * Memory of a scoring process beside the work that `--max-memory` bounds: Node, the runtime, and one
 * batch inside the network (ResNet-50: 0.9 GiB with its weights).
 */
const OWN_MEMORY = 2 ** 30;

/** Start options of the process of a job or of a part. */
export interface JobInputs {
  /** What it is asked for, each with the benchmarks that it gives. */
  readonly references: References;
  readonly core: TaskCore;
  readonly work: Pick<
    ChildWork,
    'script' | 'temporary' | 'limits' | 'reads' | 'writes' | 'devices'
  >;
  /**
   * Checks the files again after they were used.
   * @throws VentralError `file-damaged`
   */
  readonly confirm: () => Promise<void>;
}

/** Finds the registrations of a job, fetches their files, and gives them back, checked again, once the work is done. */
export async function withInputs<T>(
  job: Job,
  options: WorkOptions,
  signal: AbortSignal,
  work: (inputs: JobInputs) => Promise<T>,
): Promise<T> {
  const files = options.files.open();
  try {
    const result = await work(await inputsOf(job, { ...options, files }, signal));
    await files.confirm();
    return result;
  } finally {
    await files.close();
  }
}

type HeldOptions = Omit<WorkOptions, 'files'> & { readonly files: HeldFiles };

async function inputsOf(job: Job, options: HeldOptions, signal: AbortSignal): Promise<JobInputs> {
  const { tables, files, home, maxMemory, maxScratch, maxCache, threads } = options;
  const uses: UsedFile[] = [];
  const missing = missingOf(job);
  const references = new Map<string, readonly string[]>();
  for (const source of job.sources) {
    const { reference, ids } = await referenceOf(source, options, uses, signal);
    if (ids.some((id) => missing.includes(id))) references.set(reference, ids);
  }
  const registered = job.registration
    ? await tables.models.find(servicePrincipal, job.registration)
    : undefined;
  if (registered) uses.push(registered);
  const reference = registered ? await files.fetch(registered.digest, 'model', signal) : job.model;
  const model = {
    ...{ reference, name: job.modelName, card: job.card as ModelCard },
    ...(registered ? { digest: registered.digest } : {}),
  };
  // Another module than that which scores needs no data.
  if (uses.length > 0 && options.script === undefined) {
    const shipped = listBenchmarks().filter(({ id }) => references.has(id));
    await provideSimulated(shipped, options, signal);
  }
  const provider = job.kind === 'training' ? undefined : job.provider;
  const scope = cacheScope(job, uses);
  const share = await ContentCache.makeShare(home, scope, maxCache);
  const bounds = { home, maxMemory, maxScratch, maxCache: share, threads };
  const core = {
    ...{ ...bounds, model, benchmarks: [...references.keys()] },
    cacheScope: scope,
    ...present({ input: job.input }),
    ...(provider ? { provider: { provider } } : {}),
  };
  const paths = measuringPaths({ home, model: reference, benchmarks: core.benchmarks });
  const writes = [...paths.writes, ContentCache.folderOf(home, scope)];
  const gpu = gpuPaths(provider);
  const work = {
    ...workOf(options, registered?.size ?? 0, provider),
    ...(provider ? { devices: gpu.devices } : {}),
    ...{ reads: [...paths.reads, ...gpu.reads], writes },
  };
  return { references, core, work, confirm: () => files.confirm() };
}

async function referenceOf(
  source: string,
  { tables, files, home }: HeldOptions,
  uses: UsedFile[],
  signal: AbortSignal,
): Promise<{ reference: string; ids: readonly string[] }> {
  if (!source.startsWith('bmk_')) {
    // The scoring process reports their errors; valid ones are cached.
    const shipped = listBenchmarks().find(({ id }) => id === source);
    if (shipped) await checkData(shipped, home).catch(() => {});
    return { reference: source, ids: [source] };
  }
  const found = await tables.benchmarks.find(servicePrincipal, source);
  if (!found) throw new VentralError('not-found', `There is no benchmark "${source}"`);
  uses.push(found);
  const folder = await files.fetch(found.digest, 'benchmark', signal);
  const ids = found.summary.benchmarks.map(({ id }) => id);
  return { reference: join(folder, found.file), ids };
}

/** @param size bytes of the model's file */
function workOf(
  options: HeldOptions,
  size: number,
  provider: Provider | undefined,
): Omit<JobInputs['work'], 'reads' | 'writes'> {
  const { script = 'score-child.js', temporary, maxMemory, seconds = DEADLINE_SECONDS } = options;
  return {
    script,
    temporary,
    limits: { memory: OWN_MEMORY + maxMemory + 3 * size + gpuMemory(provider), seconds },
  };
}

import { VentralError } from '../../errors/ventral-error.js';
import { providerStates, requireProvider } from '../../runtime/installed-providers.js';
import type { AskedProvider, Execution, Provider } from '../../runtime/provider.js';
import type { WorkerStore } from '../../store/jobs/worker-store.js';
import { runChild } from '../child/child.js';
import { gpuMemory, gpuPaths } from '../child/gpu-paths.js';

const OWN_MEMORY = 2 ** 30;
const SECONDS = 600;

/**
 * What a worker offers beside the CPU: what was asked for, tried in a process that is confined as those of jobs are.
 * @throws VentralError `provider-unavailable`
 * @param temporary parent of the private folder of that process
 */
export async function offeredHere(
  provider: AskedProvider | undefined,
  temporary: string,
): Promise<readonly Execution[]> {
  if (provider === undefined || provider === 'cpu') return [];
  if (provider !== 'auto') requireProvider(provider);
  else if (providerStates().every((each) => each.provider === 'cpu' || each.state !== 'ready'))
    return [];
  const { devices, reads } = gpuPaths('cuda');
  return runChild<readonly Execution[]>({
    ...{ script: 'diagnose-child.js', task: { provider }, temporary, reads, devices, writes: [] },
    limits: { memory: OWN_MEMORY + gpuMemory('cuda'), seconds: SECONDS },
  });
}

/** Names of what a worker computes on. */
export const providersOf = (offers: readonly Execution[] = []): readonly Provider[] => [
  'cpu',
  ...offers.map(({ provider }) => provider),
];

/** What workers there are, and whether others may come. */
export interface Workers {
  readonly registry: WorkerStore;
  readonly shared: boolean;
}

/**
 * Why a job waits: no running worker has its provider; undefined where one has.
 * @param provider what the job asks for
 */
export async function waitsForProvider(
  { registry }: Pick<Workers, 'registry'>,
  provider: Provider | undefined,
): Promise<string | undefined> {
  if (provider === undefined || provider === 'cpu') return undefined;
  const running = (await registry.list()).filter(({ state }) => state === 'running');
  if (running.some(({ providers }) => providers.some((each) => each.provider === provider)))
    return undefined;
  const count = running.length === 1 ? 'one worker runs' : `${running.length} workers run`;
  return `Waiting for a worker with ${provider}: ${count}, without it; start one with: ventral worker --provider ${provider}`;
}

/**
 * The provider of a job, as it is stored: nothing for the CPU.
 * @throws VentralError `provider-unavailable` where no worker has it and none can come, because the database is the service's own
 */
export async function askedProvider(
  workers: Workers,
  provider: Provider | undefined,
): Promise<Exclude<Provider, 'cpu'> | undefined> {
  if (provider === undefined || provider === 'cpu') return undefined;
  const waits = workers.shared ? undefined : await waitsForProvider(workers, provider);
  if (waits === undefined) return provider;
  const found = (await workers.registry.list()).flatMap((worker) => [
    'cpu',
    ...worker.providers.map((each) => each.provider),
  ]);
  const has = [...new Set(['cpu', ...found])].join(', ');
  throw new VentralError(
    'provider-unavailable',
    `This service computes on ${has}, not on ${provider}: start it with --provider ${provider}, or with DATABASE_URL and a ventral worker that has it`,
    { field: '/provider', expected: has, found: provider },
  );
}

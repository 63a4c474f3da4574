import {
  access,
  constants,
  mkdtemp,
  readFile,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';
import { type ProviderState, providerStates } from '../runtime/installed-providers.js';
import { runChild } from './child/child.js';
import { confinement } from './child/confinement.js';
import { isolationFindings } from './child/isolation-facts.js';
import { type DatabaseFinding, findDatabase } from './diagnose-database.js';
import type { RuntimeTrial, TrialTask } from './work/try-runtime.js';

/** Options that a service would start with. */
export interface Configuration {
  readonly home: string;
  readonly maxMemory: number;
  readonly maxScratch: number;
  readonly maxCache: number;
  readonly threads: number;
  readonly databaseUrl?: string;
}

const DAY_MS = 24 * 3600 * 1000;
/** Memory of a child beside the work that `--max-memory` bounds. */
const OWN_MEMORY = 2 ** 30;
const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * Looks at this machine as a service with this configuration would find it. Nothing is written into the
 * home, and a database that another process owns is not opened: its owner is asked.
 */
export async function diagnose(configuration: Configuration): Promise<DatabaseFinding[]> {
  const trial = tryInChild();
  // Told by the check that waits for it.
  trial.catch(() => {});
  const checks: readonly [string, () => Promise<Omit<DatabaseFinding, 'check'>[]>][] = [
    ['node', findNode],
    ['runtime', () => findRuntime(trial)],
    ['providers', async () => providerStates().map(findProvider)],
    ['isolation', () => findIsolation(trial)],
    ['memory', async () => [findMemory(configuration)]],
    ['home', () => findHome(configuration)],
    ['database', () => findDatabase(configuration)],
    ['clock', async () => [await findClock()]],
    ['threads', async () => [findThreads(configuration)]],
  ];
  const findings: DatabaseFinding[] = [];
  for (const [check, look] of checks) {
    const found = await look().catch((thrown) => [missing(VentralError.from(thrown).message)]);
    findings.push(...found.map((finding) => ({ check, ...finding })));
  }
  return findings;
}

const ok = (detail: string) => ({ state: 'ok', detail }) as const;
const warning = (detail: string) => ({ state: 'warning', detail }) as const;
const missing = (detail: string) => ({ state: 'missing', detail }) as const;

async function findNode() {
  const { engines } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
  const [wanted, found] = [engines.node, process.versions.node].map((version: string) =>
    version.replace(/^\D*/, '').split('.').map(Number),
  );
  const newEnough = found[0] > wanted[0] || (found[0] === wanted[0] && found[1] >= wanted[1]);
  const words = `Node ${process.versions.node}, required: ${engines.node}`;
  return [newEnough ? ok(words) : missing(words)];
}

async function findRuntime(trial: Promise<RuntimeTrial>) {
  const { version } = await trial;
  return [ok(`ONNX Runtime ${version} ran a graph in a child process`)];
}

/** A provider of another system is no fault of this one; one that lacks a file is. */
function findProvider({ provider, state, found, install }: ProviderState) {
  const how = install ? `; to install it: ${install}` : '';
  if (state === 'absent') return warning(`${provider} cannot be used: ${found}${how}`);
  return ok(state === 'ready' ? `${provider}: ${found}` : `without ${provider}: ${found}${how}`);
}

async function tryInChild(): Promise<RuntimeTrial> {
  const temporary = await mkdtemp(join(tmpdir(), 'ventral-doctor-'));
  try {
    const hidden = join(temporary, 'hidden');
    await writeFile(hidden, 'x', { mode: 0o600 });
    return await runChild({
      script: 'diagnose-child.js',
      task: { hidden } satisfies TrialTask,
      temporary,
      reads: [],
      writes: [],
      limits: { memory: OWN_MEMORY, seconds: 60 },
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function findIsolation(trial: Promise<RuntimeTrial>) {
  const { isolation } = await trial;
  return isolationFindings(await confinement(), isolation).map(({ holds, detail }) =>
    holds ? ok(detail) : warning(detail),
  );
}

function findMemory({ maxMemory }: Configuration) {
  // Where nothing constrains, the number is 0 or beyond any machine.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const there = Math.min(totalmem(), constrained);
  const words = `${gibibytes(there)} of memory; a job may take ${gibibytes(maxMemory + OWN_MEMORY)} and three times its model (--max-memory)`;
  return there > maxMemory + OWN_MEMORY ? ok(words) : warning(words);
}

async function findHome({ home, maxScratch, maxCache }: Configuration) {
  const place = await existing(home);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const words = `${gibibytes(free)} free at ${home}; scratch and cache may take ${gibibytes(maxScratch + maxCache)} (--max-scratch, --max-cache)`;
  const writable = await access(place, constants.W_OK).then(
    () => ok(`${home} ${place === home ? 'is writable' : 'will be created'}`),
    () => missing(`${place} is not writable`),
  );
  return [writable, free > maxScratch + maxCache ? ok(words) : warning(words)];
}

/** The folder, or its nearest existing ancestor. */
async function existing(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined);
  if (found && !found.isDirectory()) {
    throw new VentralError('file-exists', `${folder} is a file, expected a folder`);
  }
  return found ? folder : existing(dirname(folder));
}

async function findClock() {
  const { mtimeMs } = await stat(join(packageRoot, 'package.json'));
  const words = `it is ${new Date().toISOString()}`;
  return Date.now() > mtimeMs - DAY_MS
    ? ok(words)
    : warning(`${words}: the clock is behind the files of this program`);
}

function findThreads({ threads }: Configuration) {
  const cores = availableParallelism();
  const words = `threads of the runtime: ${threads}, cores: ${cores}`;
  return threads < cores
    ? ok(words)
    : warning(`${words}: a running job leaves none to the service`);
}

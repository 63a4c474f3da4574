import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { addLeavingOptions, leave, readLeaving } from '../cluster/leave.js';
import { databaseUrl, globalOptions, readConcurrency } from '../options/global-options.js';
import { offeredOption, offeredProvider } from '../options/provider-option.js';
import type { Io } from '../terminal/io.js';

/** Lets jobs that end by themselves in a moment do so; the rest is back in the queue within ten seconds. */
const GRACE_MS = 4000;
const LAST_RESORT_MS = 9500;

/**
 * `ventral worker`: does the jobs of a service on another host or this one, until a signal ends it, its time is up
 * or, if that is asked, nothing is left to do.
 */
export function registerWorker(program: Command, io: Io): void {
  const command = program
    .command('worker')
    .description('run jobs from the PostgreSQL database in DATABASE_URL')
    .option('--concurrency <n>', 'concurrent jobs', '1')
    .option(...offeredOption);
  addLeavingOptions(command).action(async (_options: unknown, command: Command) => {
    await work(command, io);
  });
}

async function work(command: Command, io: Io): Promise<void> {
  const { home, maxMemory, maxScratch, maxCache, threads, verbose } = globalOptions(command);
  const concurrency = readConcurrency(command, 1);
  const provider = offeredProvider(command);
  const leaving = readLeaving(command, process.env);
  const url = databaseUrl();
  if (url === undefined) {
    throw new VentralError(
      'bad-usage',
      'ventral worker needs the PostgreSQL of the service: set DATABASE_URL, such as postgresql://user:password@host:5432/ventral',
      { field: 'DATABASE_URL' },
    );
  }
  const { stopped, drained } = signalled();
  const { serviceLog } = await import('../../service/http/service-log.js');
  const { startWorker } = await import('../../service/worker/start-worker.js');
  const log = serviceLog(verbose ? 'debug' : 'info');
  const worker = await startWorker({
    ...{ databaseUrl: url, home, maxMemory, maxScratch, maxCache, threads, concurrency, log },
    ...{ provider, ...present({ untilEmpty: leaving.untilEmpty }) },
  });
  io.out(`ventral worker is ready on ${worker.place}\n`);
  const left = leave(worker, leaving, drained, log);
  const failed = await Promise.race([stopped, worker.failed, left]);
  log.info('Stopping');
  await worker.stop(failed ? 0 : GRACE_MS);
  log.info('Stopped');
  if (failed) throw failed;
}

/**
 * SIGUSR2 drains, the others stop. A second SIGINT ends the process immediately; schedulers may repeat SIGTERM.
 */
function signalled(): { readonly stopped: Promise<undefined>; readonly drained: Promise<void> } {
  const drained = new Promise<void>((resolve) => {
    if (process.platform !== 'win32') process.on('SIGUSR2', () => resolve());
  });
  const stopped = new Promise<undefined>((resolve) => {
    let heard = 0;
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (heard++ > 0 && name === 'SIGINT') process.exit(1);
        setTimeout(() => process.exit(1), LAST_RESORT_MS).unref();
        resolve(undefined);
      });
    }
  });
  return { stopped, drained };
}

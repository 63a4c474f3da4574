import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { type Deadlines, usualDeadlines } from '../../service/queue/deadlines.js';
import { GENEROUS_FAILED_SECONDS } from '../../service/queue/failed-work.js';
import type { Service } from '../../service/start-service.js';
import type { Keeping } from '../../store/jobs/old-jobs.js';
import { GENEROUS_RATE, generousQuotas, type Quotas } from '../../store/records/quota.js';
import {
  globalOptions,
  parseSize,
  readConcurrency,
  serviceThreads,
  sizeText,
} from '../options/global-options.js';
import { offeredOption, offeredProvider } from '../options/provider-option.js';
import { readTime } from '../options/read-time.js';
import { storePlace } from '../options/store-place.js';
import type { Io } from '../terminal/io.js';

const DEFAULT_PORT = 8080;
/** A signal ends everything within ten seconds (design §6). */
const LAST_RESORT_MS = 9000;

/** `ventral serve`: the service on loopback, until a signal ends it. */
export function registerServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description('start the HTTP service')
    .option(
      '--host <address>',
      'address to listen on; any other than loopback requires keys',
      '127.0.0.1',
    )
    .option(
      '--port <n>',
      'port, 0 for any free one (VENTRAL_PORT); default 8080 or the next free one',
    )
    .option(
      '--concurrency <n>',
      'concurrent jobs of the service; 0: only ventral worker runs jobs',
      '1',
    )
    .option(
      '--quota-uploads <n>',
      'models and benchmarks that an owner may register a day',
      String(generousQuotas.uploads),
    )
    .option(
      '--quota-storage <size>',
      'bytes that an owner may store',
      sizeText(generousQuotas.storage).replace(' ', ''),
    )
    .option(
      '--quota-jobs <n>',
      'queued and running jobs that an owner may have',
      String(generousQuotas.jobs),
    )
    .option(
      '--quota-failed-seconds <n>',
      'seconds of failed work per hour that an owner may use',
      String(GENEROUS_FAILED_SECONDS),
    )
    .option(
      '--check-seconds <n>',
      'time limit of the check of an upload, plus one second for each 4 MiB',
      String(usualDeadlines.check),
    )
    .option(
      '--activation-seconds <n>',
      'time limit of the activations of one request, in seconds',
      String(usualDeadlines.activation),
    )
    .option(...offeredOption)
    .option('--rate-limit <n>', 'requests a minute of one key or address', String(GENEROUS_RATE))
    .option(
      '--keep-draws <time>',
      'remove the draws behind intervals that long after the job, such as 365d; default: never',
    )
    .option(
      '--keep-progress <time>',
      'remove the events of progress that long after the job, such as 30d; default: never',
    )
    .option('--no-score-shipped', 'do not score the shipped models while the queue is empty')
    .option(
      '--webhook-allow <host>',
      'host or private address that may receive webhooks (repeatable)',
      (host: string, others: string[]) => [...others, host],
      [],
    )
    .action(async (_options: unknown, command: Command) => {
      await serve(command, io);
    });
}

async function serve(command: Command, io: Io): Promise<void> {
  const { maxMemory, maxScratch, maxCache, verbose } = globalOptions(command);
  const { host, port, rateLimit, quotaFailedSeconds, webhookAllow, scoreShipped } = command.opts<{
    host: string;
    port?: string;
    rateLimit: string;
    quotaFailedSeconds: string;
    webhookAllow: string[];
    scoreShipped: boolean;
  }>();
  const asked = port ?? (process.env.VENTRAL_PORT || undefined);
  const stopped = signalled();
  const { serviceLog } = await import('../../service/http/service-log.js');
  const log = serviceLog(verbose ? 'debug' : 'info');
  const settings = {
    ...(await storePlace(command)),
    host,
    port: readPort(asked),
    orNext: asked === undefined,
    maxMemory,
    maxScratch,
    maxCache,
    threads: serviceThreads(command),
    concurrency: readConcurrency(command, 0),
    quotas: readQuotas(command),
    failedSeconds: readCount('--quota-failed-seconds', quotaFailedSeconds),
    deadlines: readDeadlines(command),
    keeping: readKeeping(command),
    rateLimit: readCount('--rate-limit', rateLimit),
    webhooks: { allow: webhookAllow },
    scoreShipped,
    provider: offeredProvider(command),
  };
  // A terminal gets sentences; who collects logs gets lines of the log.
  const say = (words: string) => (io.interactive ? io.err(`${words}\n`) : log.info(words));
  say(`Starting ventral ${packageVersion} on the home ${settings.home}, ${databaseText(settings)}`);
  const { startService } = await import('../../service/start-service.js');
  const starting = startService({ ...settings, waits: (what) => say(`Waiting for ${what}`), log });
  // A signal during the start waits for it, so that everything is closed in order.
  const service = await starting;
  await Promise.race([announce(service, io), stopped]);
  await stopped;
  await end(service, log);
}

/** Where the tables are; an address of PostgreSQL may hold a password. */
function databaseText({ databaseUrl }: { readonly databaseUrl?: string }): string {
  if (databaseUrl === undefined) return 'with its embedded database';
  if (!URL.canParse(databaseUrl)) return 'with PostgreSQL';
  const { host, pathname } = new URL(databaseUrl);
  return `with PostgreSQL at ${host}${pathname}`;
}

function readPort(asked: string | undefined): number {
  if (asked === undefined) return DEFAULT_PORT;
  const port = Number(asked);
  if (!/^\d+$/.test(asked) || port > 65_535)
    throw new VentralError('bad-usage', `--port: expected 0 to 65535, found "${asked}"`, {
      field: 'port',
    });
  return port;
}

function readQuotas(command: Command): Quotas {
  const given = command.opts<{
    quotaUploads: string;
    quotaStorage: string;
    quotaJobs: string;
  }>();
  return {
    uploads: readCount('--quota-uploads', given.quotaUploads),
    storage: parseSize(given.quotaStorage, '--quota-storage', 0),
    jobs: readCount('--quota-jobs', given.quotaJobs),
  };
}

function readDeadlines(command: Command): Deadlines {
  const given = command.opts<{ checkSeconds: string; activationSeconds: string }>();
  return {
    check: readSeconds('--check-seconds', given.checkSeconds),
    activation: readSeconds('--activation-seconds', given.activationSeconds),
  };
}

function readKeeping(command: Command): Keeping {
  const { keepDraws, keepProgress } = command.opts<{ keepDraws?: string; keepProgress?: string }>();
  return present({
    draws: keepDraws === undefined ? undefined : readTime(keepDraws, '--keep-draws'),
    progress: keepProgress === undefined ? undefined : readTime(keepProgress, '--keep-progress'),
  });
}

/** As {@link readCount}; nothing is done in no time. */
function readSeconds(option: string, text: string): number {
  const seconds = readCount(option, text);
  if (seconds > 0) return seconds;
  throw new VentralError('bad-usage', `${option}: expected at least 1, found "${text}"`);
}

function readCount(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new VentralError('bad-usage', `${option}: expected a whole number, found "${text}"`);
  }
  return Number(text);
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(name, () => {
        setTimeout(() => process.exit(1), LAST_RESORT_MS).unref();
        resolve();
      });
    }
  });
}

/** The one line of stdout, once the service says that it is ready. */
async function announce(service: Service, io: Io): Promise<void> {
  while (!(await fetch(`${service.url}/v1/ready`)).ok) await sleep(50);
  collectGarbage();
  io.out(`ventral is ready at ${service.url}\n`);
}

/** The start leaves half of its heap as garbage, which a service at rest would keep: nothing else makes it collect. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  collect();
}

async function end(service: Service, log: Logger): Promise<void> {
  log.info('Stopping');
  await service.close();
  log.info('Stopped');
}

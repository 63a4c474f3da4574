import { availableParallelism, homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import envPaths from 'env-paths';
import { VentralError } from '../../errors/ventral-error.js';

/** The options that every command knows (design §6). */
export interface GlobalOptions {
  /** Folder of everything that ventral keeps. */
  readonly home: string;
  /** Bytes that the work may hold in memory beyond the network's own. */
  readonly maxMemory: number;
  /** Bytes of scratch disk. */
  readonly maxScratch: number;
  /** Bytes of the activation cache; 0 turns it off. */
  readonly maxCache: number;
  readonly threads: number;
  readonly verbose: boolean;
}

/** Adds them to the program; commander then finds them before and after a subcommand. */
export function addGlobalOptions(program: Command): Command {
  return program
    .option('--home <folder>', 'folder of all state (VENTRAL_HOME)')
    .option('--max-memory <size>', 'memory limit', '2GiB')
    .option('--max-scratch <size>', 'scratch disk limit', '10GiB')
    .option('--max-cache <size>', 'disk limit of the activation cache; 0: no cache', '10GiB')
    .option('--threads <n>', 'threads of the runtime')
    .option('--verbose', 'show the stack of an error', false);
}

/**
 * Reads them, with the environment's defaults.
 * @throws VentralError `bad-usage`
 */
export function globalOptions(command: Command): GlobalOptions {
  const given = command.optsWithGlobals();
  const threads = given.threads === undefined ? availableParallelism() : Number(given.threads);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new VentralError(
      'bad-usage',
      `--threads: expected a whole number from 1, found "${given.threads}"`,
    );
  }
  return {
    home: homeFolder(given.home),
    maxMemory: parseSize(given.maxMemory, '--max-memory'),
    maxScratch: parseSize(given.maxScratch, '--max-scratch'),
    maxCache: parseSize(given.maxCache, '--max-cache', 0),
    threads,
    verbose: Boolean(given.verbose),
  };
}

/**
 * Threads of a job beside a service: as many as `--threads` says, else all cores but the one that
 * answers requests.
 * @throws VentralError `bad-usage`
 */
export function serviceThreads(command: Command): number {
  const { threads } = globalOptions(command);
  return command.optsWithGlobals().threads === undefined ? Math.max(1, threads - 1) : threads;
}

function homeFolder(given: string | undefined): string {
  const wanted = given ?? process.env.VENTRAL_HOME;
  if (wanted) return resolve(wanted.replace(/^~(?=\/|$)/, homedir()));
  return envPaths('ventral', { suffix: '' }).data;
}

const units: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Bytes of `2GiB`, `512MiB`, `1.5G` or a plain number; throws `bad-usage` naming the option.
 * @param least bytes that are still allowed
 */
export function parseSize(text: string, option: string, least = 1): number {
  const found = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = found ? Number(found[1]) * units[found[2].toUpperCase()] : Number.NaN;
  if (!(bytes >= least)) {
    const sizes = least === 0 ? '512MiB or 2GiB, or 0,' : '512MiB or 2GiB,';
    throw new VentralError(
      'bad-usage',
      `${option}: expected a size such as ${sizes} found "${text}"`,
    );
  }
  return Math.floor(bytes);
}

/** A size for people: `1.2 GiB`, `512 MiB`, `17 bytes`. */
export function sizeText(bytes: number): string {
  const unit = ['T', 'G', 'M', 'K'].find((prefix) => bytes >= units[prefix]);
  if (unit === undefined) return `${bytes} bytes`;
  return `${Number((bytes / units[unit]).toFixed(1))} ${unit}iB`;
}

/** The PostgreSQL that holds the tables, where one is named (DATABASE_URL). */
export const databaseUrl = (): string | undefined => process.env.DATABASE_URL || undefined;

/** Concurrent jobs from `--concurrency`; throws `bad-usage`. */
export function readConcurrency(command: Command, least: 0 | 1): number {
  const { concurrency } = command.opts<{ concurrency: string }>();
  const jobs = Number(concurrency);
  if (!/^\d{1,4}$/.test(concurrency) || jobs < least) {
    throw new VentralError(
      'bad-usage',
      `--concurrency: expected a whole number from ${least}, found "${concurrency}"`,
      { field: 'concurrency' },
    );
  }
  return jobs;
}

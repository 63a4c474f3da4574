import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { globalOptions, sizeText } from '../options/global-options.js';
import { storePlace } from '../options/store-place.js';
import type { Io } from '../terminal/io.js';

/** `ventral backup F` and `ventral restore F`: all that a home holds in one file, for either database. */
export function registerBackup(program: Command, io: Io): void {
  program
    .command('backup <file>')
    .description('write models, benchmarks, jobs, scores and keys to one new file')
    .action((file: string, _options: unknown, command: Command) => backup(file, command, io));
  program
    .command('restore <file>')
    .description(
      'restore a backup to a new home, and to an empty PostgreSQL if DATABASE_URL is set',
    )
    .option('--skip-damaged', 'skip damaged entries and list them')
    .action((file: string, _options: unknown, command: Command) => restore(file, command, io));
}

async function backup(file: string, command: Command, io: Io): Promise<void> {
  const { saveBackup } = await import('../../service/access/backup-access.js');
  const { lost = [] } = await saveBackup(await storePlace(command), file);
  const { size } = await stat(file);
  io.err(`Wrote ${file} (${sizeText(size)}); it contains hashes of keys: keep it private\n`);
  for (const { kind, digest, state } of lost)
    io.err(`Left out the ${kind} ${digest}: its file is ${state} (see ventral fsck)\n`);
  if (lost.length > 0) process.exitCode = 1;
}

async function restore(file: string, command: Command, io: Io): Promise<void> {
  const { maxMemory } = globalOptions(command);
  const place = await storePlace(command);
  const { takeBackup } = await import('../../service/access/backup-access.js');
  const { skipDamaged = false } = command.opts<{ skipDamaged?: boolean }>();
  const {
    tables,
    models,
    benchmarks,
    createdAt,
    skipped,
    lost = [],
  } = await takeBackup(file, place, maxMemory, skipDamaged);
  const rows = (name: string) => tables.find(({ table }) => table === name)?.rows ?? 0;
  io.err(
    `Restored ${rows('models')} models (${models.length} files), ${rows('benchmarks')} benchmarks (${benchmarks.length} archives) and ${rows('jobs')} jobs of ${createdAt} into ${place.home}\n`,
  );
  for (const name of skipped) io.err(`Skipped ${name}: damaged in the archive\n`);
  for (const { kind, digest, state } of lost)
    io.err(`The ${kind} ${digest} was ${state} when the backup was made\n`);
}

import type { Command } from 'commander';
import { visibleName } from '../../report/visible-name.js';
import type { FsckReport } from '../../service/backup/fsck.js';
import { globalOptions } from '../options/global-options.js';
import { storePlace } from '../options/store-place.js';
import { printRows } from '../print/print-rows.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';

interface FsckFlags {
  readonly heal?: boolean;
  readonly quarantine?: boolean;
  readonly json?: boolean;
}

/** `ventral fsck [archives]`: compares stored files, or backups, with their digests. */
export function registerFsck(program: Command, io: Io): void {
  program
    .command('fsck [archives...]')
    .description('compare every stored file of the home, or backups by path, with their digests')
    .option('--heal', 'replace damaged files that have a second copy')
    .option('--quarantine', 'move damaged files that were not healed to HOME/quarantine')
    .option('--json', 'print JSON')
    .action((archives: string[], _options: unknown, command: Command) =>
      fsck(archives, command, io),
    );
}

async function fsck(archives: readonly string[], command: Command, io: Io): Promise<void> {
  const { heal = false, quarantine = false, json } = command.opts<FsckFlags>();
  const { maxMemory } = globalOptions(command);
  const access = await import('../../service/access/fsck-access.js');
  const stop = interruption();
  try {
    const { signal } = stop;
    const report =
      archives.length > 0
        ? await access.checkArchives(archives)
        : await access.fsck(await storePlace(command), { heal, quarantine }, { maxMemory, signal });
    if (json) io.out(`${JSON.stringify(report, null, 2)}\n`);
    else printDamage(report, io);
    if (!report.ok) process.exitCode = 1;
  } finally {
    stop.release();
  }
}

/** Damaged files to stdout, counts to stderr. */
export function printDamage({ ok, checked, findings }: FsckReport, io: Io): void {
  const rows = findings.map(({ kind, name, state, action, detail, jobs }) => [
    // Files of a stranger's archive have a stranger's names.
    ...[kind, visibleName(name), action === 'none' ? state : `${state}, ${action}`],
    visibleName(detail ?? ''),
    jobs.join(' '),
  ]);
  if (rows.length > 0) printRows(['kind', 'name', 'state', 'detail', 'withdrawn'], rows, io);
  const counts = Object.entries(checked).map(([kind, count]) => `${kind} ${count}`);
  const verdict = ok ? 'no damage found' : 'damage found';
  io.err(`Checked: ${counts.join(', ')}; ${verdict}\n`);
}

import type { Command } from 'commander';
import { present } from '../../formats/present.js';
import type { Configuration } from '../../service/diagnose.js';
import type { DatabaseFinding } from '../../service/diagnose-database.js';
import { databaseUrl, globalOptions, serviceThreads, sizeText } from '../options/global-options.js';
import { printRows } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';

/** `ventral doctor`: checks the installation on this machine. */
export function registerDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('check the installation on this machine')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => examine(command, io));
}

async function examine(command: Command, io: Io): Promise<void> {
  const { home, maxMemory, maxScratch, maxCache } = globalOptions(command);
  const url = databaseUrl();
  const configuration: Configuration = {
    ...{ home, maxMemory, maxScratch, maxCache },
    threads: serviceThreads(command),
    ...present({ databaseUrl: url }),
  };
  const { diagnose } = await import('../../service/diagnose.js');
  const database = await placeOf(url);
  const findings = await diagnose(configuration);
  if (command.optsWithGlobals().json) {
    const shown = { ...configuration, databaseUrl: undefined, database };
    io.out(`${JSON.stringify({ findings, configuration: shown }, null, 2)}\n`);
  } else {
    printDiagnosis(findings, io);
    const sizes = [maxMemory, maxScratch, maxCache].map(sizeText);
    io.err(
      `--home ${home} --max-memory ${sizes[0]} --max-scratch ${sizes[1]} --max-cache ${sizes[2]} --threads ${configuration.threads}, database ${database}\n`,
    );
  }
  if (findings.some(({ state }) => state === 'missing')) process.exitCode = 1;
}

/** What was found, one row a check. */
export function printDiagnosis(findings: readonly DatabaseFinding[], io: Io): void {
  printRows(
    ['state', 'check', 'found'],
    findings.map(({ check, state, detail }) => [state, check, detail]),
    io,
  );
}

/** Without user and password; a malformed URL is a finding. */
async function placeOf(url: string | undefined): Promise<string> {
  if (url === undefined) return 'embedded';
  const { databasePlace } = await import('../../store/database/postgres-database.js');
  try {
    return databasePlace(url);
  } catch {
    return 'not an address';
  }
}

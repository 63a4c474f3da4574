import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, Help, type Option } from 'commander';
import { VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';
import { registerLeaderboard } from './board/leaderboard.js';
import { registerSlurm } from './cluster/slurm.js';
import { registerAblate } from './commands/ablate.js';
import { registerAttack } from './commands/attack.js';
import { registerAverage } from './commands/average.js';
import { registerBackup } from './commands/backup.js';
import { registerBenchmarks } from './commands/benchmarks.js';
import { registerCache } from './commands/cache.js';
import { registerCheckPackage } from './commands/check-package.js';
import { registerCompare } from './commands/compare.js';
import { registerCompletion } from './commands/completion.js';
import { registerData } from './commands/data.js';
import { registerDoctor } from './commands/doctor.js';
import { registerFsck } from './commands/fsck.js';
import { registerHelp } from './commands/help.js';
import { registerImport } from './commands/import.js';
import { registerKeys } from './commands/keys.js';
import { registerMap } from './commands/map.js';
import { registerModels } from './commands/models.js';
import { registerNetworks } from './commands/networks.js';
import { registerPackage } from './commands/package.js';
import { registerScore } from './commands/score.js';
import { registerServe } from './commands/serve.js';
import { registerTrain } from './commands/train.js';
import { registerVerify } from './commands/verify.js';
import { registerWorker } from './commands/worker.js';
import { addExamples } from './help-examples.js';
import { addGlobalOptions } from './options/global-options.js';
import { requireOutputPlaces } from './options/output-places.js';
import { errorText, visibleText } from './terminal/error-text.js';
import type { Io } from './terminal/io.js';
import { registerWatch } from './watch/watch.js';

/** The tree of commands, as `ventral --help` shows it. */
export function program(io: Io): Command {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const ventral = new Command('ventral')
    .description('How brain-like is this checkpoint? Brain-Score’s definitions, on your machine.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, optionDescription })
    .configureOutput({ writeOut: io.out, writeErr: () => {} });
  addGlobalOptions(ventral);
  ventral.hook('preAction', (_program, command) => requireOutputPlaces(command));
  for (const register of [
    registerScore,
    registerMap,
    registerCompare,
    registerWatch,
    registerNetworks,
    registerImport,
    registerBenchmarks,
    registerModels,
    registerLeaderboard,
    registerData,
    registerCache,
    registerVerify,
    registerTrain,
    registerAblate,
    registerAverage,
    registerAttack,
    registerPackage,
    registerCheckPackage,
    registerServe,
    registerWorker,
    registerSlurm,
    registerBackup,
    registerFsck,
    registerKeys,
    registerDoctor,
    registerCompletion,
    registerHelp,
  ]) {
    register(ventral, io);
  }
  addExamples(ventral);
  return ventral;
}

const help = new Help();

/** A required option is marked as such; nothing as a default is not mentioned. */
function optionDescription(option: Option): string {
  const { defaultValue, description, mandatory } = option;
  const none = defaultValue === false || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return `${none ? description : help.optionDescription(option)}${mandatory ? ' (required)' : ''}`;
}

/** Runs one command line, `argv` as a process gets it; resolves to the exit status (0, 1, 2 or 130). */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<number> {
  const ventral = program(io);
  try {
    // What an earlier command line in this process left is not the status of this one.
    process.exitCode = undefined;
    await ventral.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return 0;
      io.err(
        thrown.code === 'commander.help'
          ? ventral.helpInformation()
          : visibleText(`ventral: ${thrown.message.replace(/^error: /, '').replaceAll('\n', ' ')}`),
      );
      return 2;
    }
    const error = VentralError.from(thrown);
    io.err(errorText(error, { verbose: argv.includes('--verbose') }));
    return error.exit;
  }
}

import { Argument, type Command } from 'commander';
import { completionScript, type Shell, shells } from '../print/completion-scripts.js';
import type { Io } from '../terminal/io.js';

/** `ventral completion`: a script for a shell, made of the commands as they are. */
export function registerCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a script by which a shell completes commands, models and benchmarks')
    .addArgument(new Argument('<shell>', 'shell').choices(shells))
    .action(async (shell: Shell) => {
      const { shippedModels } = await import('../../activations/model-file.js');
      const { listBenchmarks } = await import('../../scoring/registry/registry.js');
      const names = {
        models: await shippedModels(),
        benchmarks: listBenchmarks().map(({ id }) => id),
      };
      io.out(completionScript(shell, program, names));
    });
}

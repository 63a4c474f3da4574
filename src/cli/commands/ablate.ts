import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { globalOptions } from '../options/global-options.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

interface AblateOptions {
  readonly output?: string;
  readonly resume?: boolean;
  readonly addOne?: boolean;
}

/** `ventral ablate FILE.yaml`: what each technique of a training is worth. */
export function registerAblate(program: Command, io: Io): void {
  program
    .command('ablate')
    .description('train without each technique and measure its effect')
    .argument('<ablation>', 'YAML file, see models/ablation.schema.json')
    .option('-o, --output <folder>', 'folder of all runs; default runs/<name>')
    .option('--resume', 'resume the ablation in that folder')
    .option('--add-one', 'add each technique to the plain stages in place of leaving it out')
    .action((file: string, options: AblateOptions, command: Command) =>
      ablate(file, options, command, io),
    );
}

async function ablate(
  file: string,
  options: AblateOptions,
  command: Command,
  io: Io,
): Promise<void> {
  const { parseAblation } = await import('../../training/ablation/ablation.js');
  const { isAblation, runAblation } = await import('../../training/ablation/run-ablation.js');
  const { writeAblation } = await import('../../training/ablation/write-ablation.js');
  const { printAblation } = await import('../print/print-ablation.js');
  const text = await readFile(file, 'utf8').catch((error) => {
    throw VentralError.from(error);
  });
  const ablation = parseAblation(text, file);
  const direction = options.addOne ? 'add-one' : 'leave-one-out';
  const ending = options.addOne ? '-add-one' : '';
  const folder = options.output ?? join('runs', `${ablation.name}${ending}`);
  checkFolder(folder, isAblation(folder), options.resume ?? false);
  const { home, threads, maxMemory, maxScratch } = globalOptions(command);
  const bar = progressBar(io);
  const stop = interruption();
  const { signal } = stop;
  const resources = { home, threads, maxMemory, maxScratch, signal, progress: bar.progress };
  try {
    const places = { base: dirname(file), folder };
    const result = await runAblation(ablation, places, { ...resources, direction, file });
    bar.clear();
    const words = ['npx ventral ablate', file, ...(options.addOne ? ['--add-one'] : [])];
    await writeAblation(folder, ablation, result, words.join(' '));
    printAblation(result, io);
    io.err(`Wrote ${join(folder, 'ablation.{json,csv,html,md}')}\n`);
    if (result.cells.some(({ missing }) => missing.size > 0)) process.exitCode = 1;
  } finally {
    bar.end();
    stop.release();
  }
}

function checkFolder(folder: string, there: boolean, resume: boolean): void {
  if (there && !resume)
    throw new VentralError(
      'file-exists',
      `${folder} has an ablation already: resume it with --resume, or choose another folder with -o`,
      { file: folder },
    );
  if (!there && resume)
    throw new VentralError('file-missing', `${folder} has no ablation to resume`, {
      file: folder,
    });
}

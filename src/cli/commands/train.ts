import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { globalOptions } from '../global-options.js';
import { interruption } from '../interruption.js';
import type { Io } from '../io.js';
import { progressBar } from '../progress-bar.js';

interface TrainOptions {
  readonly output?: string;
  readonly resume?: boolean;
  readonly preview?: string;
}

/** `ventral train RECIPE.yaml`: the stages of a recipe, from the first to the report. */
export function registerTrain(program: Command, io: Io): void {
  program
    .command('train')
    .description('train a network by a recipe, evaluate and score it')
    .argument('<recipe>', 'YAML file, see models/recipe.schema.json')
    .option('-o, --output <folder>', 'folder of the run; runs/<name> unless said')
    .option('--resume', 'go on with the run in that folder')
    .option('--preview <file>', 'write a PNG of pictures as the first stage shows them, and end')
    .action((recipe: string, options: TrainOptions, command: Command) =>
      options.preview === undefined
        ? train(recipe, options, command, io)
        : preview(recipe, options.preview, io),
    );
}

async function readRecipe(file: string) {
  const { parseRecipe } = await import('../../training/recipe/recipe.js');
  const text = await readFile(file, 'utf8').catch((error) => {
    throw VentralError.from(error);
  });
  return parseRecipe(text, file);
}

async function train(file: string, options: TrainOptions, command: Command, io: Io): Promise<void> {
  const recipe = await readRecipe(file);
  const { isRun } = await import('../../training/run/run-folder.js');
  const { runInThread } = await import('../../training/run/run-in-thread.js');
  const folder = options.output ?? join('runs', recipe.name);
  if (isRun(folder) && !options.resume)
    throw new VentralError(
      'file-exists',
      `${folder} holds a run already: give --resume to go on with it, or -o for another folder`,
      { file: folder },
    );
  if (!isRun(folder) && options.resume)
    throw new VentralError('file-missing', `${folder} holds no run to go on with`, {
      file: folder,
    });
  const { home, threads, maxMemory, maxScratch } = globalOptions(command);
  const bar = progressBar(io);
  const stop = interruption();
  const { signal } = stop;
  const resources = { home, threads, maxMemory, maxScratch, signal, progress: bar.show };
  try {
    await runInThread(recipe, { base: dirname(file), folder }, resources);
  } finally {
    bar.clear();
    stop.release();
  }
  io.err(`Wrote ${join(folder, 'model.onnx')} and ${join(folder, 'report.html')}\n`);
}

async function preview(file: string, output: string, io: Io): Promise<void> {
  const recipe = await readRecipe(file);
  const { writePreview } = await import('../../training/run/preview.js');
  await writePreview(recipe, dirname(file), output);
  io.err(`Wrote ${output}\n`);
}

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import type { Provider } from '../../runtime/provider.js';
import { globalOptions } from '../options/global-options.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

interface TrainOptions {
  readonly output?: string;
  readonly resume?: boolean;
  readonly preview?: string;
  readonly provider: string;
}

/** `ventral train RECIPE.yaml`: the stages of a recipe, from the first to the report. */
export function registerTrain(program: Command, io: Io): void {
  program
    .command('train')
    .description('train a network by a recipe, evaluate and score it')
    .argument('<recipe>', 'YAML file, see models/recipe.schema.json')
    .option('-o, --output <folder>', 'folder of the run; default runs/<name>')
    .option('--resume', 'resume the run in that folder')
    .addOption(
      new Option(
        '--provider <name>',
        'execution provider of the steps; auto: a GPU that passes a test',
      )
        .choices(['cpu', 'webgpu', 'cuda', 'auto'])
        .default('cpu'),
    )
    .option('--preview <file>', 'write a PNG of images as the first stage augments them, and exit')
    .action((recipe: string, options: TrainOptions, command: Command) =>
      options.preview === undefined
        ? train(recipe, options, command, io)
        : preview(recipe, options.preview, io),
    );
}

async function readRecipe(file: string) {
  const { parseRecipe } = await import('../../training/recipe/parse-recipe.js');
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
      `${folder} has a run already: resume it with --resume, or choose another folder with -o`,
      { file: folder },
    );
  if (!isRun(folder) && options.resume)
    throw new VentralError('file-missing', `${folder} has no run to resume`, {
      file: folder,
    });
  const { home, threads, maxMemory, maxScratch } = globalOptions(command);
  const provider = await providerOf(options.provider as Provider | 'auto', io);
  const bar = progressBar(io);
  const stop = interruption();
  const { signal } = stop;
  const limits = { home, threads, maxMemory, maxScratch };
  const resources = { ...limits, provider, signal, progress: bar.progress };
  try {
    await runInThread(recipe, { base: dirname(file), folder }, resources);
  } finally {
    bar.end();
    stop.release();
  }
  io.err(`Wrote ${join(folder, 'model.onnx')} and ${join(folder, 'report.html')}\n`);
}

async function providerOf(asked: Provider | 'auto', io: Io): Promise<Provider> {
  if (asked === 'cpu') return asked;
  const { chooseProvider } = await import('../../training/step/provider.js');
  const { provider, word } = await chooseProvider(asked);
  io.err(`${word}\n`);
  return provider;
}

async function preview(file: string, output: string, io: Io): Promise<void> {
  const recipe = await readRecipe(file);
  const { writePreview } = await import('../../training/run/preview.js');
  await writePreview(recipe, dirname(file), output);
  io.err(`Wrote ${output}\n`);
}

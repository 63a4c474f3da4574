import { basename } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { ScoreContext, ScoreOutcome } from '../../scoring/model/score-model.js';
import type { Answered } from '../../scoring/receipt/write-receipt.js';
import { globalOptions } from '../options/global-options.js';
import { keepReceipt, requireReceiptPath } from '../options/receipt-option.js';
import { printScores } from '../print/print-scores.js';
import { sayWithoutValue } from '../print/say-failed.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

interface ScoreOptions {
  readonly benchmark: string[];
  readonly layer: string[];
  readonly features?: string;
  readonly card?: string;
  readonly assume?: string;
  readonly input: string[];
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly detail?: boolean;
  readonly receipt?: string;
}

/** Options that take several values are repeated or comma-separated (design §6). */
export const several = (value: string, before: string[]): string[] => [
  ...before,
  ...value.split(',').filter(Boolean),
];
const repeated = (value: string, before: string[]): string[] => [...before, value];

/** `ventral score`: models, or a file of features, on benchmarks. */
export function registerScore(program: Command, io: Io): void {
  program
    .command('score')
    .description('score models, or a file of features, on benchmarks')
    .argument('[models...]', 'ONNX files, cards, model folders or names of shipped models')
    .option('-b, --benchmark <id|file>', 'benchmark identifier or file (required)', several, [])
    .option('-l, --layer <region=layer>', 'layer of a region, of behavior, or of all', repeated, [])
    .option('--features <file>', 'features in place of a model: .npz, .nc or .csv')
    .option(
      '--card <file>',
      'model card; of several models too, whose rows are named by their files',
    )
    .option('--assume <preset>', 'preset for a model without a card: imagenet')
    .option('--input <sizes>', 'score at another input size: resize=324,crop=288', repeated, [])
    .option('--json', 'print an array of Scores')
    .option('--csv', 'print one line a score')
    .option('--detail', 'with splits, neuroids and their ids')
    .option(
      '--receipt <file>',
      'write a receipt: everything the numbers depend on, for `ventral verify`',
    )
    .action(async (models: string[], options: ScoreOptions, command: Command) => {
      checkUsage(models, options);
      const { answered, failures } = await score(models, options, command, io);
      const scores = answered.flatMap(({ scores, request }) =>
        'model' in request && options.card !== undefined && models.length > 1
          ? scores.map((each) => ({ ...each, name: nameOf(request.model.path, models) }))
          : scores,
      );
      const outcome = { scores, failures };
      printScores(outcome, { ...options, verbose: globalOptions(command).verbose }, io);
      await keepReceipt(options.receipt, answered, globalOptions(command));
      const empty = sayWithoutValue(outcome.scores, io);
      if (failures.length === 0 && empty === 0) return;
      // Where nothing could be scored the reason decides; where something was, one is missing.
      const exits = new Set(failures.map(({ error }) => error.exit));
      process.exitCode = outcome.scores.length === 0 && exits.size === 1 ? [...exits][0] : 1;
    });
}

/** A file among others under one card, whose name they share: by the name of the file, or by path where two have it. */
function nameOf(path: string, models: readonly string[]): string {
  const name = basename(path);
  return models.filter((each) => basename(each) === name).length > 1 ? path : name;
}

function checkUsage(models: readonly string[], options: ScoreOptions): void {
  const refuse = (sentence: string) => new VentralError('bad-usage', sentence);
  if (options.benchmark.length === 0)
    throw refuse('score: give --benchmark; `ventral benchmarks list` lists them');
  if (models.length === 0 && !options.features)
    throw refuse('score: name a model, or give --features FILE');
  if (models.length > 0 && options.features)
    throw refuse('score: a model and --features exclude each other');
  const ofModels = ['card', 'assume'] as const;
  const idle = options.features && ofModels.find((name) => options[name] !== undefined);
  if (idle) throw refuse(`score: --${idle} applies to a model; it cannot be used with --features`);
  if (options.features && options.input.length > 0)
    throw refuse('score: --input applies to a model; it cannot be used with --features');
  if (options.json && options.csv) throw refuse('score: --json and --csv exclude each other');
}

/** A request with its scores and failures. */
interface Answers {
  readonly answered: readonly Exclude<Answered, { kind: 'map' }>[];
  readonly failures: ScoreOutcome['failures'];
}

async function score(
  models: readonly string[],
  options: ScoreOptions,
  command: Command,
  io: Io,
): Promise<Answers> {
  const { home, threads, maxMemory, maxScratch, maxCache } = globalOptions(command);
  await requireReceiptPath(options.receipt);
  const bar = progressBar(io);
  const stop = interruption();
  const context = {
    home,
    threads,
    maxMemory,
    maxScratch,
    signal: stop.signal,
    progress: bar.progress,
  };
  try {
    if (options.features) return await scoreFile(options.features, options, context);
    const { ContentCache } = await import('../../activations/cache/content-cache.js');
    const cache = await ContentCache.open(home, { maxBytes: maxCache });
    return await scoreModels(models, options, { ...context, cache });
  } finally {
    bar.end();
    stop.release();
  }
}

async function scoreFile(
  features: string,
  options: ScoreOptions,
  context: ScoreContext,
): Promise<Answers> {
  const { scoreFeatures } = await import('../../scoring/features/score-features.js');
  const request = {
    features,
    layers: options.layer.flatMap((value) => several(value, [])),
    benchmarks: options.benchmark,
    ...(options.detail ? { detail: true } : {}),
  };
  const { scores, failures } = await scoreFeatures(request, context);
  return { answered: [{ kind: 'features', request, scores }], failures };
}

async function scoreModels(
  models: readonly string[],
  options: ScoreOptions,
  context: ScoreContext,
): Promise<Answers> {
  const [{ scoreModel }, { parseInputSize }] = await Promise.all([
    import('../../scoring/model/score-model.js'),
    import('../../activations/card/card.js'),
  ]);
  const sizes = options.input.length > 0 ? options.input.map(parseInputSize) : [undefined];
  const requests = models.flatMap((path) =>
    sizes.map((input) => ({
      model: {
        path,
        ...(options.card ? { file: options.card } : {}),
        ...(options.assume ? { assume: options.assume } : {}),
      },
      benchmarks: options.benchmark,
      layers: layerRequest(options.layer),
      ...present({ input }),
      ...(options.detail ? { detail: true } : {}),
    })),
  );
  const answers: Answers[] = [];
  const many = requests.length > 1;
  const names = requests.map((_, i) => (many ? `model ${i + 1} of ${requests.length}` : ''));
  const parts = context.progress?.parts(names);
  context.progress?.planned();
  for (const [i, request] of requests.entries()) {
    const run = () => scoreModel(request, { ...context, progress: parts?.[i] });
    const { path } = request.model;
    const { scores, failures } = await one(run, path, !many);
    parts?.[i].end();
    const named = failures.map((each) =>
      models.length === 1 || each.benchmark === path
        ? each
        : { ...each, benchmark: `${nameOf(path, models)}: ${each.benchmark}` },
    );
    answers.push({ answered: [{ kind: 'score', request, scores }], failures: named });
  }
  return {
    answered: answers.flatMap(({ answered }) => answered),
    failures: answers.flatMap(({ failures }) => failures),
  };
}

/** A model that cannot be opened does not fail the others. */
async function one(
  run: () => Promise<ScoreOutcome>,
  path: string,
  alone: boolean,
): Promise<ScoreOutcome> {
  try {
    return await run();
  } catch (thrown) {
    const error = VentralError.from(thrown);
    if (alone || error.code === 'interrupted') throw error;
    return { scores: [], failures: [{ benchmark: path, error }] };
  }
}

/**
 * `V1=layer1.0` for a region, `NAME` for all; several for one region, repeated or after a comma
 * (`V1=layer1.0,layer1.1`), are joined.
 */
function layerRequest(given: readonly string[]): Record<string, string[]> {
  const layers: Record<string, string[]> = {};
  for (const value of given) {
    let key = '*';
    for (const word of several(value, [])) {
      const found = /^(V1|V2|V4|IT|behavior|logits)=(.+)$/.exec(word);
      if (found) key = found[1];
      layers[key] = [...(layers[key] ?? []), found ? found[2] : word];
    }
  }
  return layers;
}

import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import type { ScoreOutcome } from '../../scoring/score-model.js';
import { globalOptions } from '../global-options.js';
import { interruption } from '../interruption.js';
import type { Io } from '../io.js';
import { printScores } from '../print-scores.js';
import { progressBar } from '../progress-bar.js';

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
    .option('-b, --benchmark <id|file>', 'benchmark identifier or file', several, [])
    .option('-l, --layer <region=layer>', 'layer of a region, of behavior, or of all', repeated, [])
    .option('--features <file>', 'features in place of a model: .npz, .nc or .csv')
    .option('--card <file>', 'model card')
    .option('--assume <preset>', 'take a preset where there is no card: imagenet')
    .option('--input <sizes>', 'score at another input size: resize=324,crop=288', repeated, [])
    .option('--json', 'print an array of Scores')
    .option('--csv', 'print one line a score')
    .option('--detail', 'with splits, neuroids and their ids')
    .action(async (models: string[], options: ScoreOptions, command: Command) => {
      checkUsage(models, options);
      const outcome = await score(models, options, command, io);
      printScores(outcome, { ...options, verbose: globalOptions(command).verbose }, io);
      if (outcome.failures.length === 0) return;
      // Where nothing could be scored the reason decides; where something was, one is missing.
      const exits = new Set(outcome.failures.map(({ error }) => error.exit));
      process.exitCode = outcome.scores.length === 0 && exits.size === 1 ? [...exits][0] : 1;
    });
}

function checkUsage(models: readonly string[], options: ScoreOptions): void {
  const refuse = (sentence: string) => new VentralError('bad-usage', sentence);
  if (options.benchmark.length === 0)
    throw refuse('score: say which --benchmark; `ventral benchmarks list` shows them');
  if (models.length === 0 && !options.features)
    throw refuse('score: name a model, or give --features FILE');
  if (models.length > 0 && options.features)
    throw refuse('score: a model and --features exclude each other');
  const ofModels = ['card', 'assume'] as const;
  const idle = options.features && ofModels.find((name) => options[name] !== undefined);
  if (idle) throw refuse(`score: --${idle} belongs to a model, and --features has none`);
  if (options.features && options.input.length > 0)
    throw refuse('score: --input belongs to a model, and --features has none');
  if (options.json && options.csv) throw refuse('score: --json and --csv exclude each other');
  if (models.length > 1 && options.card)
    throw refuse('score: --card belongs to one model; cards beside the files serve several');
}

async function score(
  models: readonly string[],
  options: ScoreOptions,
  command: Command,
  io: Io,
): Promise<ScoreOutcome> {
  const { home, threads, maxMemory, maxScratch, maxCache } = globalOptions(command);
  const bar = progressBar(io);
  const stop = interruption();
  const context = { home, threads, maxMemory, maxScratch, signal: stop.signal, progress: bar.show };
  const detail = options.detail ? { detail: true } : {};
  try {
    if (options.features) {
      const { scoreFeatures } = await import('../../scoring/score-features.js');
      return await scoreFeatures(
        {
          features: options.features,
          layers: options.layer.flatMap((value) => several(value, [])),
          benchmarks: options.benchmark,
          ...detail,
        },
        context,
      );
    }
    const [{ scoreModel }, { parseInputSize }, { ContentCache }] = await Promise.all([
      import('../../scoring/score-model.js'),
      import('../../activations/card.js'),
      import('../../activations/content-cache.js'),
    ]);
    const cache = await ContentCache.open(home, { maxBytes: maxCache });
    const layers = layerRequest(options.layer);
    const sizes = options.input.length > 0 ? options.input.map(parseInputSize) : [undefined];
    const outcomes: ScoreOutcome[] = [];
    for (const path of models) {
      for (const input of sizes) {
        const source = {
          path,
          ...(options.card ? { file: options.card } : {}),
          ...(options.assume ? { assume: options.assume } : {}),
        };
        const request = {
          model: source,
          benchmarks: options.benchmark,
          layers,
          ...(input ? { input } : {}),
          ...detail,
        };
        outcomes.push(
          await one(
            () => scoreModel(request, { ...context, cache }),
            path,
            models.length * sizes.length === 1,
          ),
        );
      }
    }
    return {
      scores: outcomes.flatMap(({ scores }) => scores),
      failures: outcomes.flatMap(({ failures }) => failures),
    };
  } finally {
    bar.clear();
    stop.release();
  }
}

/** Of several models, one that cannot be opened fails alone. */
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

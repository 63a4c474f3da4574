import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { prepareNetcdf } from '../../formats/netcdf.js';
import { present } from '../../formats/present.js';
import type { Score } from '../../scoring/measure/score.js';
import type { ScoreContext, ScoreOutcome } from '../../scoring/model/score-model.js';
import type { Answered } from '../../scoring/receipt/write-receipt.js';
import type { RemoteScores } from '../../service/access/remote-scores.js';
import { addFigureOptions, type FigureOptions, writeFigures } from '../options/figure-options.js';
import { globalOptions } from '../options/global-options.js';
import { layerRequest, several } from '../options/layer-request.js';
import {
  addNullOptions,
  checkNullUsage,
  floorRequest,
  type NullOptions,
} from '../options/null-options.js';
import {
  addProviderOptions,
  type ProviderOptions,
  providerRequest,
} from '../options/provider-option.js';
import { keepReceipt, requireReceiptPath } from '../options/receipt-option.js';
import { type FlooredScore, type PrintedScores, printScores } from '../print/print-scores.js';
import { sayWithoutValue } from '../print/say-failed.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';
import { reportMixedPrecisions } from '../terminal/report-mixed-precisions.js';
import {
  bringScores,
  checkServiceUsage,
  isRegistration,
  openService,
  scoreAtService,
} from './score-at-service.js';

interface ScoreOptions extends FigureOptions, NullOptions, ProviderOptions {
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
  readonly to?: string;
  readonly keyFile?: string;
  readonly results?: boolean;
}

const repeated = (value: string, before: string[]): string[] => [...before, value];

/** `ventral score`: models, or a file of features, on benchmarks. */
export function registerScore(program: Command, io: Io): void {
  const command = program
    .command('score')
    .description('score models, or a file of features, on benchmarks')
    .argument(
      '[models...]',
      'ONNX files, cards, model folders, names of shipped models, or ids of a service (mdl_…)',
    )
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
    .option(
      '--to <service>',
      'score at a running service (its URL, or home); default for mdl_…: VENTRAL_SERVICE, else home',
    )
    .option(
      '--key-file <file>',
      'file of mode 0600 with the key of that service (VENTRAL_KEY_FILE; or VENTRAL_KEY is the key)',
    )
    .option('--results', 'with --to: score here, and put the results on its leaderboard, marked');
  addProviderOptions(command);
  addNullOptions(command, several);
  addFigureOptions(command).action(
    async (models: string[], options: ScoreOptions, command: Command) => {
      await refuseBenchmarks(models);
      checkUsage(models, options);
      await reportMixedPrecisions(models, io);
      const { answered, failures, weights, floors } = await score(models, options, command, io);
      const scores = answered.flatMap(({ scores, request }) => {
        const given = scores.map((score) => withFloors(score, floors));
        return 'model' in request
          ? named(given, fileName(request.model.path, models, options))
          : given;
      });
      const outcome = { scores, failures, weights };
      printScores(outcome, { ...options, verbose: globalOptions(command).verbose }, io);
      await writeScores(outcome.scores, options);
      await keepReceipt(options.receipt, answered, globalOptions(command));
      if (options.results) await bring(answered, models, options, command, io);
      const empty = sayWithoutValue(outcome.scores, io);
      if (failures.length === 0 && empty === 0) return;
      // Where nothing could be scored the reason decides; where something was, one is missing.
      const exits = new Set(failures.map(({ error }) => error.exit));
      process.exitCode = outcome.scores.length === 0 && exits.size === 1 ? [...exits][0] : 1;
    },
  );
}

/** A figure of the scores; none without a score. */
async function writeScores(scores: readonly Score[], options: ScoreOptions): Promise<void> {
  if (scores.length === 0) return;
  await writeFigures(
    async () => (await import('../../figure/scores-figure.js')).scoresFigure(scores),
    options,
  );
}

/** The name of a model by its file, where one card stands for several. */
const fileName = (path: string, models: readonly string[], { card }: ScoreOptions) =>
  card !== undefined && models.length > 1 ? nameOf(path, models) : undefined;

/** A score with its floors, which receipts and services do not hold. */
const withFloors = (score: Score, floors: ScoreOutcome['floors']): FlooredScore => {
  const own = floors?.get(score);
  return own ? { ...score, floors: own } : score;
};

const named = (scores: readonly FlooredScore[], name: string | undefined) =>
  name === undefined ? scores : scores.map((score) => ({ ...score, name }));

/** Puts the scores on the leaderboard of the service. */
async function bring(
  answered: Answers['answered'],
  models: readonly string[],
  options: ScoreOptions,
  command: Command,
  io: Io,
): Promise<void> {
  const context = globalOptions(command);
  const stop = interruption();
  try {
    const remote = await openService(options, context.home, stop.signal, io);
    const naming = (path: string) => fileName(path, models, options);
    await bringScores(remote, answered, naming, context, io);
  } finally {
    stop.release();
  }
}

/** A file among others under one card, whose name they share: by the name of the file, or by path where two have it. */
function nameOf(path: string, models: readonly string[]): string {
  const name = basename(path);
  return models.filter((each) => basename(each) === name).length > 1 ? path : name;
}

/** A benchmark among the models is one whose option was forgotten, or that changed places with the model. */
async function refuseBenchmarks(models: readonly string[]): Promise<void> {
  const named = models.filter((model) => !existsSync(model));
  if (named.length === 0) return;
  const { listBenchmarks } = await import('../../scoring/registry/registry.js');
  const ids = new Set(listBenchmarks().flatMap(({ id, identifier }) => [id, identifier]));
  const found = named.find((name) => ids.has(name));
  if (found !== undefined)
    throw new VentralError(
      'bad-usage',
      `score: expected a model, found the benchmark ${found}: give it by --benchmark ${found}`,
    );
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
  const ofRegion =
    options.features && options.layer.find((each) => /^(V1|V2|V4|IT|behavior)=/.test(each));
  if (ofRegion)
    throw refuse(
      `score --layer: expected the name of a layer in ${options.features}, found "${ofRegion}"; regions are for models`,
    );
  if (options.features && options.provider !== 'cpu')
    throw refuse('score: --provider runs a network; it cannot be used with --features');
  const idle = options.features && ofModels.find((name) => options[name] !== undefined);
  if (idle) throw refuse(`score: --${idle} applies to a model; it cannot be used with --features`);
  if (options.features && options.input.length > 0)
    throw refuse('score: --input applies to a model; it cannot be used with --features');
  checkNullUsage(options, {
    remote: options.results === true || models.some((path) => isRemote(path, options)),
  });
  if (options.json && options.csv) throw refuse('score: --json and --csv exclude each other');
  checkServiceUsage(models, options);
}

/** A request with its scores and failures. */
interface Answers {
  readonly answered: readonly Exclude<Answered, { kind: 'map' }>[];
  readonly failures: ScoreOutcome['failures'];
  readonly weights: NonNullable<PrintedScores['weights']>;
  readonly floors: NonNullable<ScoreOutcome['floors']>;
}

/** Whether a service scores a model, and not this process. */
const isRemote = (path: string, { to, results }: ScoreOptions) =>
  results !== true && (to !== undefined || isRegistration(path));

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
    ...present({
      floors: floorRequest('score', options),
      provider: providerRequest('score', options, (line) => {
        bar.clear();
        io.err(line);
      }),
    }),
  };
  try {
    const { ContentCache } = await import('../../activations/cache/content-cache.js');
    const open = () => ContentCache.open(home, { maxBytes: maxCache });
    if (options.features) {
      const cells = context.floors && (await open());
      return await scoreFile(options.features, options, { ...context, cells });
    }
    const remote = await remoteScores(models, options, home, stop.signal, io);
    const cache = await open();
    const at = remote && { remote, io };
    return await scoreModels(models, options, { ...context, cache }, at);
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
  const { scores, failures, floors = new Map() } = await scoreFeatures(request, context);
  const answered = [{ kind: 'features' as const, request, scores }];
  return { answered, failures, weights: new Map(), floors };
}

async function scoreModels(
  models: readonly string[],
  options: ScoreOptions,
  context: ScoreContext,
  service: { readonly remote: RemoteScores; readonly io: Io } | undefined,
): Promise<Answers> {
  if (!service) prepareNetcdf();
  const [{ scoreModel }, { scoreBesideRandomWeights }, { parseInputSize }] = await Promise.all([
    import('../../scoring/model/score-model.js'),
    import('../../scoring/model/random-weights.js'),
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
  const { weights: seeds } = context.floors ?? {};
  const many = requests.length > 1;
  const names = requests.map((_, i) => (many ? `model ${i + 1} of ${requests.length}` : ''));
  const parts = context.progress?.parts(names);
  context.progress?.planned();
  for (const [i, request] of requests.entries()) {
    const { path } = request.model;
    const progress = parts?.[i];
    const run = () =>
      service && isRemote(path, options)
        ? scoreAtService(
            service,
            { ...request, ...present({ provider: context.provider?.provider }) },
            fileName(path, models, options),
            (told) => progress?.mirror(told),
          )
        : seeds === undefined
          ? scoreModel(request, { ...context, progress })
          : scoreBesideRandomWeights(request, { ...context, progress }, seeds);
    const { scores, failures, weights, floors = new Map() } = await one(run, path, !many);
    progress?.end();
    const told = failures.map((each) =>
      models.length === 1 || each.benchmark === path
        ? each
        : { ...each, benchmark: `${nameOf(path, models)}: ${each.benchmark}` },
    );
    const digest = scores[0]?.model;
    answers.push({
      answered: [{ kind: 'score', request, scores }],
      failures: told,
      weights: new Map(digest && weights ? [[digest, weights]] : []),
      floors,
    });
  }
  return {
    answered: answers.flatMap(({ answered }) => answered),
    failures: answers.flatMap(({ failures }) => failures),
    weights: new Map(answers.flatMap(({ weights }) => [...weights])),
    floors: new Map(answers.flatMap(({ floors }) => [...floors])),
  };
}

/** The service of the models that are not scored here; undefined where all are. */
async function remoteScores(
  models: readonly string[],
  options: ScoreOptions,
  home: string,
  signal: AbortSignal,
  io: Io,
): Promise<RemoteScores | undefined> {
  return models.some((path) => isRemote(path, options))
    ? openService(options, home, signal, io)
    : undefined;
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

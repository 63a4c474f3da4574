import { join } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { requireOutputFile, requireOutputFolder } from '../../formats/output-place.js';
import { present } from '../../formats/present.js';
import type { RegionRole } from '../../scoring/registry/region-benchmarks.js';
import { isBenchmarkFile, openService } from '../commands/score-at-service.js';
import { type GlobalOptions, globalOptions } from '../options/global-options.js';
import { several } from '../options/layer-request.js';
import { namedService } from '../options/service-option.js';
import { errorText, visibleText } from '../terminal/error-text.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { reportStandIns } from '../terminal/report-stand-ins.js';
import type { CheckpointScorer } from './checkpoint-scorer.js';
import type { WatchCount } from './watch-loop.js';
import type { WatchOptions, WatchRequest } from './watch-request.js';
import type { WatchState } from './watch-state.js';

const repeated = (value: string, before: readonly string[] = []) => [...before, value];

/** `ventral watch`: the checkpoints of a training, each scored once as it is written. */
export function registerWatch(program: Command, io: Io): void {
  program
    .command('watch')
    .description('score each new checkpoint of trainings once, as it is written')
    .argument('<runs>', 'folder with checkpoints, at any depth: ONNX, PyTorch, safetensors')
    .option('-b, --benchmark <id|file>', 'benchmark identifier or file', several, [])
    .option(
      '-r, --region <names>',
      'the public benchmarks of V1, V2, V4, IT, behavior',
      several,
      [],
    )
    .option('-l, --layer <region=layer>', 'layer of a region, of behavior, or of all', repeated, [])
    .option('--map', 'also map each checkpoint, and score the layer that its map chooses')
    .option('--layers <names>', 'candidates of the map, names or globs', several, [])
    .option('--arch <name>', 'for weights: a network that ventral builds (ventral import)')
    .option('--graph <file>', 'for weights: an ONNX export of the same network')
    .option('--key <path>', 'which state dict, where a file holds several')
    .option('--ema', 'the moving average of the weights, where a file holds it')
    .option('--prefix <prefix>', 'read only names under this prefix, without it')
    .option('--ignore <glob>', 'leave tensors out by their names (repeatable)', repeated)
    .option('--without-head', 'end the network at what its last product reads')
    .option('--card <file>', 'model card of all checkpoints; default: beside or in each')
    .option('--assume <preset>', 'preset for checkpoints without a card: imagenet')
    .option('--include <globs>', 'only files like these, by name or path', several, [])
    .option('--exclude <globs>', 'no files like these', several, [])
    .option('--interval <seconds>', 'seconds between two looks (default: 10, with --once 2)')
    .option('--once', 'end when every checkpoint that is there was scored')
    .option('--retry', 'try checkpoints again that failed earlier, wholly or in part')
    .option(
      '--to <service>',
      'score at this service (URL, or home); default: VENTRAL_SERVICE, else that of the home if it runs',
    )
    .option('--key-file <file>', 'file of mode 0600 with the key of that service')
    .option('--local', 'score here, even if a service runs')
    .option('--tensorboard <folder>', 'write scores as event files of TensorBoard')
    .option('--jsonl <file>', 'append scores as JSON lines with the keys of Weights & Biases')
    .option('--state <folder>', 'what was scored; default: a folder of the home')
    .action((runs: string, options: WatchOptions, command: Command) =>
      watch(runs, options, command, io),
    );
}

async function watch(runs: string, options: WatchOptions, command: Command, io: Io): Promise<void> {
  const { checkWatchUsage, readWatchRequest } = await import('./watch-request.js');
  checkWatchUsage(options);
  const given = globalOptions(command);
  if (options.tensorboard !== undefined)
    await requireOutputFolder('--tensorboard', options.tensorboard);
  if (options.jsonl !== undefined) await requireOutputFile('--jsonl', options.jsonl);
  await reportStandIns(options.region as RegionRole[], given.home, io);
  const request = await readWatchRequest(runs, options, given.home);
  const folder = options.state ?? join(given.home, 'watch', request.id);
  const { WatchState } = await import('./watch-state.js');
  const state = await WatchState.open(folder, request.id, request.about);
  const stop = interruption();
  try {
    if (options.retry) await state.retry();
    const count = await follow(request, options, { given, state, signal: stop.signal, io });
    if (count.failed + count.waiting > 0) process.exitCode = 1;
  } finally {
    await state.close();
    stop.release();
  }
}

interface Watching {
  readonly given: GlobalOptions;
  readonly state: WatchState;
  readonly signal: AbortSignal;
  readonly io: Io;
}

/** Watches until the end. @returns what there was */
async function follow(
  { root, name, asked, weights }: WatchRequest,
  options: WatchOptions,
  { given, state, signal, io }: Watching,
): Promise<WatchCount> {
  const [{ WatchLoop }, { metricPrefixes }, outputs, request] = await Promise.all([
    import('./watch-loop.js'),
    import('./metric-names.js'),
    import('./watch-outputs.js'),
    import('./watch-request.js'),
  ]);
  const card = await request.cardOfWeights(options, state.folder);
  const wanted = await request.wantedFiles(options, root, (file) =>
    io.err(
      visibleText(`ventral: weights such as ${file} are left out: give --arch or --graph for them`),
    ),
  );
  const files = await outputs.openOutputs(options, state, metricPrefixes(asked.benchmarks));
  const scorer = await openScorer(asked, options, { given, state, signal, io });
  const print = outputs.rowPrinter(io);
  const told = (result: Parameters<typeof print>[0]) => {
    print(result);
    return files.write();
  };
  const ownCard = present({ file: options.card, assume: options.assume });
  const { home, maxScratch, threads } = given;
  const loop = new WatchLoop(
    {
      ...{ root, name, wanted, weights, card, ownCard, home, maxScratch, threads },
      ...{ interval: request.intervalOf(options), once: options.once === true },
    },
    { state, scorer, told, io, signal },
  );
  try {
    await loop.run();
    return loop.count;
  } finally {
    const { scored, failed, waiting } = loop.count;
    io.err(`${scored} scored, ${failed} failed, ${waiting} not complete\n`);
    await scorer.close();
    await files.write().catch((error) => io.err(errorText(VentralError.from(error), given)));
    await files.close();
  }
}

/** Scores at the service that is named, at that of the home if it runs, else here. */
async function openScorer(
  asked: WatchRequest['asked'],
  options: WatchOptions,
  { given, state, signal, io }: Watching,
): Promise<CheckpointScorer> {
  const { scorerAtService, scorerHere } = await import('./checkpoint-scorer.js');
  const { home, threads, maxMemory, maxScratch, maxCache } = given;
  const earlier = `${state.scoredCount} ${state.scoredCount === 1 ? 'result' : 'results'}`;
  const say = (where: string) =>
    io.err(visibleText(`Scoring ${where}; ${earlier} so far in ${state.folder}`));
  if (!state.locked) io.err('No file locks here: run one watch at a time on these options\n');
  if (state.damaged > 0) io.err(`${state.damaged} lines of the journal could not be read\n`);
  const service = await serviceUrl(options, home);
  if (service !== undefined) {
    const remote = await openService(options, home, signal, io);
    const scorer = await scorerAtService(asked, remote, io);
    say(`at ${service}`);
    return scorer;
  }
  const { ContentCache } = await import('../../activations/cache/content-cache.js');
  const cache = await ContentCache.open(home, { maxBytes: maxCache });
  const context = { home, threads, maxMemory, maxScratch, cache, signal };
  const scorer = await scorerHere(asked, context);
  say('here');
  return scorer;
}

async function serviceUrl(options: WatchOptions, home: string): Promise<string | undefined> {
  if (options.local) return undefined;
  const named = namedService(options);
  if (named !== undefined && named !== 'home') return named;
  const here = options.assume !== undefined || options.benchmark.some(isBenchmarkFile);
  if (named === undefined && here) return undefined;
  const { livingOwner } = await import('../../store/home/owner-lock.js');
  const owner = await livingOwner(home);
  const url = owner?.kind === 'service' ? (owner.url ?? undefined) : undefined;
  return url ?? named;
}

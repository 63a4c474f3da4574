import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import picomatch from 'picomatch';
import { parseCard } from '../../activations/card/card.js';
import { cardFolder } from '../../activations/card/choice-files.js';
import { type CardSource, openModelFile } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { digestOf } from '../../formats/digest.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { findArchitecture } from '../../importing/architectures/find-architecture.js';
import { benchmarkNames, type RegionRole } from '../../scoring/registry/region-benchmarks.js';
import { digestOfFile } from '../../store/files/file-digest.js';
import { layerRequest } from '../options/layer-request.js';
import { namedService, type ServiceOptions } from '../options/service-option.js';
import { kindByName } from './checkpoint-name.js';
import type { AskedScores } from './checkpoint-scorer.js';
import type { WeightsOptions } from './import-taken.js';

/** Options of `ventral watch`. */
export interface WatchOptions extends ServiceOptions, WeightsOptions {
  readonly benchmark: string[];
  readonly region: string[];
  readonly layer: string[];
  readonly map?: boolean;
  readonly layers: string[];
  readonly card?: string;
  readonly assume?: string;
  readonly include: string[];
  readonly exclude: string[];
  readonly interval?: string;
  readonly once?: boolean;
  readonly retry?: boolean;
  readonly local?: boolean;
  readonly state?: string;
  readonly tensorboard?: string;
  readonly jsonl?: string;
}

/** What is watched, and what every checkpoint is scored on. */
export interface WatchRequest {
  /** Real path of the folder. */
  readonly root: string;
  readonly name: string;
  readonly asked: AskedScores;
  readonly weights: WeightsOptions;
  /** Tells this watch from those of other folders and options. */
  readonly id: string;
  /** The same for people. */
  readonly about: object;
}

const regions: readonly string[] = ['V1', 'V2', 'V4', 'IT', 'behavior'] satisfies RegionRole[];

/** @throws VentralError `bad-usage` for options that do not go together */
export function checkWatchUsage(options: WatchOptions): void {
  const refuse = (sentence: string) => new VentralError('bad-usage', `watch: ${sentence}`);
  const { benchmark, region, arch, graph, card, assume, layers, map, local, to } = options;
  if (benchmark.length + region.length === 0)
    throw refuse('give --benchmark or --region; `ventral benchmarks list` lists benchmarks');
  const unknown = region.find((name) => !regions.includes(name));
  if (unknown !== undefined)
    throw refuse(`--region: expected ${regions.join(', ')}, found "${unknown}"`);
  if (arch !== undefined && graph !== undefined) throw refuse('give either --arch or --graph');
  if (card !== undefined && assume !== undefined) throw refuse('give either --card or --assume');
  if (layers.length > 0 && !map) throw refuse('--layers are candidates of a map: give --map');
  const named = local ? undefined : namedService(options);
  if (named !== undefined && assume !== undefined)
    throw refuse('--assume cannot be used with a service: write a card (ventral card init)');
  if (named !== undefined && named !== 'home' && region.length > 0)
    throw refuse(`--region depends on the data that are installed: name benchmarks of ${named}`);
  if (local && to !== undefined) throw refuse('--local and --to exclude each other');
  if (arch === undefined && graph === undefined) {
    const { key, ema, prefix, ignore, withoutHead } = options;
    const given = Object.entries({ key, ema, prefix, ignore, 'without-head': withoutHead });
    const idle = given.find(([, value]) => value !== undefined);
    if (idle) throw refuse(`--${idle[0]} is for weights: give --arch or --graph`);
  }
  intervalOf(options);
}

/**
 * Milliseconds between two looks.
 * @throws VentralError `bad-usage`
 */
export function intervalOf({
  once,
  interval = once ? '2' : '10',
}: Pick<WatchOptions, 'interval' | 'once'>): number {
  const seconds = Number(interval);
  if (/^\d+(\.\d+)?$/.test(interval) && seconds >= 0.1 && seconds <= 86_400) return 1000 * seconds;
  throw new VentralError(
    'bad-usage',
    `watch --interval: expected seconds from 0.1 to 86400, found "${interval}"`,
    { field: 'interval', found: interval },
  );
}

/**
 * Reads what is asked, and checks what can be checked before the first checkpoint.
 * @throws VentralError `file-missing`, `bad-usage`, `card-invalid`
 */
export async function readWatchRequest(
  runs: string,
  options: WatchOptions,
  home: string,
): Promise<WatchRequest> {
  const { arch, graph, key, ema, prefix, ignore, withoutHead, card, assume, map } = options;
  const found = await stat(runs).catch(() => undefined);
  if (!found?.isDirectory())
    throw new VentralError('file-missing', `${runs} is no folder: expected one with checkpoints`, {
      file: runs,
    });
  if (arch !== undefined) findArchitecture(arch);
  if (card !== undefined) parseCard(await readCard(card), card, cardFolder(card));
  const root = await realpath(runs);
  const names = { regions: options.region as RegionRole[], benchmarks: options.benchmark };
  const benchmarks = [...new Set(await benchmarkNames(names, home))];
  const asked: AskedScores = {
    benchmarks,
    layers: layerRequest(options.layer),
    map: map ? { layers: options.layers } : undefined,
  };
  const weights = present({ arch, graph, key, ema, prefix, ignore, withoutHead });
  const about = {
    ...{ runs: root, benchmarks, layers: options.layer, map: asked.map?.layers ?? null },
    ...{ weights, card: card ?? null, assume: assume ?? null, to: namedService(options) ?? null },
  };
  const digests = {
    benchmarks: await Promise.all(benchmarks.map(contentOf)),
    graph: graph === undefined ? null : await digestOfFile(graph),
    card: card === undefined ? null : await digestOfFile(card),
  };
  const { weights: said, ...more } = about;
  const id = digestOf({ ...more, weights: { ...said, graph: null }, card: null, digests });
  return { root, name: basename(root), asked, weights, id: id.slice(7, 23), about };
}

async function readCard(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error) => {
    throw VentralError.from(error);
  });
}

/** An identifier, or the digest of a benchmark file. */
const contentOf = async (name: string): Promise<string> =>
  existsSync(name) && (await stat(name)).isFile() ? digestOfFile(name) : name;

/**
 * The card of networks that are made of weights: the one that is given, else that of the graph.
 * @param folder for a card that stands in the graph itself
 * @throws VentralError `card-missing`
 */
export async function cardOfWeights(
  { card, assume, graph, arch }: WatchOptions,
  folder: string,
): Promise<CardSource> {
  if (card !== undefined) return { file: card };
  if (assume !== undefined) return { assume };
  if (graph !== undefined) {
    const { card: own, cardPlace } = await openModelFile(graph);
    if (own && cardPlace?.kind === 'file') return { file: cardPlace.path };
    if (own) {
      await mkdir(folder, { recursive: true });
      const file = join(folder, 'card.yaml');
      await writeFileAtomic(file, `${JSON.stringify(own, null, 2)}\n`);
      return { file };
    }
  }
  if (arch === undefined && graph === undefined) return {};
  throw new VentralError(
    'card-missing',
    'watch: weights do not say how images are preprocessed: give --card FILE, or --assume imagenet',
    { field: 'card' },
  );
}

/**
 * Which files are asked for: those that fit a glob of `--include` and none of `--exclude`, not the graph itself, and weights only
 * where there is a network for them.
 * @param leftOut told of the first file of weights that has none
 */
export async function wantedFiles(
  { include, exclude, arch, graph }: WatchOptions,
  root: string,
  leftOut: (name: string) => void,
): Promise<(name: string) => boolean> {
  const fits = include.length > 0 ? picomatch(include, { matchBase: true }) : () => true;
  const unfit = exclude.length > 0 ? picomatch(exclude, { matchBase: true }) : () => false;
  const own = graph === undefined ? undefined : relative(root, await realpath(graph));
  let told = false;
  return (name) => {
    if (name === own || !fits(name) || unfit(name)) return false;
    if (kindByName(name) !== 'weights' || arch !== undefined || graph !== undefined) return true;
    if (!told) leftOut(name);
    told = true;
    return false;
  };
}

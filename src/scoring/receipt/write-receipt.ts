import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { pipeline } from 'node:stream/promises';
import type { Network } from '../../activations/extract.js';
import type { CardSource, ModelFile } from '../../activations/model-file.js';
import { openNetwork } from '../../activations/open-network.js';
import { withExecution } from '../../activations/provider/choose-provider.js';
import type { StoreLimits } from '../../data/stored/recording-store.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { numericsVersion } from '../../numerics/numerics-version.js';
import { type Execution, executionOf } from '../../runtime/provider.js';
import { runtimeIdentity } from '../../runtime/session.js';
import { screenVersion } from '../../screen/screen-version.js';
import { fittedComponents, picturesFolder } from '../benchmark/fitting-pictures.js';
import type { FeatureRequest } from '../features/score-features.js';
import type { LayerMap, LayerMapRequest } from '../map/layer-map-types.js';
import { partOf } from '../measure/halves.js';
import type { LoadedBenchmark, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import type { Score } from '../measure/score.js';
import { type ComparedAs, scoreInputs } from '../measure/score-inputs.js';
import type { ScoreRequest } from '../model/score-model.js';
import { chooseSteps } from '../model/time-steps.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import { benchmarkNames } from '../registry/region-benchmarks.js';
import { listBenchmarks } from '../registry/registry.js';
import { benchmarkRecord } from './benchmark-record.js';
import {
  type FeatureRun,
  fileReference,
  type MapRun,
  RECEIPT_FORMAT,
  type Receipt,
  type ReceiptBenchmark,
  type ReceiptModel,
  type ReceiptRuntime,
  type Reference,
  type ScoreRun,
} from './receipt.js';

/** A request and its results. */
export type Answered =
  | {
      readonly kind: 'score';
      readonly request: ScoreRequest;
      readonly scores: readonly Score[];
    }
  | {
      readonly kind: 'features';
      readonly request: FeatureRequest;
      readonly scores: readonly Score[];
    }
  | { readonly kind: 'map'; readonly request: LayerMapRequest; readonly map: LayerMap };

/** Where a receipt is made, and the limits of what is read for it. */
interface ReceiptContext extends StoreLimits {
  readonly home: string;
  readonly threads: number;
}

/**
 * Writes the receipt of scores (one at least for each request) and layer maps, whole or not at all.
 * Everything is read once more for it: throws `receipt-differs` where a file is no longer the one that
 * was scored, and `disk-full`.
 */
export async function writeReceipt(
  path: string,
  answered: readonly Answered[],
  context: ReceiptContext,
): Promise<void> {
  const runs: Receipt['runs'][number][] = [];
  for (const each of answered) {
    if (each.kind === 'map') runs.push(await mapRun(each, path, context));
    else if (each.kind === 'score') runs.push(await scoreRun(each, path, context));
    else runs.push(await featureRun(each, path, context));
  }
  const receipt: Receipt = {
    receipt: RECEIPT_FORMAT,
    ventral: packageVersion,
    numerics: numericsVersion,
    screen: screenVersion,
    runtime: receiptRuntime(context.threads, answered.flatMap((each) => ranOn(each) ?? [])[0]),
    runs,
  };
  await writeFileAtomic(path, `${JSON.stringify(receipt, null, 2)}\n`);
}

/** What ran the network of a request, where that was not the CPU. */
export function ranOn(
  answered:
    | { readonly kind: 'score' | 'features'; readonly scores: readonly Score[] }
    | { readonly kind: 'map'; readonly map: LayerMap },
): Execution | undefined {
  if (answered.kind === 'map') return executionOf(answered.map.provenance.runtime);
  const [first] = answered.kind === 'score' ? answered.scores : [];
  return first && executionOf(first.provenance.runtime);
}

/** What this process computes on. @param execution what runs networks in place of the CPU */
export const receiptRuntime = (threads: number, execution?: Execution): ReceiptRuntime => ({
  ...runtimeIdentity(threads, execution),
  node: process.versions.node,
  platform: `${process.platform}-${process.arch}`,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
});

/** `sha256:…` of a file's bytes. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}

type AnsweredScore = Extract<Answered, { kind: 'score' }>;
type AnsweredFeatures = Extract<Answered, { kind: 'features' }>;
type AnsweredMap = Extract<Answered, { kind: 'map' }>;

async function scoreRun(
  answered: AnsweredScore,
  receipt: string,
  context: ReceiptContext,
): Promise<ScoreRun> {
  const { request, scores } = answered;
  const { threads } = context;
  const opened = await openNetwork(request.model, { threads, input: request.input });
  const network = withExecution(opened, ranOn(answered));
  const { file, card } = network;
  const { layers, input, detail } = request;
  const benchmarks = await recordAll(request.benchmarks, context, true, async (loaded) => {
    const score = scores.find(({ benchmark }) => benchmark === loaded.benchmark.id);
    if (!score) return false;
    const chosen = chooseSteps(loaded, card, layers, file.name);
    await requireSame(score, network, loaded, chosen);
    return true;
  });
  return {
    kind: 'score',
    model: modelRecord(file, request.model, receipt),
    ...(layers && Object.keys(layers).length > 0 ? { layers } : {}),
    ...present({ input }),
    ...(detail ? { detail } : {}),
    asked: request.benchmarks.map((name) => benchmarkReference(name, receipt)),
    benchmarks,
    scores,
  };
}

async function featureRun(
  { request, scores }: AnsweredFeatures,
  receipt: string,
  context: ReceiptContext,
): Promise<FeatureRun> {
  const { features, layers, detail } = request;
  const scored = new Set(scores.map(({ benchmark }) => benchmark));
  const benchmarks = await recordAll(request.benchmarks, context, false, async ({ benchmark }) =>
    scored.has(benchmark.id),
  );
  return {
    kind: 'features',
    features: { ...fileReference(features, receipt), digest: await fileDigest(features) },
    ...(layers && layers.length > 0 ? { layers } : {}),
    ...(detail ? { detail } : {}),
    asked: request.benchmarks.map((name) => benchmarkReference(name, receipt)),
    benchmarks,
    scores,
  };
}

async function mapRun(
  answered: AnsweredMap,
  receipt: string,
  context: ReceiptContext,
): Promise<MapRun> {
  const { request, map } = answered;
  const { home, threads } = context;
  const opened = await openNetwork(request.model, { threads, input: request.input });
  const network = withExecution(opened, ranOn(answered));
  const { file } = network;
  const { layers, input, holdout, nested, pool, pca } = request;
  const fitted =
    pca && (await fittedComponents(pca.components, pca.images ?? picturesFolder(home)));
  // The benchmark of a region depends on the installed data: the receipt records the one used.
  const names = [...new Set(await benchmarkNames(request, home))];
  const benchmarks = await recordAll(names, context, true, async (loaded) => {
    let scored = false;
    for (const { layer, cells, components } of map.layers) {
      const part = partOf(loaded, holdout ? 'choice' : undefined);
      const own = [
        { cell: cells[loaded.benchmark.id], on: undefined },
        { cell: components?.[loaded.benchmark.id], on: fitted },
      ];
      for (const { cell, on } of own) {
        if (!cell || !('value' in cell)) continue;
        await requireSame(cell, network, part, { layers: [layer], components: on });
        scored = true;
      }
    }
    return scored;
  });
  return {
    kind: 'map',
    model: modelRecord(file, request.model, receipt),
    ...(layers && layers.length > 0 ? { layers } : {}),
    ...present({ input }),
    ...(holdout ? { holdout } : {}),
    ...(nested ? { nested } : {}),
    ...(pool && pool.length > 0 ? { pool } : {}),
    ...(pca && {
      pca: {
        components: pca.components,
        ...(pca.images === undefined ? {} : { images: fileReference(pca.images, receipt) }),
      },
    }),
    asked: names.map((name) => benchmarkReference(name, receipt)),
    benchmarks,
    map,
  };
}

/** Records of the benchmarks that have a score, in their order; `hasScore` sees each that can be loaded. */
async function recordAll(
  names: readonly string[],
  { home, maxMemory, maxScratch }: ReceiptContext,
  asSeen: boolean,
  hasScore: (loaded: LoadedBenchmark) => Promise<boolean>,
): Promise<ReceiptBenchmark[]> {
  // A benchmark that cannot be loaded has no score; the command reported why.
  const { loaded, close } = await loadBenchmarks(names, { home, maxMemory, maxScratch }, () => {});
  try {
    const records: ReceiptBenchmark[] = [];
    for (const each of loaded)
      if (await hasScore(each)) records.push(await benchmarkRecord(each, asSeen));
    return records;
  } finally {
    await close();
  }
}

async function requireSame(
  score: Score,
  network: Network,
  loaded: PreparedBenchmark,
  compared: ComparedAs & { readonly layers: readonly string[] },
): Promise<void> {
  const { digest } = await scoreInputs(network, loaded, compared.layers, compared);
  const { inputs } = score.provenance;
  if (digest === inputs) return;
  throw new VentralError(
    'receipt-differs',
    `${network.file.name} on ${score.benchmark}: a file changed after scoring, so no receipt was written; score again`,
    { field: 'inputs', expected: inputs, found: digest },
  );
}

function modelRecord(
  { name, digest, card, cardPlace }: ModelFile,
  { path, file, assume }: CardSource & { readonly path: string },
  receipt: string,
): ReceiptModel {
  return {
    path: existsSync(path) ? fileReference(path, receipt) : { name: path },
    name,
    digest,
    card: card as ReceiptModel['card'],
    cardFrom: cardPlace?.kind ?? 'given',
    ...(file === undefined ? {} : { cardFile: fileReference(file, receipt) }),
    ...present({ assume }),
  };
}

function benchmarkReference(name: string, receipt: string): Reference {
  const isPath = /\.(ya?ml|json)$/i.test(name) || /[\\/]/.test(name);
  const isShipped = listBenchmarks().some(
    ({ id, identifier }) => name === id || name === identifier,
  );
  return isPath || !isShipped ? fileReference(name, receipt) : { name };
}

import type { ModelCard } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { numericsVersion } from '../../numerics/numerics-version.js';
import { executionOn, requireProvider } from '../../runtime/installed-providers.js';
import { choiceOf, type Provider, type ProviderChoice } from '../../runtime/provider.js';
import { screenVersion } from '../../screen/screen-version.js';
import { scoreFeatures } from '../features/score-features.js';
import { mapLayers } from '../map/layer-map.js';
import { type ScoreContext, scoreModel } from '../model/score-model.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import { benchmarkRecord } from './benchmark-record.js';
import {
  type MapRun,
  type Receipt,
  type ReceiptBenchmark,
  readReceipt,
  referred,
} from './receipt.js';
import { askedNames, type Reopened, reopenRuns } from './reopen-run.js';
import {
  type Difference,
  differences,
  MAP,
  mapPairs,
  type ResultPair,
  scorePairs,
} from './result-differences.js';
import { ranOn, receiptRuntime } from './write-receipt.js';

/** A difference and its subject: a model, a benchmark, a layer. */
export interface ReceiptDifference extends Difference {
  readonly about: string;
}

/** What came of computing a receipt again. */
export interface ReceiptReport {
  readonly receipt: string;
  /** `equal`: to the bit. `close`: within 1e-6, on another runtime or numerics version. */
  readonly verdict: 'equal' | 'close' | 'differs';
  /** Scores and cells that were computed again; none if a model or a file of features is another one. */
  readonly results: number;
  /** In which inputs it is not the same: model, card, definition and data of benchmarks, metric. */
  readonly inputs: readonly ReceiptDifference[];
  /** Fields of results that differ, by more than 1e-6 on another runtime. */
  readonly values: readonly ReceiptDifference[];
  /** Largest difference of two numbers; null if none differ. */
  readonly largest: number | null;
  /** Runtime and numerics version then and now. */
  readonly runtime: readonly Difference[];
  /** What else should be known, and does not count. */
  readonly notes: readonly string[];
}

/** What verifying may use; threads are those of the receipt unless given. */
export type VerifyContext = Omit<
  ScoreContext,
  'threads' | 'cache' | 'pictures' | 'result' | 'provider'
> & {
  readonly threads?: number;
  /** What runs networks now; that of the receipt unless said. */
  readonly provider?: Provider;
};

/** Numbers of two runtimes may be that far apart (design §3). */
const TOLERANCE = 1e-6;

/**
 * Computes everything that a receipt holds again, from the files that it names and with the card that it
 * holds, and compares bit by bit.
 * Nothing is taken from a cache. On another runtime or numerics version numbers may differ by 1e-6.
 * @param models where the models are now, if elsewhere
 * Throws `receipt-invalid`, `file-missing`, `provider-unavailable`, `interrupted`, and what scoring throws.
 */
export async function verifyReceipt(
  path: string,
  models: readonly string[],
  context: VerifyContext,
): Promise<ReceiptReport> {
  const receipt = await readReceipt(path);
  const threads = context.threads ?? receipt.runtime.threads;
  const choice = choiceNow(receipt, context.provider);
  requireChosen(choice, context.provider);
  const runtime = runtimeDifferences(receipt, threads, choice);
  const reopened = await reopenRuns(receipt, { receipt: path, models });
  const others = reopened.flatMap(otherBytes);
  const plain = { receipt: path, runtime, values: [], largest: null, notes: [] };
  if (others.length > 0) return { ...plain, verdict: 'differs', results: 0, inputs: others };
  const again: Again[] = [];
  const parts = context.progress?.parts(reopened.map(() => ''));
  context.progress?.planned();
  for (const [i, each] of reopened.entries()) {
    const how = { ...context, threads, provider: choice, progress: parts?.[i] };
    again.push(await computeAgain(each, path, how));
    parts?.[i].end();
  }
  return judged(path, again, { runtime, older: receipt.screen === undefined });
}

/** What runs networks now: as the receipt says, whatever the device. */
function choiceNow({ runs }: Receipt, asked: Provider | undefined): ProviderChoice {
  const then = choiceOf(runs.flatMap((run) => ranOn(run) ?? [])[0]);
  return asked === undefined || asked === then.provider ? then : { provider: asked };
}

/** @throws VentralError `provider-unavailable` for that of the receipt, with another way to compare */
function requireChosen({ provider }: ProviderChoice, asked: Provider | undefined): void {
  if (provider === 'auto') return;
  try {
    requireProvider(provider);
  } catch (thrown) {
    const { code, message, details } = VentralError.from(thrown);
    if (asked !== undefined) throw thrown;
    const other = `${message}; to compare the receipt with another one: --provider cpu`;
    throw new VentralError(code, other, details);
  }
}

function runtimeDifferences(
  { runtime, numerics, screen = screenVersion }: Receipt,
  threads: number,
  { provider: now, tf32 }: ProviderChoice,
): Difference[] {
  const { ort, provider, node, platform, processor, device, precision } = runtime;
  const then = {
    ...{ ort, provider, threads: runtime.threads, node, platform, processor },
    ...present({ device, precision }),
    ...{ numerics, screen },
  };
  const execution =
    now === 'cpu' || now === 'auto' ? undefined : executionOn(now, present({ tf32 }));
  return differences(then, {
    ...receiptRuntime(threads, execution),
    numerics: numericsVersion,
    screen: screenVersion,
  });
}

/** A model or a file of features that is not the one of the receipt. */
function otherBytes({ run, path, digest: found }: Reopened): ReceiptDifference[] {
  const about = run.kind === 'features' ? path : run.model.name;
  const field = run.kind === 'features' ? 'features' : 'model';
  const expected = run.kind === 'features' ? run.features.digest : run.model.digest;
  return expected === found ? [] : [{ about, field, expected, found }];
}

/** One run computed again. */
interface Again {
  readonly pairs: readonly ResultPair[];
  readonly inputs: readonly ReceiptDifference[];
  readonly notes: readonly string[];
}

async function computeAgain(
  reopened: Reopened,
  receipt: string,
  context: ScoreContext,
): Promise<Again> {
  const names = askedNames(reopened.run.asked, receipt);
  const card = cardDifferences(reopened);
  const benchmarks = await benchmarkDifferences(reopened, names, context);
  const pairs = await pairsOf(reopened, names, receipt, context);
  return {
    pairs,
    inputs: [...card.inputs, ...benchmarks],
    notes: [...card.notes, ...pairs.flatMap(({ notes }) => notes)],
  };
}

/** Keys of a card that every number depends on, and those by which layers are found. */
const decisive = ['input', 'visual_degrees', 'logits', 'assumed'] as const;
const ofLayers = [
  ...(['layers', 'readout', 'region_layer_map', 'region_layer_choice', 'time_bins'] as const),
];

/**
 * The card as it is now beside that of the receipt, with which everything is computed: another layer for a
 * region, as `ventral map --commit` writes it, makes other scores and leaves these as they are.
 */
function cardDifferences(reopened: Reopened): Pick<Again, 'inputs' | 'notes'> {
  if (!('card' in reopened)) return { inputs: [], notes: [] };
  const { run, card: now } = reopened;
  const { name: about, card: then } = run.model;
  if (!now)
    return { inputs: [], notes: [`${about} has no card here: using the card of the receipt`] };
  const part = (card: ModelCard, keys: readonly (keyof ModelCard)[]) =>
    Object.fromEntries(keys.flatMap((key) => (card[key] === undefined ? [] : [[key, card[key]]])));
  const compare = (keys: readonly (keyof ModelCard)[]) =>
    differences(part(then, keys), part(now, keys)).map(({ field, ...values }) => ({
      about,
      field: `card.${field}`,
      ...values,
    }));
  const notes = compare(ofLayers).map(
    ({ field, expected, found }) =>
      `${about}: ${field} changed from ${expected} to ${found}; using the card of the receipt`,
  );
  return { inputs: compare(decisive), notes };
}

async function pairsOf(
  reopened: Reopened,
  benchmarks: readonly string[],
  receipt: string,
  context: ScoreContext,
): Promise<readonly ResultPair[]> {
  const { run, path } = reopened;
  if (run.kind === 'features') {
    const { layers, detail } = run;
    const request = { features: path, benchmarks, ...present({ layers, detail }) };
    return scorePairs(run.scores, await scoreFeatures(request, context));
  }
  const model = { path, card: run.model.card };
  if (run.kind === 'map') {
    const { input, holdout, nested, pool } = run;
    const layers = run.layers ?? mappedLayers(run);
    const images = run.pca?.images && referred(run.pca.images, receipt);
    const pca = run.pca && { components: run.pca.components, ...(images ? { images } : {}) };
    const request = {
      model,
      benchmarks,
      ...present({ layers, input, holdout, nested, pool, pca }),
    };
    return mapPairs(run.map, (await mapLayers(request, context)).map);
  }
  const { layers, input, detail } = run;
  const request = { model, benchmarks, ...present({ layers, input, detail }) };
  return scorePairs(run.scores, await scoreModel(request, context));
}

/**
 * The candidates that a map had where nobody named any, neither its request nor its card: another version
 * may look for others in the graph.
 */
function mappedLayers({ model, map }: MapRun): readonly string[] | undefined {
  if (model.card.layers !== undefined) return undefined;
  return map.layers.flatMap(({ layer, aliases = [] }) => [layer, ...aliases]);
}

/** Without undefined values. */
type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const present = <T extends object>(values: T): Present<T> =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Present<T>;

async function benchmarkDifferences(
  reopened: Reopened,
  names: readonly string[],
  { home, maxMemory, maxScratch }: ScoreContext,
): Promise<ReceiptDifference[]> {
  const asSeen = reopened.run.kind !== 'features';
  const found: ReceiptDifference[] = [];
  // One that cannot be loaded has no score, which says why.
  const { loaded, close } = await loadBenchmarks(names, { home, maxMemory, maxScratch }, () => {});
  try {
    for (const then of reopened.run.benchmarks) {
      const now = loaded.find(({ benchmark }) => benchmark.id === then.id);
      if (!now) continue;
      const record = await benchmarkRecord(now, asSeen);
      found.push(...recordDifferences(then, record));
    }
  } finally {
    await close();
  }
  return found;
}

function recordDifferences(then: ReceiptBenchmark, now: ReceiptBenchmark): ReceiptDifference[] {
  const decisive = ({ metric, definition, data }: ReceiptBenchmark) => ({
    metric,
    definition,
    data,
  });
  return differences(decisive(then), decisive(now)).map(({ field, ...values }) => ({
    about: then.id,
    field: field.replace(/^data\./, ''),
    ...values,
  }));
}

function judged(
  receipt: string,
  again: readonly Again[],
  {
    runtime,
    older,
  }: {
    readonly runtime: readonly Difference[];
    /** From before digests of inputs held the version of the screen: those digests are not compared, their pieces are. */
    readonly older: boolean;
  },
): ReceiptReport {
  const values: ReceiptDifference[] = [];
  const inputs: ReceiptDifference[] = [];
  const notes = new Set(again.flatMap((each) => each.notes));
  let [largest, different] = [null as number | null, false];
  for (const { pairs, inputs: ofRun } of again) {
    inputs.push(...ofRun);
    for (const { about, expected, found, exhausted } of pairs) {
      const all = differences(expected, found).filter(({ field }) => !older || !isDigest(field));
      different ||= all.length > 0;
      for (const each of all) largest = larger(largest, distance(each));
      const counted = all.filter((each) => !isNear(each, runtime));
      values.push(...counted.map((each) => ({ about, ...each })));
      if (exhausted && runtime.length > 0 && counted.length > 0) notes.add(exhaustion(about));
    }
  }
  const differs = values.length > 0 || inputs.length > 0;
  const verdict = differs ? 'differs' : different ? 'close' : 'equal';
  const results = again.flatMap(({ pairs }) => pairs.filter(({ about }) => about !== MAP)).length;
  return { receipt, verdict, results, inputs, values, largest, runtime, notes: [...notes] };
}

const exhaustion = (about: string) =>
  `${about}: the rank of the features was exhausted, so the last components are rounding errors and another runtime may give another value`;

/** Whether a field of a result is a digest of inputs. */
const isDigest = (field: string) => /(^|\.)inputs$/.test(field);

/** Of two numbers; null if one is none. */
function distance({ expected, found }: Difference): number | null {
  const numbers = typeof expected === 'number' && typeof found === 'number';
  return numbers ? Math.abs(expected - found) : null;
}

const larger = (a: number | null, b: number | null) =>
  a === null || (b !== null && b > a) ? b : a;

/** Whether a difference of results is one that another runtime, or other numerics, may make. */
function isNear(difference: Difference, runtime: readonly Difference[]): boolean {
  if (runtime.length === 0) return false;
  const apart = distance(difference);
  if (apart !== null) return apart <= TOLERANCE;
  const versions = ['numerics', 'screen', 'provider', 'device', 'precision'];
  return isDigest(difference.field) && runtime.some(({ field }) => versions.includes(field));
}

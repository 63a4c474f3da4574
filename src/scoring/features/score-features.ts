import { wholeLayer } from '../../activations/reduced-layer.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { didYouMean } from '../../errors/closest-names.js';
import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type Digestible, digestOf } from '../../formats/digest.js';
import { metrics } from '../../metrics/table/metric-table.js';
import { columnBlocks } from '../../numerics/algebra/column-blocks.js';
import { concatFeatures } from '../../numerics/algebra/concat-features.js';
import type { Features } from '../../numerics/algebra/features.js';
import { numericsVersion } from '../../numerics/numerics-version.js';
import type { ScoreDraws } from '../draws/score-draws.js';
import { refuseUnits } from '../floor/exchanges.js';
import type { Floors } from '../floor/floor.js';
import { floorsOf, nullRuns } from '../floor/measure-floors.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { makeScore } from '../measure/make-score.js';
import type { Score } from '../measure/score.js';
import { runsOf, type ScoreContext, type ScoreOutcome } from '../model/score-model.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import {
  type FeatureFile,
  type FeatureFormat,
  readFeatures,
  refuseUnknownStimuli,
  requireFiniteFile,
  rowsFor,
} from './feature-file.js';

/** A file of features on any number of benchmarks. */
export interface FeatureRequest {
  /** `.npz`, `.nc` or `.csv`. */
  readonly features: string;
  /** Layers of the file, joined in this order; the only one by default. */
  readonly layers?: readonly string[];
  /** A layer of the file for each region, `behavior` for benchmarks without one, in place of `layers`. */
  readonly regionLayers?: Readonly<Record<string, string>>;
  /** Format of the file, if its name does not say it, and what messages call it. */
  readonly format?: FeatureFormat;
  readonly name?: string;
  readonly benchmarks: readonly string[];
  readonly detail?: boolean;
}

/**
 * Scores features without a network.
 * @throws what concerns the file as a whole; a benchmark that fails is told among the failures
 */
export async function scoreFeatures(
  request: FeatureRequest,
  context: ScoreContext,
): Promise<ScoreOutcome> {
  const { features, regionLayers, format, name = features } = request;
  const layers = regionLayers ? [...new Set(Object.values(regionLayers))] : request.layers;
  const file = { ...(await readFeatures(features, layers, format)), path: name };
  const sources = regionLayers
    ? new Map<string, Source>()
    : new Map([['', await sourceOf(file, layers ?? [])]]);
  const failures: { benchmark: string; error: VentralError }[] = [];
  const scores: Score[] = [];
  const draws = new Map<Score, ScoreDraws>();
  const floors = new Map<Score, Floors>();
  const fail = (benchmark: string, thrown: unknown) => {
    const error = VentralError.from(thrown);
    if (error.code === 'interrupted') throw error;
    failures.push({ benchmark, error });
  };
  const { loaded, close } = await loadBenchmarks(request.benchmarks, context, fail);
  try {
    const total = 1 + runsOf(context.floors);
    const stages = loaded.map(({ seconds: each, metric: kind }) => {
      const plan = { stage: 'metric', total, seconds: total * each, kind };
      return context.progress?.stage({ ...plan, basis: 'arithmetic' });
    });
    context.progress?.planned();
    for (const [index, benchmark] of loaded.entries()) {
      stages[index]?.at(0, { done: index, total: loaded.length });
      try {
        const { region } = benchmark.benchmark;
        const layer = regionLayers?.[region ?? 'behavior'] ?? '';
        const own = layer === '' ? [] : [layer];
        const source = sources.get(layer) ?? (await sourceOf(file, own));
        sources.set(layer, source);
        const { score, drawn, floor } = await scoreOne(benchmark, source, request, {
          ...context,
          ran: (runs) => stages[index]?.at(runs, { done: index, total: loaded.length }),
        });
        if (context.signal?.aborted) throw VentralError.from(context.signal.reason);
        scores.push(score);
        if (drawn) draws.set(score, drawn);
        if (floor) floors.set(score, floor);
      } catch (error) {
        fail(benchmark.benchmark.id, error);
      }
      stages[index]?.at(total, { done: index + 1, total: loaded.length });
    }
  } finally {
    await close();
  }
  return { scores, failures, draws, ...(context.floors ? { floors } : {}) };
}

/**
 * @throws VentralError `layer-unset`, `layer-unknown`, `activations-not-finite`
 * @param wanted layers, joined; the only one of the file where none is named
 */
async function sourceOf(file: FeatureFile, wanted: readonly string[]): Promise<Source> {
  const features = chooseArrays(file, wanted);
  await requireFiniteFile(file, features);
  let contents: Promise<string> | undefined;
  const digest = () => {
    contents ??= contentOf(features);
    return contents;
  };
  return { file, features, contents: digest, selected: new Map() };
}

function chooseArrays(file: FeatureFile, wanted: readonly string[]): Features {
  const { names } = file;
  if (wanted.length === 0) {
    if (names.length === 1) return file.layers.get(names[0]) as Features;
    throw new VentralError(
      'layer-unset',
      `${file.path} holds ${names.length} layers: give --layer ${names.slice(0, 5).map(quoted).join(' or --layer ')}`,
      { file: file.path, field: '--layer' },
    );
  }
  const parts = wanted.map((name) => {
    const features = file.layers.get(name);
    if (features) return features;
    throw new VentralError(
      'layer-unknown',
      `${file.path} has no layer "${name}"${didYouMean(name, names) || `; it has ${quotedList(names)}`}`,
      { file: file.path, field: name },
    );
  });
  return concatFeatures(parts);
}

async function contentOf(features: Features): Promise<string> {
  const blocks: Digestible[] = [];
  for (const [from, to] of columnBlocks(features))
    blocks.push(digestOf(await features.columns(from, to)));
  return digestOf([features.rows, features.cols, features.dtype, blocks]);
}

/** What the benchmarks of a request share. */
interface Source {
  readonly file: FeatureFile;
  readonly features: Features;
  /** Digest of the features. */
  readonly contents: () => Promise<string>;
  /** Rows of a stimulus set, so that benchmarks with one set share what they make of them. */
  readonly selected: Map<StimulusSet, Features>;
}

function rowsOf({ file, features, selected }: Source, stimuli: StimulusSet): Features {
  const rows = selected.get(stimuli) ?? rowsFor(file, features, stimuli.ids);
  selected.set(stimuli, rows);
  return rows;
}

async function scoreOne(
  loaded: LoadedBenchmark,
  source: Source,
  request: FeatureRequest,
  context: ScoreContext & { readonly ran: (runs: number) => void },
): Promise<{
  readonly score: Score;
  readonly drawn: ScoreDraws | undefined;
  readonly floor: Floors | undefined;
}> {
  const started = performance.now();
  for (const kind of context.floors?.nulls ?? []) refuseUnits(loaded, kind);
  const { file } = source;
  refuseUnknownStimuli(
    file,
    loaded.shown.map(({ stimuli }) => stimuli.ids),
  );
  refuseOtherDegrees(loaded, file);
  const features = loaded.shown.map(({ stimuli }) => rowsOf(source, stimuli));
  const options = {
    card: file.provenance?.card,
    room: context,
    ...(request.detail ? { detail: true } : {}),
  };
  const measured = await loaded.measure(wholeLayer(features), { ...options, told: context.ran });
  const score = makeScore(loaded, measured, {
    origin: { kind: 'features' },
    layer: 'features',
    layerChoice: { by: 'flag' },
    inputs: digestOf({
      ...(loaded.inputs as object),
      metric: loaded.metric,
      ...unusualOptions(loaded),
      numerics: numericsVersion,
      features: await source.contents(),
      order: file.ids,
      logits: file.provenance?.card.logits?.classes,
    }),
    verified: loaded.verified,
    threads: context.threads,
    seconds: (performance.now() - started) / 1000,
  });
  let done = 1;
  context.ran(done);
  const floor =
    context.floors &&
    floorsOf(
      loaded,
      measured,
      await nullRuns(loaded, wholeLayer(features), context.floors, {
        ...{ inputs: score.provenance.inputs, threads: context.threads, options },
        cache: context.cells ?? context.cache,
        signal: context.signal,
        ran: () => context.ran(++done),
      }),
    );
  return { score, drawn: measured.draws, floor };
}

/** Options of the metric that are not its defaults, which `metric` above does not tell apart. */
function unusualOptions({ benchmark: { metric } }: LoadedBenchmark) {
  const { name, ...options } = metric;
  const defaults = new Map<string, unknown>(Object.entries(metrics[name].defaults));
  const unusual = Object.entries(options).filter(
    ([option, value]) =>
      digestOf([value as Digestible]) !== digestOf([defaults.get(option) as Digestible]),
  );
  return unusual.length > 0 ? { options: Object.fromEntries(unusual) as Digestible } : {};
}

/** Features that `ventral activations` made carry the degrees that they were made at; others are taken on trust. */
function refuseOtherDegrees({ benchmark, shown }: LoadedBenchmark, file: FeatureFile): void {
  if (!file.provenance) return;
  const made = file.provenance.degrees;
  const at = new Map(
    file.ids.map((id, row) => [String(id), made === null ? 'as they are' : `${made[row]}°`]),
  );
  for (const { stimuli, degrees } of shown) {
    stimuli.ids.forEach((id, row) => {
      const wanted = degrees ? `${degrees[row]}°` : 'as they are';
      const found = at.get(String(id));
      if (found === undefined || found === wanted) return;
      throw new VentralError(
        'degrees-mismatch',
        `${file.path} was made with stimulus ${quoted(id)} shown at ${found}; ${benchmark.id} shows it at ${wanted}`,
        { file: file.path, field: 'degrees', expected: wanted, found },
      );
    });
  }
}

import type { ModelCard } from '../../activations/card/card.js';
import { computedAs } from '../../activations/exposed-values.js';
import type { Network } from '../../activations/extract.js';
import { keptValue } from '../../activations/layer-view.js';
import type { Shown } from '../../activations/stimuli/shown.js';
import { shownDigest } from '../../activations/stimuli/stimulus-digest.js';
import type { TimeBin } from '../../data/rebin.js';
import { type Digestible, digestOf } from '../../formats/digest.js';
import { numericsVersion } from '../../numerics/numerics-version.js';
import { resolveLayer } from '../../onnx/layers.js';
import { screenVersion } from '../../screen/screen-version.js';
import type { FittedComponents } from '../benchmark/fitting-pictures.js';
import type { LoadedBenchmark, PreparedBenchmark } from './loaded-benchmark.js';

/** Everything that a score depends on (design §3), in the parts of a receipt. */
export interface ScoreInputs {
  readonly pieces: Readonly<Record<string, Digestible>>;
  /** `sha256:…` over all pieces: `provenance.inputs`. */
  readonly digest: string;
}

/** What else of the way in which layers are compared a number depends on. */
export interface ComparedAs {
  /** Where they are compared on principal components. */
  readonly components?: FittedComponents | undefined;
  /** Where they are steps in time: when each is. */
  readonly steps?: readonly TimeBin[] | undefined;
}

/** The inputs of a model's score on a benchmark, read from these layers, joined in this order. */
export async function scoreInputs(
  { file, card }: Network,
  loaded: LoadedBenchmark | PreparedBenchmark,
  layers: readonly string[],
  { components, steps }: ComparedAs = {},
): Promise<ScoreInputs> {
  const pieces = {
    benchmark: benchmarkDigest(loaded),
    metric: loaded.metric,
    model: file.digest,
    card: inputsOfCard(card),
    layers,
    ...(steps && { steps: steps.map((bin) => [...bin]) }),
    computed: layers.map((layer) => {
      const { value, view } = keptValue(file.model, card, resolveLayer(file.model, layer));
      const computed = computedAs(file, card, value);
      return view ? { ...computed, view: JSON.stringify(view) } : computed;
    }),
    numerics: numericsVersion,
    screen: screenVersion,
    shown: await Promise.all(loaded.shown.map(shownDigest)),
    ...(components && {
      components: { count: components.count, fitting: await shownDigest(components.shown) },
    }),
  };
  return { pieces, digest: digestOf(pieces) };
}

const benchmarks = new WeakMap<object, string>();

/** Digest of a benchmark's definition and data, taken once: its recordings may be large. */
export function benchmarkDigest({ inputs }: Pick<PreparedBenchmark, 'inputs'>): string {
  const digest = benchmarks.get(inputs as object) ?? digestOf(inputs);
  benchmarks.set(inputs as object, digest);
  return digest;
}

/** The fields of the card that the number depends on: not its name or candidates. */
function inputsOfCard({ input, visual_degrees, logits, assumed }: ModelCard): Digestible {
  return JSON.parse(JSON.stringify({ input, visual_degrees, logits, assumed }));
}

/** The stimulus sets of several benchmarks, each once, and where those of each benchmark stand. */
export function distinctShown(benchmarks: readonly PreparedBenchmark[]): {
  readonly shown: readonly Shown[];
  positions(benchmark: PreparedBenchmark): readonly number[];
} {
  const shown: Shown[] = [];
  const place = (set: Shown) => shown.findIndex((other) => isSame(other, set));
  for (const set of benchmarks.flatMap((benchmark) => benchmark.shown))
    if (place(set) < 0) shown.push(set);
  return { shown, positions: (benchmark) => benchmark.shown.map(place) };
}

const isSame = (a: Shown, b: Shown) =>
  a.stimuli === b.stimuli && String(a.degrees) === String(b.degrees);

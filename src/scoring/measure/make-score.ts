import type { ModelCard } from '../../activations/card/card.js';
import type { CardWarning } from '../../activations/card/card-warnings.js';
import { type LayerTrials, trialSpread } from '../../activations/trials.js';
import { digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { peakRssMiB } from '../../runtime/peak-memory.js';
import { type Execution, executionText } from '../../runtime/provider.js';
import { type Optimization, runtimeIdentity } from '../../runtime/session.js';
import { DRAWS_VERSION } from '../draws/drawn-units.js';
import type { ScoreDraws } from '../draws/score-draws.js';
import { benchmarkNotices, type LoadedBenchmark, type Measured } from './loaded-benchmark.js';
import type { LayerChoice, Score, ScoreTrials } from './score.js';
import { benchmarkDigest } from './score-inputs.js';

/** Where features come from: a model, or a file of features without one. */
export type Origin =
  | {
      readonly kind: 'model';
      readonly digest: string;
      readonly name: string;
      readonly card: ModelCard;
      /** What is most likely wrong in the card. */
      readonly warnings: readonly CardWarning[];
      /** How far the runtime fuses its operators, where that is not as far as it can. */
      readonly optimization?: Optimization;
      /** What ran it in place of the CPU. */
      readonly execution?: Execution;
    }
  | { readonly kind: 'features' };

/** Context of a measurement. */
export interface Surroundings {
  readonly origin: Origin;
  readonly layer: string;
  readonly layerChoice: LayerChoice;
  /** Whether the layer was chosen on stimuli of this score; default false. */
  readonly selection?: boolean;
  readonly inputs: string;
  /** Whether the benchmark's published self-checks were reproduced here. */
  readonly verified: boolean;
  readonly threads: number;
  readonly seconds: number;
  /** Principal components that the layer was projected on, if any. */
  readonly components?: number;
  /** The trials behind the layer, where it depends on random numbers. */
  readonly trials?: LayerTrials | undefined;
}

/** What was drawn, and of which data. */
const drawsDigest = (loaded: LoadedBenchmark, { units, both }: ScoreDraws): string =>
  digestOf({
    version: DRAWS_VERSION,
    draws: both.length,
    units: units.map(({ digest }) => digest),
    benchmark: benchmarkDigest(loaded),
  });

/** The Score of a measurement (design §3). */
export function makeScore(
  loaded: LoadedBenchmark,
  measured: Measured,
  around: Surroundings,
): Score {
  const { benchmark, metric, dropped } = loaded;
  const { origin, layer, layerChoice } = around;
  const { value, error, ci, formula, errorOf, errorKind, raw, ceiling, splits, warnings } =
    measured;
  const { distribution, parts, generalises, draws } = measured;
  return {
    benchmark: benchmark.id,
    version: benchmark.version,
    region: benchmark.region ?? null,
    simulated: benchmark.simulated,
    verified: around.verified,
    model: origin.kind === 'model' ? origin.digest : null,
    name: origin.kind === 'model' ? origin.name : null,
    layer,
    layerChoice,
    selection: around.selection ?? false,
    value,
    error,
    ci,
    ...present({ generalises }),
    formula,
    errorOf,
    errorKind,
    raw,
    ceiling,
    ...present({ splits, parts }),
    ...(distribution ? { distribution } : {}),
    warnings: [
      ...(origin.kind === 'model' ? [...origin.warnings, ...providerNotice(origin)] : []),
      ...benchmarkNotices(loaded),
      ...warnings,
    ],
    provenance: {
      ventral: packageVersion,
      metric,
      inputs: around.inputs,
      ...(draws ? { draws: drawsDigest(loaded, draws) } : {}),
      ...present({ components: around.components }),
      ...(dropped ? { dropped } : {}),
      ...present({ trials: around.trials && scoreTrials(around.trials) }),
      runtime: {
        ...runtimeIdentity(around.threads, origin.kind === 'model' ? origin.execution : undefined),
        ...(origin.kind === 'model' ? present({ optimization: origin.optimization }) : {}),
      },
      seconds: Math.round(around.seconds * 1000) / 1000,
      peakRssMiB: peakRssMiB(),
    },
  };
}

/** Beside scores of the CPU nobody should take it for one of them. */
const providerNotice = ({ execution }: { readonly execution?: Execution }) =>
  execution
    ? [
        {
          code: 'provider-other',
          detail: `activations were computed on ${executionText(execution)}: other last digits than on the CPU`,
        },
      ]
    : [];

const scoreTrials = (trials: LayerTrials): ScoreTrials => ({
  count: trials.count,
  seed: trials.seed,
  spread: trialSpread(trials),
});

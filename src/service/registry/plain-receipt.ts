import type { components } from '../../api/schema.js';
import { present } from '../../formats/present.js';
import type { LayerChoice, Score, ScorePart } from '../../scoring/measure/score.js';

type Receipt = components['schemas']['Receipt'];
type Run = components['schemas']['ReceiptRun'];
type Given = Run['scores'][number];

/** A score of a receipt with the fields of a score alone, under the name that its model has here. */
export function plainScore(score: Given, name: string): Score {
  const { ventral, metric, inputs, dropped, runtime, seconds, peakRssMiB } =
    score.provenance as unknown as Score['provenance'];
  const { ort, provider, threads, device, precision } = (runtime ??
    {}) as Score['provenance']['runtime'];
  return {
    ...{ benchmark: score.benchmark, version: score.version, region: score.region },
    simulated: score.simulated,
    // The self-checks were not reproduced here.
    verified: false,
    ...{ model: score.model, name, layer: score.layer },
    layerChoice: { by: (score.layerChoice as unknown as LayerChoice).by } as LayerChoice,
    ...{ selection: score.selection, value: score.value, error: score.error },
    ci: score.ci as Score['ci'],
    ...(score.generalises ? { generalises: plainGeneralisation(score.generalises) } : {}),
    ...{ formula: score.formula, errorOf: score.errorOf, errorKind: score.errorKind },
    raw: plainPart(score.raw),
    ceiling: score.ceiling && plainPart(score.ceiling),
    ...(score.distribution
      ? { distribution: score.distribution as Score['distribution'] & {} }
      : {}),
    warnings: score.warnings.map(({ code, detail }) => ({ code, detail })),
    provenance: {
      ...{ ventral, metric, inputs },
      ...(dropped ? { dropped } : {}),
      runtime: { ort, provider, threads, ...present({ device, precision }) },
      ...{ seconds, peakRssMiB },
    },
  };
}

const plainGeneralisation = ({ to, units, degrees, animals }: Given['generalises'] & {}) =>
  ({ to, units: { ...units }, degrees, ...present({ animals }) }) as Score['generalises'] & {};

const plainPart = (part: Given['raw']): ScorePart => {
  const { value, error, splits, neuroids, neuroid_ids } = part as unknown as ScorePart;
  return {
    ...{ value, error, splits },
    ...(neuroids && neuroid_ids ? { neuroids, neuroid_ids } : {}),
  };
};

/** A score without foreign fields, as its receipt has it. */
const asGiven = (score: Given): Given => ({
  ...(plainScore(score, score.name ?? '') as unknown as Given),
  ...{ name: score.name, verified: score.verified },
});

/** One run of a receipt as it is kept: without paths, which tell of the machine that wrote it. */
export function plainReceipt(receipt: Receipt, run: Run): Receipt {
  const { ort, provider, threads, node, platform, processor, device, precision } = receipt.runtime;
  const { kind, model, layers, input, detail, benchmarks, scores } = run;
  return {
    receipt: receipt.receipt,
    ventral: receipt.ventral,
    numerics: receipt.numerics,
    screen: receipt.screen,
    runtime: {
      ...{ ort, provider, threads, node, platform, processor },
      ...present({ device, precision }),
    },
    runs: [
      {
        kind,
        model: { name: model.name, digest: model.digest, card: model.card },
        ...(layers ? { layers } : {}),
        ...(input ? { input } : {}),
        ...(detail ? { detail } : {}),
        benchmarks: benchmarks.map(({ id, metric, definition, data }) => ({
          ...{ id, metric, definition, data },
        })),
        scores: scores.map(asGiven),
      },
    ],
  };
}

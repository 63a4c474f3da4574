import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { extractActivations } from '../../src/activations/extract.js';
import { cardOf, openModelFile } from '../../src/activations/model-file.js';
import { fitReadOut, readOutProbabilities } from '../../src/metrics/probabilities.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { loadBenchmarks } from '../../src/scoring/registry/load-benchmark.js';
import { findBenchmark } from '../../src/scoring/registry/registry.js';
import { numbers, type OracleArray, oracle, oraclePath } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-e2e-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const context = { home, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

/** Every file of the main job is read through here, so that none is left out. */
const folder = (name: string) => {
  const files: Record<string, string[]> = {
    'neural-nc': ['stimuli.csv', 'stimuli.zip', 'recordings.nc'],
    'neural-csv': ['stimuli.csv', 'stimuli.zip', 'recordings.csv', 'neuroids.csv'],
    behaviour: ['fitting.csv', 'fitting.zip', 'test.csv', 'test.zip', 'trials.csv'],
  };
  for (const file of files[name]) oraclePath(`09-end-to-end/${name}/${file}`);
  return oraclePath(`09-end-to-end/${name}/benchmark.yaml`);
};
const benchmarks = () => ['neural-nc', 'neural-csv', 'behaviour'].map(folder);
const network = (net: string, card: string, graph = 'model.onnx') => ({
  path: oraclePath(`09-end-to-end/${net}/${graph}`),
  file: oraclePath(`09-end-to-end/${net}/${card}`),
});

interface Expected {
  identifier: string;
  layer: string;
  ceiled: number;
  error: number;
  raw: {
    score: number;
    error: number;
    raw: { neuroid_id?: (string | number)[]; per_split_median?: OracleArray; values: OracleArray };
  };
  ceiling: { score: number; error: number; raw: { values: OracleArray } };
}

function within(found: number | null | undefined, wanted: number, tolerance: number, what: string) {
  expect(found, what).toSatisfy(
    (value: number) =>
      Math.abs(value - wanted) <= tolerance || (Number.isNaN(wanted) && value === null),
  );
}

function expectScore(score: Score, wanted: Expected, key: string) {
  const behaviour = key === 'behaviour';
  const bound = behaviour ? tolerances.endToEnd.behaviour : tolerances.endToEnd.score;
  expect(score.layer).toBe(wanted.layer);
  within(score.value, wanted.ceiled, bound, `${key} value`);
  within(score.error, wanted.error, bound, `${key} error`);
  within(score.raw.value, wanted.raw.score, bound, `${key} raw`);
  within(score.ceiling?.value, wanted.ceiling.score, tolerances.endToEnd.ceiling, `${key} ceiling`);
  within(
    score.ceiling?.error,
    wanted.ceiling.error,
    tolerances.endToEnd.ceiling,
    `${key} ceiling error`,
  );
  const low = score.ci?.[0] ?? Number.NaN;
  const high = score.ci?.[1] ?? Number.NaN;
  expect(low).toBeLessThan(high);
  if (behaviour) {
    numbers(wanted.raw.raw.values).forEach((r, i) => {
      within(score.raw.splits[i], r, bound, `repetition ${i}`);
    });
    return;
  }
  expect(score.raw.neuroid_ids).toEqual(wanted.raw.raw.neuroid_id);
  numbers(wanted.raw.raw.per_split_median as OracleArray).forEach((r, i) => {
    within(score.raw.splits[i], r, tolerances.endToEnd.median, `split ${i}`);
  });
  numbers(wanted.raw.raw.values).forEach((r, i) => {
    within(score.raw.neuroids?.flat()[i], r, tolerances.endToEnd.r, `${key} r ${i}`);
  });
  numbers(wanted.ceiling.raw.values).forEach((r, i) => {
    within(
      score.ceiling?.neuroids?.flat()[i],
      r,
      tolerances.endToEnd.ceiling,
      `${key} ceiling r ${i}`,
    );
  });
}

const cases = [
  { expected: 'resnet', net: 'resnet', card: 'card.yaml' },
  { expected: 'resnet', net: 'resnet', card: 'card-range255.yaml' },
  { expected: 'mbconv', net: 'mbconv', card: 'card.yaml' },
  { expected: 'mbconv-opencv', net: 'mbconv', card: 'card-opencv.yaml' },
  { expected: 'mbconv-short-side', net: 'mbconv', card: 'card-short-side.yaml' },
];

test.each(cases)(
  '$net with $card scores as the original pipeline',
  async ({ expected, net, card }) => {
    const golden = oracle(`09-end-to-end/expected/${expected}.json`);
    const model = network(net, card);
    expect([golden.model, golden.input_size]).toEqual([`${net}/model.onnx`, 48]);
    if (card !== 'card-range255.yaml') expect(golden.card).toBe(`${net}/${card}`);
    const { scores, failures } = await scoreModel(
      { model, benchmarks: benchmarks(), detail: true },
      context,
    );
    expect(failures).toEqual([]);
    const byId = new Map(scores.map((score) => [score.benchmark, score]));
    for (const key of Object.keys(golden.scores)) {
      const wanted = golden.scores[key] as Expected;
      expectScore(byId.get(wanted.identifier) as Score, wanted, key);
    }
  },
);

describe.each(['resnet', 'mbconv'])('%s folded', (net) => {
  test('refuses the layers that were folded away and scores the others the same', async () => {
    const golden = oracle(`09-end-to-end/expected/${net}.json`);
    const absent: string[] = golden.folded_model.layers_absent;
    const { scores, failures } = await scoreModel(
      { model: network(net, 'card.yaml', 'folded.onnx'), benchmarks: benchmarks(), detail: true },
      context,
    );
    const entries = Object.keys(golden.scores).map((key) => ({
      key,
      wanted: golden.scores[key] as Expected,
    }));
    const lost = entries.filter(({ wanted }) => absent.includes(wanted.layer));
    expect(lost.length).toBeGreaterThan(0);
    expect(failures.map(({ benchmark, error }) => [benchmark, error.code]).sort()).toEqual(
      lost.map(({ wanted }) => [wanted.identifier, 'layer-folded']).sort(),
    );
    for (const { key, wanted } of entries.filter((entry) => !lost.includes(entry))) {
      expectScore(
        scores.find(({ benchmark }) => benchmark === wanted.identifier) as Score,
        wanted,
        key,
      );
    }
  });
});

test.each(cases.filter(({ card }) => card !== 'card-range255.yaml'))(
  '$expected: activations, read-out features and probabilities',
  async ({ expected, net, card }) => {
    const golden = oracle(`09-end-to-end/expected/${expected}.json`);
    const file = await openModelFile(network(net, card).path, network(net, card));
    const extract = async (benchmark: string, layers: string[]) => {
      const { loaded, close } = await loadBenchmarks([folder(benchmark)], context, (_, error) => {
        throw error;
      });
      const passes = [];
      for (const shown of loaded[0].shown) {
        passes.push({
          ids: shown.stimuli.ids.map(String),
          stimuli: shown.stimuli,
          ...(await extractActivations({ file, card: cardOf(file) }, shown, layers, {
            ...context,
            scratch: home,
          })),
        });
      }
      await close();
      return passes;
    };
    const { stimulus_ids: ids, layers } = golden.activations;
    const [neural] = await extract(golden.activations.benchmark, Object.keys(layers));
    for (const layer of Object.keys(layers)) {
      const wanted = numbers(layers[layer].values);
      const bound =
        tolerances.activations.absolute + tolerances.activations.relative * layers[layer].max_abs;
      const found = ids.flatMap((id: string) => [
        ...(neural.layers.get(layer)?.readRows(neural.ids.indexOf(id), 1) ?? []),
      ]);
      expect(found.length).toBe(wanted.length);
      expect(
        Math.max(...found.map((value: number, i: number) => Math.abs(value - wanted[i]))),
        layer,
      ).toBeLessThan(bound);
    }
    const { layer, fitting, test: tested } = golden.behaviour_features;
    const [fit, probe] = await extract('behaviour', [layer]);
    for (const [part, pass] of [
      [fitting, fit],
      [tested, probe],
    ] as const) {
      expect(pass.ids).toEqual(part.stimulus_id);
      const wanted = numbers(part.values);
      const found = pass.layers.get(layer)?.readRows(0, pass.ids.length) ?? [];
      const bound =
        tolerances.activations.absolute +
        tolerances.activations.relative * Math.max(...wanted.map(Math.abs));
      expect(
        Math.max(...Array.from(found, (value, i) => Math.abs(value - wanted[i]))),
        layer,
      ).toBeLessThan(bound);
    }
    const labels = (fit.stimuli.columns.get('image_label')?.values ?? []).map(String);
    const readOut = await fitReadOut({
      features: fit.layers.get(layer) as NonNullable<ReturnType<typeof fit.layers.get>>,
      labels,
    });
    const found = await readOutProbabilities(readOut, {
      features: probe.layers.get(layer) as NonNullable<ReturnType<typeof probe.layers.get>>,
      stimulusIds: probe.ids,
    });
    expect(found.choices).toEqual(golden.probabilities.choice);
    expect(found.stimulusIds).toEqual(golden.probabilities.stimulus_id);
    numbers(golden.probabilities.values).forEach((p, i) => {
      within(found.values.data[i], p, tolerances.readout.default, `probability ${i}`);
    });
  },
);

test.each(['resnet', 'mbconv'])('%s: every candidate layer on V1 and V2', async (net) => {
  const golden = oracle(`09-end-to-end/expected/${net}.json`);
  const candidates = Object.keys(golden.layer_scores.benchmarks['neural-nc/V1'].layers);
  for (const layer of candidates) {
    const { scores } = await scoreModel(
      {
        model: network(net, 'card.yaml'),
        benchmarks: [folder('neural-nc')],
        layers: { '*': layer },
      },
      context,
    );
    for (const region of ['V1', 'V2']) {
      const wanted = golden.layer_scores.benchmarks[`neural-nc/${region}`].layers[layer];
      const score = scores.find((each) => each.region === region);
      within(score?.value, wanted.ceiled, tolerances.endToEnd.score, `${layer} ${region}`);
      within(score?.raw.value, wanted.raw, tolerances.endToEnd.score, `${layer} ${region} raw`);
      within(score?.error, wanted.error, tolerances.endToEnd.score, `${layer} ${region} error`);
    }
  }
});

test('a file with regions is one benchmark a region', () => {
  expect(findBenchmark(folder('neural-csv')).map(({ id }) => id)).toEqual([
    'end-to-end.objects.V4-pls',
    'end-to-end.objects.IT-pls',
  ]);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ModelCard, parseCard } from '../../../src/activations/card/card.js';
import { featuresOf } from '../../../src/activations/reduced-layer.js';
import { neuralMetric } from '../../../src/metrics/table/metric-table.js';
import { correlationOverTime } from '../../../src/metrics/time/time-regression.js';
import { denseFeatures, selectRows } from '../../../src/numerics/algebra/features.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { steppedRegress, stepsOfBins } from '../../../src/scoring/measure/stepped-time.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { framePng } from '../../activations/clip-networks.js';
import { plainCard } from '../../activations/made-networks.js';
import { recurrentNetwork } from '../../onnx/recurrent-network.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-steps-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a bin reads the step whose start is nearest, the earlier of two, in its own unit', () => {
  const steps = [
    [100, 200],
    [200, 300],
  ] as const;
  const bins = [0, 140, 150, 160, 400].map((start) => [start, start + 10] as const);
  expect(stepsOfBins(bins, steps, 1)).toEqual([0, 0, 0, 1, 1]);
  const seconds = bins.map(([start, end]) => [start / 1000, end / 1000] as const);
  expect(stepsOfBins(seconds, steps, 1000)).toEqual([0, 0, 0, 1, 1]);
});

interface TimedCase {
  readonly name: string;
  readonly metric: string;
  readonly splits: number;
  readonly stimulus_id: string[];
  readonly features_stimulus_id: string[];
  readonly recordings: OracleArray;
  readonly features: OracleArray;
  readonly result: { readonly score: OracleArray };
}

describe('a layer a step against the reference', () => {
  const cases: TimedCase[] = [...oracle('16-temporal/metrics.json').cases];
  test.each(cases)('$name', async (one) => {
    const [stimuli, units, bins] = one.features.shape as number[];
    const given = numbers(one.features);
    const joined = new Float64Array(given.length);
    for (let s = 0; s < stimuli; s++)
      for (let u = 0; u < units; u++)
        for (let t = 0; t < bins; t++)
          joined[(s * bins + t) * units + u] = given[(s * units + u) * bins + t];
    const [, width] = one.recordings.shape as number[];
    const target = {
      stimulusIds: one.stimulus_id as string[],
      neuroidIds: Array.from({ length: width * bins }, (_, i) => Math.floor(i / bins)),
      values: { ...matrix(stimuli, width * bins), data: numbers(one.recordings) },
      bins,
    };
    const { regression } = neuralMetric(one.metric.endsWith('pls') ? 'pls' : 'ridge');
    const ids = one.features_stimulus_id as string[];
    const timed = await steppedRegress(denseFeatures(stimuli, bins * units, joined), bins, {
      stepOf: Array.from({ length: bins }, (_, i) => i),
      across: one.metric.startsWith('spantime'),
      rows: [...ids.keys()],
      form: () => 'features',
      regress: async (layer, rows) => {
        const picked = selectRows(featuresOf(layer)[0], rows);
        const values = Float64Array.from(await picked.columns(0, picked.cols));
        const features = denseFeatures(rows.length, picked.cols, values);
        if (!regression) throw new Error('no regression');
        return regression.of({ stimulusIds: rows, features }, {});
      },
    });
    const splits = { splits: one.splits, seed: 1, trainSize: 0.9 };
    const found = await correlationOverTime(ids, target, splits, timed);
    numbers(one.result.score).forEach((wanted, bin) => {
      if (Number.isNaN(wanted)) expect(found[bin].value).toBeNaN();
      else expect(Math.abs(found[bin].value - wanted)).toBeLessThan(tolerances.kinds.float64);
    });
  });
});

test('one fit over too many rows is refused', async () => {
  const rows = Array.from({ length: 900 }, (_, i) => i);
  const features = denseFeatures(900, 2, new Float64Array(1800));
  const options = { across: true, rows, form: () => 'features' as const };
  const regress = () => Promise.reject(new Error('not reached'));
  const stepOf = Array.from({ length: 10 }, () => 0);
  await expect(steppedRegress(features, 2, { ...options, stepOf, regress })).rejects.toMatchObject({
    code: 'memory-exceeded',
  });
});

const STIMULI = 24;
const context = () => ({
  ...{ home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
});

/** Images, and counts of four neurons in bins of 20 ms up to 140, twice. */
async function experiment(metric: string): Promise<string> {
  const folder = join(root, metric.replaceAll(/\W/g, ''));
  mkdirSync(join(folder, 'images'), { recursive: true });
  const ids = Array.from({ length: STIMULI }, (_, i) => `im${10 + i}`);
  for (const [i, id] of ids.entries())
    writeFileSync(join(folder, 'images', `${id}.png`), await framePng(i + 1));
  const table = ['stimulus_id,filename', ...ids.map((id) => `${id},${id}.png`), ''];
  writeFileSync(join(folder, 'stimuli.csv'), table.join('\n'));
  const random = new RandomState(3);
  const rows = ids.flatMap((id, row) =>
    [1, 2].flatMap((repetition) =>
      [0, 20, 40, 60, 80, 100, 120].map((start) => {
        const values = Array.from(random.standardNormal(4), (e, k) =>
          (Math.sin(row * (k + 1) + start / 40) + e / 4).toFixed(4),
        );
        return [id, repetition, start, start + 20, ...values].join();
      }),
    ),
  );
  const header = 'stimulus_id,repetition,time_bin_start,time_bin_end,n0,n1,n2,n3';
  writeFileSync(join(folder, 'recordings.csv'), [header, ...rows, ''].join('\n'));
  const yaml = `identifier: steps.IT-${metric.length}
version: 1
region: IT
visual_degrees: 8
stimuli: { csv: stimuli.csv, images: images }
recordings: recordings.csv
time_bins: { step: 20, unit: ms }
metric: ${metric}
cross_validation: { splits: 3 }
`;
  writeFileSync(join(folder, 'time.yaml'), yaml);
  return join(folder, 'time.yaml');
}

const steps = {
  IT: [
    { layer: 'IT.output#1', bin: [0, 50] },
    { layer: 'IT.output#3', bin: [50, 120] },
  ],
} as const;

function network(card: Partial<ModelCard>) {
  const path = join(root, 'recurrent.onnx');
  writeFileSync(path, recurrentNetwork(3).build());
  return { path, card: { ...plainCard(), ...card } };
}

test('a benchmark in bins of time reads the steps of the card, each bin as that layer alone', async () => {
  const benchmark = await experiment('{ name: ridge }');
  const scored = async (model: ReturnType<typeof network>, layer?: string) => {
    const layers: Record<string, string> = layer === undefined ? {} : { IT: layer };
    const { scores, failures } = await scoreModel(
      { model, benchmarks: [benchmark], layers },
      context(),
    );
    expect(failures.map(({ error }) => error.message)).toEqual([]);
    return scores[0];
  };
  const stepped = await scored(network({ time_bins: steps }));
  expect(stepped.layer).toBe('IT.output#1 then IT.output#3');
  expect(stepped.layerChoice).toEqual({ by: 'card' });
  const [first, last] = [
    await scored(network({ time_bins: steps }), 'IT.output#1'),
    await scored(network({ time_bins: steps }), 'IT.output#3'),
  ];
  expect(first.layer).toBe('IT.output#1');
  const raw = (score: typeof stepped) => score.parts?.values.map((part) => part.raw) ?? [];
  // Bins start at 0, 20, …, 100; 20 is nearer to 0, 40 to 50.
  expect(raw(stepped)).toHaveLength(6);
  expect(raw(stepped)).toEqual([...raw(first).slice(0, 2), ...raw(last).slice(2)]);
  expect(raw(first)).not.toEqual(raw(last));
  const mapped = await scored(network({ region_layer_map: { IT: 'IT.output#3' } }));
  expect(raw(mapped)).toEqual(raw(last));
  const later = { IT: [steps.IT[0], { ...steps.IT[1], bin: [60, 120] as const }] };
  const inputs = await Promise.all(
    [steps, later].map((bins) => scored(network({ time_bins: bins }))),
  );
  expect(inputs[0].provenance.inputs).toBe(stepped.provenance.inputs);
  expect(inputs[1].provenance.inputs).not.toBe(stepped.provenance.inputs);
});

test('a map says in one sentence that it reads no steps, and maps the layers that are named', async () => {
  const benchmarks = [await experiment('{ name: ridge }')];
  const model = network({ time_bins: steps });
  await expect(mapLayers({ model, benchmarks }, context())).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringMatching(
      /^steps\.IT-\d+: time_bins\.IT of the card gives a step of the network for each bin, which a map of single layers cannot read; ventral score reads them, and --layers names layers/,
    ),
  });
  const { map } = await mapLayers({ model, benchmarks, layers: ['IT.output#1'] }, context());
  expect(map.layers[0].cells[map.benchmarks[0]]).toHaveProperty('value');
  // Nothing is drawn of bins of time: the nested value has no interval.
  const request = { model, benchmarks, layers: ['IT.output#1'], nested: true };
  const { map: nested } = await mapLayers(request, context());
  const [id] = nested.benchmarks;
  const { value, raw } = nested.layers[0].cells[id] as Score;
  expect(nested.nested?.[id]).toMatchObject({ value, raw, ci: null });
});

test('one fit over the bins of several steps is scored, and its receipt verified', async () => {
  const benchmark = await experiment('{ name: ridge, across: time }');
  const file = join(root, 'card.json');
  writeFileSync(file, JSON.stringify({ ...plainCard(), time_bins: steps }));
  const { path } = network({});
  const request = { model: { path, file }, benchmarks: [benchmark] };
  const { scores, failures } = await scoreModel(request, context());
  expect(failures).toEqual([]);
  expect(scores[0].parts?.values).toHaveLength(6);
  expect(scores[0].raw.value).not.toBeNull();
  const receipt = join(root, 'receipt.json');
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context());
  const report = await verifyReceipt(receipt, [], context());
  expect([report.verdict, report.inputs, report.values]).toEqual(['equal', [], []]);
});

test('steps that cannot be meant are refused', async () => {
  const benchmark = await experiment('{ name: ridge }');
  const unequal = { IT: [steps.IT[0], { layer: 'decoder.avgpool', bin: [50, 120] as const }] };
  const { failures } = await scoreModel(
    { model: network({ time_bins: unequal }), benchmarks: [benchmark] },
    context(),
  );
  expect(failures.map(({ error }) => [error.code, error.message])).toEqual([
    [
      'card-invalid',
      expect.stringContaining(
        'must have equally many units, found IT.output#1 with 256 and decoder.avgpool with 4',
      ),
    ],
  ]);
  const text = (bins: object) => JSON.stringify({ ...plainCard(), time_bins: bins });
  for (const [bins, what] of [
    [{ IT: [{ layer: 'a', bin: [5, 5] }] }, 'a start before its end'],
    [{ IT: [steps.IT[1], steps.IT[0]] }, 'after the start of the step before'],
    [{ IT: [] }, 'time_bins'],
    [{ MT: steps.IT }, 'MT'],
    [{ IT: [{ layer: 'a' }] }, 'bin'],
  ] as const)
    expect(() => parseCard(text(bins), 'card')).toThrow(
      expect.objectContaining({ code: 'card-invalid', message: expect.stringContaining(what) }),
    );
  const card = parseCard(text(steps), 'card');
  expect(card.time_bins).toEqual(steps);
});

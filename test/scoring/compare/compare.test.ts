import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { comparisonPage } from '../../../src/report/comparison-page.js';
import { compareModels, pairedDifference } from '../../../src/scoring/compare/compare.js';
import type {
  Comparison,
  ComparisonRequest,
} from '../../../src/scoring/compare/comparison-types.js';
import { mapsApart } from '../../../src/scoring/compare/maps-apart.js';
import { scoreDifference } from '../../../src/scoring/draws/score-difference.js';
import type { MappedLayers } from '../../../src/scoring/map/layer-map.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { type ScoreOutcome, scoreModel } from '../../../src/scoring/model/score-model.js';
import { tolerances } from '../../tolerances.js';
import { cardWithHead, LABELS, madeLabels, networkWithHead } from '../made-labels.js';
import { behaviour, madeCheckpoint, objects, oracleNetwork, seriesCard } from '../made-series.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-compare-'));
const home = join(root, 'home');
const budgets = { home, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
const at = (name: string) => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const compare = (request: ComparisonRequest) => compareModels(request, budgets);
const V4 = 'end-to-end.objects.V4-pls';
const ids = [V4, 'end-to-end.objects.IT-pls', 'end-to-end.objects-i2n'];

/** A made network, whose card gives no layer for a region. */
function made(name: string, trained: number) {
  writeFileSync(at(`${name}.onnx`), madeCheckpoint({ trained }));
  writeFileSync(at(`${name}.yaml`), seriesCard);
  return { path: at(`${name}.onnx`) };
}

describe('two networks and a made one', () => {
  let found: Comparison;
  const models = [oracleNetwork('resnet'), oracleNetwork('mbconv'), made('made', 0)];
  const [resnet, mbconv, own] = ['resnet/model.onnx', 'mbconv/model.onnx', 'made.onnx'];
  const checkpoint = (name: string) =>
    found.models.find((model) => model.checkpoint.endsWith(name))?.checkpoint as string;
  const rowOf = (name: string, id: string) =>
    found.rows.find((row) => row.checkpoint.endsWith(name) && row.benchmark === id);
  const scored: ScoreOutcome[] = [];

  beforeAll(async () => {
    // Maps are made of all benchmarks where candidates are named: here those of the three cards.
    const layers = ['{maxpool,layer?.0,avgpool,bn1,blocks.?.?,conv_head,conv1,conv2,pool}'];
    found = await compare({ models, layers, benchmarks: [objects, behaviour] });
    for (const model of models.slice(0, 2))
      scored.push(await scoreModel({ model, benchmarks: [objects, behaviour] }, budgets));
  });

  test('stand side by side on each benchmark', () => {
    expect(found.rows.map(({ benchmark, checkpoint }) => [benchmark, checkpoint])).toEqual(
      ids.flatMap((id) => found.models.map((model) => [id, model.checkpoint])),
    );
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  });

  test('have the scores that `score` gives, at the layers of their cards', () => {
    [resnet, mbconv].forEach((name, k) => {
      for (const score of scored[k].scores) {
        const row = rowOf(name, score.benchmark);
        expect(row).toMatchObject({
          map: 'fixed',
          model: score.model,
          layer: score.layer,
          layerChoice: score.layerChoice,
          selection: score.selection,
          inputs: score.provenance.inputs,
        });
        expect(Math.abs((row?.value as number) - (score.value as number))).toBeLessThanOrEqual(
          tolerances.sameNumber,
        );
      }
    });
  });

  test('or at the layer of the own map where a card gives none: a selection', () => {
    const [map] = found.maps.slice(-1);
    expect(rowOf(own, V4)).toMatchObject({
      map: 'chosen',
      layer: map?.chosen[V4].layer,
      layerChoice: map?.chosen[V4].choice,
      selection: true,
    });
    // Behaviour is read from the last of a list of layers without globs.
    expect(rowOf(own, ids[2])).toMatchObject({ map: 'fixed', layer: 'pool', selection: false });
  });

  test('differ by as much, resample by resample', () => {
    expect(found.differences).toHaveLength(3 * 3);
    for (const id of ids) {
      const [a, b] = scored.map(({ scores, draws }) => {
        const score = scores.find(({ benchmark }) => benchmark === id) as Score;
        return { score, draws: draws?.get(score) };
      });
      const pair = { benchmark: id, from: checkpoint(resnet), to: checkpoint(mbconv) };
      const shown = found.differences.find(
        ({ benchmark, from, to }) => benchmark === id && from === pair.from && to === pair.to,
      );
      const { ci } = scoreDifference(a, b);
      const value = ({ score }: typeof a) => score.value as number;
      expect(shown?.reason).toBeUndefined();
      [shown?.difference, ...(shown?.ci ?? [])].forEach((number, i) => {
        const wanted = [value(b) - value(a), ...(ci ?? [])][i];
        expect(Math.abs((number as number) - wanted)).toBeLessThanOrEqual(tolerances.sameNumber);
      });
    }
  });

  test('have maps that are told apart layer by layer', () => {
    expect(found.maps.map((map) => map?.benchmarks)).toEqual([ids, ids, ids]);
    expect(found.divergences.map(({ benchmark, to }) => [benchmark, to])).toEqual(
      [mbconv, own].flatMap((name) => ids.map((id) => [id, checkpoint(name)])),
    );
    for (const { by, layers } of found.divergences) {
      expect(by).toBe('depth');
      for (const { difference, ci, diverges } of layers) {
        expect(ci[0]).toBeLessThanOrEqual(difference);
        expect(diverges).toBe(ci[0] > 0 || ci[1] < 0);
      }
    }
  });

  test('are one page, the same bytes for the same comparison', () => {
    const page = comparisonPage(found);
    expect(comparisonPage(structuredClone(found))).toBe(page);
    expect(page.match(/class="heatmap"/g)).toHaveLength(3);
    for (const { layer } of found.rows) expect(page).toContain(`>${layer}<`);
  });
});

describe('without named candidates', () => {
  test('layers that cards give are scored, and nothing is mapped', async () => {
    const models = [oracleNetwork('resnet'), oracleNetwork('mbconv')];
    const comparison = await compare({ models, benchmarks: [objects] });
    const { rows, maps, divergences } = comparison;
    expect(comparisonPage(comparison)).not.toContain('<h2>Maps');
    expect(rows.map(({ map, value }) => [map, typeof value])).toEqual(
      Array.from({ length: 4 }, () => ['fixed', 'number']),
    );
    expect([maps, divergences]).toEqual([[null, null], []]);
  });

  test('models of one architecture are mapped over the same, whichever card lists them', async () => {
    const bare = made('bare', 0);
    const { layers, ...card } = JSON.parse(seriesCard);
    writeFileSync(at('bare.yaml'), JSON.stringify(card));
    const { maps } = await compare({ models: [bare, made('listed', 1)], benchmarks: [objects] });
    expect(maps.map((map) => map?.layers.map(({ layer }) => layer))).toEqual([layers, layers]);
  });
});

test('a model that is broken fails its own rows', async () => {
  writeFileSync(at('broken.onnx'), 'no network');
  const models = [made('a', 0), { path: at('broken.onnx') }, made('b', 1)];
  const { rows, differences, maps } = await compare({ models, benchmarks: [objects] });
  expect(maps.map((map) => map !== null)).toEqual([true, false, true]);
  for (const row of rows) {
    if (row.checkpoint === 'broken.onnx') expect(row.reason).toMatch(/not an ONNX model/);
    else expect(row.value).toBeTypeOf('number');
  }
  for (const { from, to, difference } of differences)
    expect(difference === null).toBe([from, to].includes('broken.onnx'));
  await expect(compare({ models: [models[0]], benchmarks: [objects] })).rejects.toMatchObject({
    code: 'bad-usage',
  });
});

test('of several benchmarks one that cannot be loaded has its reason', async () => {
  const models = [made('a', 0), made('b', 1)];
  const benchmarks = [objects, 'FreemanZiemba2013public.V1-pls'];
  const { rows } = await compare({ models, benchmarks });
  const failed = rows.filter(({ benchmark }) => benchmark === benchmarks[1]);
  expect(failed.map(({ reason }) => reason)).toEqual(
    models.map(() => expect.stringMatching(/ventral data pull/)),
  );
  await expect(compare({ models, benchmarks: [benchmarks[1]] })).rejects.toMatchObject({
    code: 'data-missing',
  });
});

test('all are scored at the layers of one model where it is named', async () => {
  const models = [made('a', 0), made('b', 1)];
  const mapFrom = made('c', 0.5);
  const { rows } = await compare({ models, benchmarks: [objects], mapFrom });
  const layers = rows.filter(({ benchmark }) => benchmark === V4).map(({ layer }) => layer);
  expect(layers).toEqual([layers[0], layers[0]]);
  for (const row of rows) expect(row).toMatchObject({ map: 'fixed', selection: true });
});

test('a difference is refused where one has no value', () => {
  expect(pairedDifference({ reason: 'folded' }, { reason: 'other' })).toEqual({
    ...{ difference: null, ci: null, paired: false, p: null, reason: 'folded' },
  });
});

describe('two maps', () => {
  /** A map of one benchmark whose layers have these values, and draws that vary around them. */
  function mapped(layers: readonly { name: string; depth: number; value: number; wave: number }[]) {
    const draws = new Map(
      layers.map(({ name, value, wave }) => [
        name,
        {
          units: [{ of: 'neuroids', count: 50, strata: 1, digest: '' }],
          both: Float32Array.from({ length: 500 }, (_, r) => value + 0.1 * Math.sin(r * wave)),
        },
      ]),
    );
    const rows = layers.map(({ name, depth, value }) => ({
      layer: name,
      units: 100,
      depth,
      cells: { b: { value } },
    }));
    return { map: { layers: rows }, draws: new Map([['b', draws]]) } as unknown as MappedLayers;
  }
  const layer = (name: string, depth: number, value: number, wave = depth + 1) => ({
    name,
    depth,
    value,
    wave,
  });

  test('of one network diverge nowhere', () => {
    const map = mapped([layer('a', 1, 0.2), layer('b', 2, 0.4)]);
    const { by, layers } = mapsApart(map, map, 'b');
    expect(by).toBe('name');
    expect(layers.map(({ difference, diverges }) => [difference, diverges])).toEqual([
      [0, false],
      [0, false],
    ]);
  });

  test('are matched by name, and diverge where the difference is sure', () => {
    const from = mapped([layer('a', 1, 0.2), layer('b', 2, 0.4), layer('x', 3, 0.1)]);
    const to = mapped([layer('a', 1, 0.21, 9), layer('b', 2, 0.9, 8), layer('y', 3, 0.1)]);
    const { by, layers } = mapsApart(from, to, 'b');
    expect(by).toBe('name');
    expect(layers.map((each) => [each.layer, each.other, each.diverges])).toEqual([
      ['a', 'a', false],
      ['b', 'b', true],
    ]);
    expect(layers[1].difference).toBeCloseTo(0.5, 12);
  });

  test('of other names are matched by relative depth', () => {
    const from = mapped([layer('a', 1, 0.2), layer('b', 2, 0.4), layer('c', 4, 0.1)]);
    const to = mapped([layer('p', 10, 0.2), layer('q', 20, 0.4)]);
    const { by, layers } = mapsApart(from, to, 'b');
    expect(by).toBe('depth');
    expect(layers.map((each) => each.layer + each.other)).toEqual(['ap', 'bp', 'cq']);
  });
});

test('a label task is compared without a map', async () => {
  const benchmark = await madeLabels(at('labels'), { metric: 'accuracy' });
  writeFileSync(at('head.onnx'), networkWithHead(LABELS.length).build());
  writeFileSync(at('head.yaml'), JSON.stringify(cardWithHead(LABELS)));
  const head = { path: at('head.onnx') };
  const models = [head, oracleNetwork('resnet')];
  const { rows, maps } = await compare({ models, benchmarks: [benchmark] });
  const { scores } = await scoreModel({ model: head, benchmarks: [benchmark] }, budgets);
  expect(maps).toEqual([null, null]);
  expect(rows[0]).toMatchObject({ map: 'fixed', layer: 'logits', value: scores[0].value });
  expect(rows[1]).toMatchObject({ value: null, reason: expect.stringMatching(/class/) });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { wholeLayer } from '../../../src/activations/reduced-layer.js';
import { shuffleSplit } from '../../../src/metrics/cross-validation.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { clears, type Floor } from '../../../src/scoring/floor/floor.js';
import { floorsOf, nullRuns } from '../../../src/scoring/floor/measure-floors.js';
import type { NestedScore } from '../../../src/scoring/map/layer-map-types.js';
import type { CellOutcome, CellTask } from '../../../src/scoring/map/map-cells.js';
import { NestedChoice } from '../../../src/scoring/map/nested-choice.js';
import type { LoadedBenchmark, Measured } from '../../../src/scoring/measure/loaded-benchmark.js';
import type { NestedLayer } from '../../../src/scoring/measure/nested.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { tolerances } from '../../tolerances.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-nested-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const home = join(root, 'home');

const IDS = Array.from({ length: 40 }, (_, i) => `s${100 + i}`);
const NEUROIDS = 3;
type Rows = readonly (readonly number[])[];

let made = 0;
/** A benchmark of recordings that are given, once, so that there is no ceiling. */
function benchmark(recorded: Rows, lines: readonly string[], ids: readonly string[] = IDS): string {
  const folder = join(root, `made-${made++}`);
  mkdirSync(folder);
  const table = (name: string, rows: readonly (readonly unknown[])[]) =>
    writeFileSync(join(folder, name), [...rows.map((row) => row.join()), ''].join('\n'));
  const neuroids = recorded[0].map((_, k) => `n${k}`);
  const rows = ids.map((id, i) => [id, ...recorded[i]]);
  const train = ids.length / 2;
  table('stimuli.csv', [['stimulus_id'], ...ids.map((id) => [id])]);
  table('recordings.csv', [['stimulus_id', ...neuroids], ...rows]);
  table('train.csv', [['stimulus_id'], ...ids.slice(0, train).map((id) => [id])]);
  table('test.csv', [['stimulus_id'], ...ids.slice(train).map((id) => [id])]);
  table('r-train.csv', [['stimulus_id', ...neuroids], ...rows.slice(0, train)]);
  table('r-test.csv', [['stimulus_id', ...neuroids], ...rows.slice(train)]);
  const text = ['identifier: made', 'version: 1', 'visual_degrees: 8', 'ceiling: none', ...lines];
  writeFileSync(join(folder, 'benchmark.yaml'), [...text, ''].join('\n'));
  return join(folder, 'benchmark.yaml');
}

const divided = [
  'stimuli: { csv: stimuli.csv }',
  'recordings: recordings.csv',
  'metric: { name: ridge }',
  'cross_validation: { splits: 4, train_size: 0.8, seed: 7 }',
];

async function loaded(path: string): Promise<LoadedBenchmark> {
  const { loaded: found, close } = await loadBenchmarks([path], { home }, (_, error) => {
    throw error;
  });
  await close();
  return found[0];
}

/** What {@link NestedChoice} makes of layers, and what each scores by itself. */
async function chosen(of: LoadedBenchmark, layers: ReadonlyMap<string, Rows>) {
  const choice = new NestedChoice([...layers.keys()]);
  const alone = new Map<string, Measured>();
  const cells: CellOutcome[] = [];
  // A worker may be done with any layer first.
  for (const [layer, rows] of [...layers].reverse()) {
    const features = denseFeatures(rows.length, rows[0].length, Float64Array.from(rows.flat()));
    const { nested, ...measured } = await of.measure(wholeLayer([features]), { nested: true });
    alone.set(layer, measured);
    choice.see({ layer, loaded: of } as CellTask, nested as NestedLayer);
    const task = { layer, loaded: of };
    cells.unshift({ task, inputs: layer, units: 1, measured, seconds: 0 });
  }
  const { made: score } = await choice.all([of], cells);
  return { score: score as NestedScore, alone };
}

const normal = (rows: number, cols: number, seed: number): number[][] => {
  const values = new RandomState(seed).standardNormal(rows * cols);
  return Array.from({ length: rows }, (_, i) => [...values.subarray(i * cols, (i + 1) * cols)]);
};

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const median = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

function pearson(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [a, b].map((values) => values.map((value) => value - mean(values)));
  const dot = (p: readonly number[], q: readonly number[]) => mean(p.map((v, i) => v * q[i]));
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}

/** Solves a small system by elimination. */
function solved(matrix: Rows, right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = rows.length;
  for (let at = 0; at < n; at++) {
    const best = rows.findIndex(
      (row, i) =>
        i >= at && rows.slice(at).every((other) => Math.abs(other[at]) <= Math.abs(row[at])),
    );
    [rows[at], rows[best]] = [rows[best], rows[at]];
    for (let i = 0; i < n; i++) {
      if (i === at) continue;
      const factor = rows[i][at] / rows[at][at];
      rows[i] = rows[i].map((value, k) => value - factor * rows[at][k]);
    }
  }
  return rows.map((row, i) => row[n] / row[i]);
}

/** Ridge regression with penalty 1 and an intercept, then the median r over neuroids. */
function ridgeMedian(x: Rows, y: Rows, train: readonly number[], test: readonly number[]): number {
  const units = x[0].map((_, k) => k);
  const centre = units.map((k) => mean(train.map((row) => x[row][k])));
  const away = (row: number) => units.map((k) => x[row][k] - centre[k]);
  const fitted = train.map(away);
  const products = units.map((i) =>
    units.map((j) => fitted.reduce((sum, row) => sum + row[i] * row[j], i === j ? 1 : 0)),
  );
  return median(
    y[0].map((_, n) => {
      const target = train.map((row) => y[row][n]);
      const right = units.map((i) => fitted.reduce((sum, row, t) => sum + row[i] * target[t], 0));
      const weights = solved(products, right);
      const predicted = test.map((row) => away(row).reduce((sum, v, k) => sum + v * weights[k], 0));
      return pearson(
        test.map((row) => y[row][n]),
        predicted,
      );
    }),
  );
}

const ascending = (rows: readonly number[]) => rows.toSorted((a, b) => a - b);

/** Layers of which each knows some of the recordings, so that splits disagree. */
function unlike() {
  const causes = normal(IDS.length, 4, 1);
  const recorded = causes.map((row, i) =>
    Array.from(
      { length: NEUROIDS },
      (_, k) => row[k] + row[3] + 1.5 * normal(IDS.length, 1, 9 + k)[i][0],
    ),
  );
  const layers = new Map(
    ['a', 'b', 'c', 'd'].map((name, k) => [
      name,
      causes.map((row, i) => [
        row[k % 4] + normal(IDS.length, 1, 40 + k)[i][0],
        row[3],
        ...normal(IDS.length, 3, 60 + k)[i],
      ]),
    ]),
  );
  return { recorded, layers };
}

describe('a layer that is chosen within the training part of each split', () => {
  test('is the one of a plain reimplementation, and so is its score', async () => {
    const { recorded, layers } = unlike();
    const of = await loaded(benchmark(recorded, divided));
    const { score, alone } = await chosen(of, layers);
    const outer = shuffleSplit(IDS.length, 4, { trainSize: 0.8 }, new RandomState(7));
    const wanted = outer.map(({ train, test }, s) => {
      const part = ascending(train);
      const inner = shuffleSplit(part.length, 5, { trainSize: 0.8 }, new RandomState(8 + s));
      const values = [...layers].map(([layer, x]) => {
        const medians = inner.map((own) =>
          ridgeMedian(
            x,
            recorded,
            ascending(own.train.map((i) => part[i])),
            ascending(own.test.map((i) => part[i])),
          ),
        );
        return { layer, value: mean(medians) };
      });
      const best = values.reduce((a, b) => (b.value > a.value ? b : a)).layer;
      return { best, raw: ridgeMedian(layers.get(best) as Rows, recorded, part, ascending(test)) };
    });
    expect(score.splits).toEqual(wanted.map(({ best }) => best));
    expect(new Set(score.splits).size).toBeGreaterThan(1);
    score.raw.splits.forEach((raw, s) => {
      expect(Math.abs((raw ?? Number.NaN) - wanted[s].raw)).toBeLessThanOrEqual(
        tolerances.kinds.float64,
      );
    });
    expect(score.value).toBeCloseTo(mean(wanted.map(({ raw }) => raw)), 10);
    expect(score.layers.reduce((sum, { splits }) => sum + splits, 0)).toBe(4);
    expect(score.ci?.[0]).toBeLessThan(score.value as number);
    expect(score.generalises?.to).toBe('images and neuroids');
    // No layer was chosen on the stimuli that it is tested on.
    const highest = Math.max(...[...alone.values()].map(({ value }) => value ?? -1));
    expect(score.value).toBeLessThanOrEqual(highest);
  });

  test('is by chance the best of noise, where the nested value is near 0 and the selected one above', async () => {
    const of = await loaded(benchmark(normal(IDS.length, NEUROIDS, 2), divided));
    const layers = new Map<string, Rows>(
      Array.from({ length: 40 }, (_, k) => [`noise${k}`, normal(IDS.length, 4, 100 + k)] as const),
    );
    const { score, alone } = await chosen(of, layers);
    const [best, { value: selected }] = [...alone].reduce((a, b) =>
      (b[1].value as number) > (a[1].value as number) ? b : a,
    );
    const rows = layers.get(best) as Rows;
    const layer = wholeLayer([denseFeatures(rows.length, 4, Float64Array.from(rows.flat()))]);
    const asked = { nulls: ['rows'], runs: 99 } as const;
    const runs = await nullRuns(of, layer, asked, { inputs: '', threads: 1 });
    const floor = floorsOf(of, alone.get(best) as Measured, runs).rows as Floor;
    // The highest of forty lies above what one layer reaches by chance.
    expect(selected).toBeGreaterThan(0.3);
    expect(clears(floor.value)).toBe(true);
    expect(score.value).toBeLessThan(floor.value.floor as number);
    expect(score.value).toBeLessThan((selected as number) / 2);
    const [low, high] = score.ci as readonly [number, number];
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });

  test('of fixed sets is chosen on the training stimuli, and has its own score', async () => {
    const { recorded, layers } = unlike();
    const lines = [
      'train: { stimuli: { csv: train.csv }, recordings: r-train.csv }',
      'stimuli: { csv: test.csv }',
      'recordings: r-test.csv',
      'metric: { name: ridge }',
    ];
    const of = await loaded(benchmark(recorded, lines));
    const train = [...IDS.keys()].slice(0, 20);
    const inner = shuffleSplit(20, 5, { trainSize: 0.9 }, new RandomState(2));
    const best = [...layers]
      .map(([layer, x]) => ({
        layer,
        value: mean(
          inner.map((own) =>
            ridgeMedian(
              x,
              recorded,
              ascending(own.train.map((i) => train[i])),
              ascending(own.test.map((i) => train[i])),
            ),
          ),
        ),
      }))
      .reduce((a, b) => (b.value > a.value ? b : a)).layer;
    const choice = new NestedChoice([...layers.keys()]);
    const alone = new Map<string, Measured>();
    for (const [layer, x] of layers) {
      const sets = [x.slice(0, 20), x.slice(20)].map((rows) =>
        denseFeatures(rows.length, rows[0].length, Float64Array.from(rows.flat())),
      );
      const { nested, ...measured } = await of.measure(wholeLayer(sets), { nested: true });
      alone.set(layer, measured);
      choice.see({ layer, loaded: of } as CellTask, nested as NestedLayer);
    }
    const { made: found } = await choice.all([of], []);
    const { value, ci, generalises, layers: counted } = found as NestedScore;
    expect(counted).toEqual([{ layer: best, splits: 1 }]);
    const own = alone.get(best);
    expect({ value, ci, generalises }).toEqual({
      value: own?.value,
      ci: own?.ci,
      generalises: own?.generalises,
    });
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { mapCsv, printMap } from '../../../src/cli/print/print-map.js';
import { mapFigure } from '../../../src/figure/map-figure.js';
import { mapPage } from '../../../src/report/map-page.js';
import { Session } from '../../../src/runtime/session.js';
import { floorOf } from '../../../src/scoring/floor/floor.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { madeMap } from '../../cli/made-map.js';
import { ORACLE } from '../../oracle.js';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-map-floors-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const source = join(ORACLE, '09-end-to-end');
const model = {
  path: join(source, 'resnet', 'model.onnx'),
  file: join(source, 'resnet', 'card.yaml'),
};
const objects = join(source, 'neural-csv', 'benchmark.yaml');
const floors = { nulls: ['rows' as const], runs: 3 };

test('a cell has the floor that its score has, and kept runs need no network', async () => {
  const limits = { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  const cache = await ContentCache.open(home, { maxBytes: 2 ** 28 });
  const { scores, floors: own } = await scoreModel(
    { model, benchmarks: [objects] },
    { ...limits, floors },
  );
  const request = { model, benchmarks: [objects], layers: [scores[0].layer] };
  const plain = await mapLayers(request, { ...limits, cache });
  const mapped = await mapLayers(request, { ...limits, cache, floors });
  const { benchmark, layer } = scores[0];
  expect(mapped.floors?.get(benchmark)?.get(layer)).toEqual(own?.get(scores[0]));
  // The map itself stays what it was: receipts hold it.
  expect(mapped.map.layers.map(({ cells }) => Object.keys(cells))).toEqual(
    plain.map.layers.map(({ cells }) => Object.keys(cells)),
  );
  expect(mapped.map.layers[0]).not.toHaveProperty('floors');
  const run = vi.spyOn(Session.prototype, 'run');
  const again = await mapLayers(request, { ...limits, cache, floors });
  expect(run).not.toHaveBeenCalled();
  expect(again.floors).toEqual(mapped.floors);
});

test('a cell inside its floor is marked in the table, the page, the figure and CSV', () => {
  const map = madeMap();
  const [benchmark] = map.benchmarks;
  const runs = Array.from({ length: 19 }, () => [0.01, 0.02] as const);
  const layers = map.layers.map((row, i) => {
    const raw = i === 1 ? 0.02 : 0.9;
    return { ...row, floors: { [benchmark]: { rows: floorOf('rows', [0.2, raw], runs, 0) } } };
  });
  const floored = { ...map, layers };
  let out = '';
  printMap(floored, {
    ...{ interactive: false, color: false, columns: 160, err: () => {} },
    out: (text) => {
      out += text;
    },
  });
  expect(out).toContain('(…) inside its floor: 19 runs on permuted rows reach it');
  expect(out.match(/\(0\.\d{3}\)/g)).toHaveLength(1);
  const page = mapPage(floored);
  expect(page.match(/>\(\.\d+\)/g)).toHaveLength(1);
  expect(page).toContain('inside its floor: permuted rows reach 0.010, raw 0.020');
  const figure = mapFigure(floored);
  expect(figure.legend.map(({ sign }) => sign)).toContain('floor');
  const [panel] = figure.panels;
  const inside = panel.kind === 'rows' ? panel.rows.map(({ floor }) => floor?.inside) : [];
  expect(inside.filter(Boolean)).toHaveLength(1);
  expect(mapCsv(floored).split('\n')[0]).toMatch(/,inputs,rows_runs,rows_value_floor,/);
  expect(mapCsv(map).split('\n')[0]).toMatch(/,inputs$/);
  expect(mapFigure(map).legend.map(({ sign }) => sign)).not.toContain('floor');
});

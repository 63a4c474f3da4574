import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { mapCsv, printMap } from '../../../src/cli/print/print-map.js';
import { mapPage } from '../../../src/report/map-page.js';
import { Session } from '../../../src/runtime/session.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { ORACLE } from '../../oracle.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-nested-maps-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const home = join(root, 'home');
const limits = { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

const source = join(ORACLE, '09-end-to-end');
const model = {
  path: join(source, 'resnet', 'model.onnx'),
  file: join(source, 'resnet', 'card.yaml'),
};
const objects = join(source, 'neural-csv', 'benchmark.yaml');
const behaviour = join(source, 'behaviour', 'benchmark.yaml');

describe('a nested map', () => {
  const request = { model, benchmarks: [objects, behaviour], layers: ['layer3.0'], nested: true };

  test('of one layer has the value and the interval of that layer, from kept cells too', async () => {
    const cache = await ContentCache.open(home, { maxBytes: 2 ** 28 });
    const plain = await mapLayers({ ...request, nested: false }, { ...limits, cache });
    const { map } = await mapLayers(request, { ...limits, cache });
    const [{ cells }] = map.layers;
    expect(JSON.stringify(map.layers[0].cells)).not.toContain('"nested"');
    for (const id of map.benchmarks.slice(0, 2)) {
      const { value, error, ci, raw, ceiling, formula } = cells[id] as Score;
      expect(map.nested?.[id]).toMatchObject({ value, error, ci, raw, ceiling, formula });
      expect(map.nested?.[id]).toMatchObject({ layers: [{ layer: 'layer3.0', splits: 10 }] });
    }
    expect(map.nested?.[map.benchmarks[2]]).toEqual({
      reason: expect.stringMatching(/^no nested choice: it is fitted on labels alone/),
    });
    // The cells are those of any map, and the way of choosing is in the inputs.
    expect((plain.map.layers[0].cells[map.benchmarks[0]] as Score).provenance.inputs).toBe(
      (cells[map.benchmarks[0]] as Score).provenance.inputs,
    );
    expect(plain.map.provenance.inputs).not.toBe(map.provenance.inputs);
    const run = vi.spyOn(Session.prototype, 'run');
    const again = await mapLayers(request, { ...limits, cache });
    expect(run).not.toHaveBeenCalled();
    expect(again.map.nested).toEqual(map.nested);
    expect(again.map.provenance.inputs).toBe(map.provenance.inputs);
    run.mockRestore();

    const receipt = join(root, 'receipt.json');
    await writeReceipt(receipt, [{ kind: 'map', request, map }], limits);
    const report = await verifyReceipt(receipt, [], limits);
    expect(report).toMatchObject({ verdict: 'equal', values: [], inputs: [] });
  });

  test('is shown beside the selected value', async () => {
    const { map } = await mapLayers(request, limits);
    const out: string[] = [];
    const io = { out: (text: string) => out.push(text), err: () => {}, color: false };
    printMap(map, { ...io, columns: 100 } as never);
    expect(out.join('')).toMatch(/\nNested: of each split the layer was chosen within/);
    expect(out.join('')).toMatch(
      /V4: nested \d\.\d+ \(95 % interval .+\), selected .+; layer3\.0 in 10 of 10 splits\n/,
    );
    const piped: string[] = [];
    printMap(map, { ...io, out: (text: string) => piped.push(text) } as never);
    expect(piped.join('')).toMatch(/\nbenchmark\tnested_value\tci_low.+\n.+layer3\.0=10/);
    expect(mapPage(map)).toContain('<h2>Nested choice</h2>');
    expect(mapCsv(map)).not.toContain('nested');
  });

  test('excludes the other ways to choose', async () => {
    await expect(mapLayers({ ...request, holdout: true }, limits)).rejects.toMatchObject({
      code: 'bad-usage',
      message: 'nested and holdout exclude each other: each chooses layers in its own way',
    });
  });
});

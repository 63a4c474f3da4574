import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { mapLayers } from '../../src/scoring/map/layer-map.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { verifyReceipt } from '../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../src/scoring/receipt/write-receipt.js';
import { ORACLE } from '../oracle.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-time-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const context = { home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };

/** Recordings in bins of time with pictures: those of another experiment, one for each stimulus. */
function experiment(): string {
  const own = join(ORACLE, '16-temporal', 'majaj');
  const pictured = join(ORACLE, '09-end-to-end', 'neural-csv');
  cpSync(join(own, 'recordings.nc'), join(root, 'recordings.nc'));
  cpSync(join(pictured, 'stimuli.zip'), join(root, 'stimuli.zip'));
  const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
  const names = lines(join(pictured, 'stimuli.csv')).map((line) => line.split(',')[1]);
  const rows = lines(join(own, 'stimuli.csv')).map((line, i) => `${line},${names[i]}`);
  writeFileSync(join(root, 'stimuli.csv'), [...rows, ''].join('\n'));
  const text = readFileSync(join(own, 'temporal.proposed.yaml'), 'utf8')
    .replace('{ csv: stimuli.csv }', '{ csv: stimuli.csv, images: stimuli.zip }')
    .replace('name: pls, components: 25, across', 'name: ridge, across')
    .replace(/^identifier: .*$/m, 'identifier: time.{region}-ridge');
  writeFileSync(join(root, 'time.yaml'), text);
  return join(root, 'time.yaml');
}

test('a network is scored and mapped in bins of time, and its receipt is verified', async () => {
  const benchmark = experiment();
  const source = join(ORACLE, '09-end-to-end', 'resnet');
  const model = { path: join(source, 'model.onnx'), file: join(source, 'card.yaml') };
  const request = { model, benchmarks: [benchmark] };
  const { scores, failures } = await scoreModel(request, context);
  expect(failures).toEqual([]);
  expect(scores.map(({ parts }) => parts?.values.length)).toEqual([19, 19]);
  const { map } = await mapLayers({ ...request, layers: ['layer*'] }, context);
  for (const { benchmark: id, layer: chosen, value } of scores) {
    const cells = map.layers.map(({ cells: own }) => own[id]);
    expect(cells.some((cell) => cell && 'value' in cell && cell.value !== null)).toBe(true);
    const cell = map.layers.find(({ layer }) => layer === chosen)?.cells[id];
    if (cell && 'value' in cell) expect(cell.value).toBe(value);
  }
  const receipt = join(root, 'receipt.json');
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context);
  const report = await verifyReceipt(receipt, [], context);
  expect([report.verdict, report.inputs, report.values]).toEqual(['equal', [], []]);
  const file = readFileSync(benchmark, 'utf8');
  writeFileSync(benchmark, file.replace('step: 10', 'step: 20'));
  const changed = await verifyReceipt(receipt, [], context);
  expect(changed.inputs).not.toEqual([]);
});

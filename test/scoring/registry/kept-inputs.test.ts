import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestOf } from '../../../src/formats/digest.js';
import { metrics, versionedName } from '../../../src/metrics/table/metric-table.js';
import { definitionInputs } from '../../../src/scoring/benchmark/shown-stimuli.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { listBenchmarks } from '../../../src/scoring/registry/registry.js';
import { ORACLE } from '../../oracle.js';

/**
 * What the first definitions were, as the program of commit 7bc83dd4 printed it: digests of all benchmarks that shipped then, and
 * metric and inputs of the files of oracle group 9 under each metric of that time whose ceiling has not changed since.
 */
const first = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/inputs/first-definitions.json'), 'utf8'),
) as {
  readonly shipped: Record<string, string>;
  readonly own: Record<string, { readonly metric: string; readonly inputs: string }>;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-inputs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('benchmarks that shipped first are defined as they were', () => {
  const now = new Map(listBenchmarks().map((found) => [found.id, found]));
  const kept = Object.keys(first.shipped).map((id) => {
    const found = now.get(id);
    return [id, found && digestOf(definitionInputs(found))];
  });
  expect(Object.fromEntries(kept)).toEqual(first.shipped);
});

test.each([
  ['neural-csv', 'V4', Object.keys(first.own).filter((id) => id.includes('.V4-'))],
  ['neural-csv', 'IT', Object.keys(first.own).filter((id) => id.includes('.IT-'))],
  ['behaviour', '', Object.keys(first.own).filter((id) => id.includes('objects-'))],
])('a file as those of %s %s has the metric and the inputs that it had', async (name, _, ids) => {
  expect(ids.length).toBeGreaterThan(5);
  const place = join(folder, 'own');
  cpSync(join(ORACLE, '09-end-to-end', name), place, { recursive: true });
  const path = join(place, 'benchmark.yaml');
  const text = readFileSync(path, 'utf8');
  const found: typeof first.own = {};
  for (const id of ids) {
    const metric = first.own[id].metric.replace(/@.*/, '');
    if (metric !== 'pls' && metric !== 'i2n') {
      const named = text.replace(/name: [\w-]+(, components: 25)?/, `name: ${metric}`);
      writeFileSync(path, named.replace(/-(pls|i2n)$/m, `-${metric}`));
    } else writeFileSync(path, text);
    const { loaded, close } = await loadBenchmarks([path], { home: folder }, (_, error) => {
      throw error;
    });
    for (const { benchmark, metric, inputs } of loaded)
      if (benchmark.id === id) found[id] = { metric, inputs: digestOf(inputs) };
    await close();
  }
  expect(found).toEqual(Object.fromEntries(ids.map((id) => [id, first.own[id]])));
});

test('the versions that rose are those of metrics with another ceiling', () => {
  const names = Object.keys(metrics) as (keyof typeof metrics)[];
  expect(names.map(versionedName).filter((name) => !name.endsWith('@1'))).toEqual([
    'reverse-pls@2',
    'rdm@2',
    'rdm-cv@2',
    'cka@2',
    'cka-cv@2',
  ]);
});

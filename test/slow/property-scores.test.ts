import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import { openModelFile } from '../../src/activations/model-file.js';
import { openReducer } from '../../src/activations/reduce-layers.js';
import { writeZip } from '../../src/formats/zip.js';
import { gratingStimuli } from '../../src/properties/grating-stimuli.js';
import { studies } from '../../src/properties/property-table.js';
import { orderedGratings } from '../../src/properties/protocol.js';
import type { Study } from '../../src/properties/study.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { propertiesOf } from '../../src/scoring/observed/unit-properties.js';
import { runVentral } from '../cli/run-ventral.js';
import { numbers, type OracleArray } from '../oracle.js';
import { expectClose } from '../properties/expect-close.js';
import { propertyBenchmarks } from '../properties/made-properties.js';
import { type Serving, serve } from '../service/process.js';
import { multipart } from '../service/running-service.js';
import { tolerances } from '../tolerances.js';

/** A bank of Gabor filters through the whole road, against the original's scores: test/fixtures/oracle/12-properties/README.md. */

const fixture = join(import.meta.dirname, '../fixtures/properties/onnx');
const golden = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8'));
const { data, scores: wanted, in_rf, properties } = golden;
const LONG = 600_000;
/** An upload may not bear the name of a benchmark that ships. */
const OWN = 'Golden2020_';

let root: string;
let service: Serving;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-property-scores-'));
  cpSync(fixture, join(root, 'model'), { recursive: true });
  mkdirSync(join(root, 'served'));
  service = await serve(join(root, 'served'));
});
afterAll(async () => {
  await service.end('SIGTERM');
  rmSync(root, { recursive: true, force: true });
});

const seeds = Object.fromEntries(
  Object.entries<{ seed: number }>(wanted).map(([id, { seed }]) => [id, seed]),
);

function expectScores(found: readonly Score[], count = 7) {
  expect(found).toHaveLength(count);
  for (const { benchmark, value, error, raw, ceiling } of found) {
    const of = wanted[benchmark.replace(OWN, 'Marques2020_')];
    expectClose(
      [value, error, raw.value, ceiling?.value ?? null].map(Number),
      [of.score, of.error, of.raw, of.ceiling],
      tolerances.properties.score,
    );
  }
}

test('seven scores at the command line', { timeout: LONG }, async () => {
  const files = propertyBenchmarks(root, { data, seeds });
  const { status, out, err } = await runVentral(
    join(root, 'home'),
    ...['score', join(root, 'model', 'card.yaml'), '--json'],
    ...files.flatMap(({ path }) => ['--benchmark', path]),
  );
  expect(status, err).toBe(0);
  expectScores(JSON.parse(out));
});

test('units and properties of each', { timeout: LONG }, async () => {
  const { stimuli, protocol } = orderedGratings(gratingStimuli());
  const file = await openModelFile(join(root, 'model', 'card.yaml'), {});
  if (!file.card) throw new Error('no card');
  const shown = [
    { stimuli, degrees: stimuli.columns.get('degrees')?.values.map(Number), protocol },
  ];
  const scratch = join(root, 'scratch');
  mkdirSync(scratch);
  const demand = { layer: 'v1', layers: ['v1'], sets: [0], form: () => 'units' as const };
  // What the command line kept: the same layer on as many threads.
  const cache = await ContentCache.open(join(root, 'home'));
  const threads = availableParallelism();
  const options = { threads, maxMemory: 2 ** 30, maxScratch: 2 ** 30, scratch, cache };
  const reducer = await openReducer({ file, card: file.card }, shown, [demand], options);
  for await (const met of reducer.run()) {
    if ('error' in met || met.reduced.form !== 'units') throw met;
    const units = met.reduced;
    expect([...units.seen]).toEqual([...numbers(in_rf)]);
    for (const [name, { columns, values }] of Object.entries<{
      columns: string[];
      values: OracleArray;
    }>(properties)) {
      const study: Study = studies[name as keyof typeof studies];
      const sweep = protocol.sweeps.get(study.set);
      if (!sweep) throw new Error(study.set);
      const table = propertiesOf(units, { study, sweep, protocol });
      expect(table.columns).toEqual(columns);
      expectClose(table.values.flat(), numbers(values), tolerances.properties.value);
    }
  }
});

// Uploads are kept apart, each with a pass of its own: one of the seven.
test('a score over HTTP', { timeout: LONG }, async () => {
  const content = readFileSync(join(fixture, 'model.onnx'));
  const card = readFileSync(join(fixture, 'card.yaml'));
  const parts = [
    { name: 'file', filename: 'model.onnx', content },
    { name: 'card', content: card },
  ];
  const model = await service.call('POST', '/v1/models', multipart(parts));
  expect([200, 201], model.text).toContain(model.status);
  const benchmarks: string[] = [];
  const [chosen] = Object.entries(seeds).slice(-1);
  for (const { id, path } of propertyBenchmarks(root, {
    data,
    seeds: { [chosen[0]]: chosen[1] },
  })) {
    const text = readFileSync(path, 'utf8');
    const { neurons } = JSON.parse(text).distribution;
    const own = text.replace('Marques2020_', OWN);
    const zip = join(root, `${id}.zip`);
    await writeZip(zip, [
      { name: 'benchmark.yaml', data: Buffer.from(own), compress: true },
      { name: neurons, data: readFileSync(join(root, neurons)), compress: true },
    ]);
    const sent = await service.call('POST', '/v1/benchmarks', {
      headers: { 'Content-Type': 'application/zip' },
      body: readFileSync(zip),
    });
    expect(sent.status, sent.text).toBe(201);
    benchmarks.push(sent.body.id);
  }
  const asked = await service.post('/v1/scores', { model: model.body.id, benchmarks });
  expect(asked.status, asked.text).toBe(202);
  for (;;) {
    const headers = { 'Content-Type': 'application/json', Prefer: 'wait=20' };
    const { body } = await service.call('GET', asked.headers.location as string, { headers });
    expect(['queued', 'running', 'succeeded'], JSON.stringify(body.failures)).toContain(body.state);
    if (body.state !== 'succeeded') continue;
    expectScores(body.results, 1);
    expect(body.results[0].distribution.units.at_stimulus).toBe(32);
    break;
  }
});

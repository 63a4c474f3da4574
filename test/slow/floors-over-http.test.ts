import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';
import { type Serving, serve } from '../service/process.js';
import { multipart } from '../service/running-service.js';

/** Floors and nested choices of a service are those of the command line, number for number. */
const source = join(ORACLE, '09-end-to-end');
const recorded = join(source, 'neural-csv');
const network = join(source, 'resnet', 'model.onnx');
const card = join(source, 'resnet', 'card.yaml');
const root = mkdtempSync(join(tmpdir(), 'ventral-floors-http-'));
let service: Serving;
let model: string;
let benchmark: string;
beforeAll(async () => {
  mkdirSync(join(root, 'served'));
  // A part of a map would be refused nothing, but have other threads.
  service = await serve(join(root, 'served'), '--threads', '2');
  const parts = [
    { name: 'file', filename: 'net.onnx', content: readFileSync(network) },
    { name: 'card', content: readFileSync(card, 'utf8') },
  ];
  model = (await service.call('POST', '/v1/models', multipart(parts))).body.id;
  const archive = join(root, 'benchmark.zip');
  const names = ['benchmark.yaml', 'neuroids.csv', 'recordings.csv', 'stimuli.csv', 'stimuli.zip'];
  await writeZip(
    archive,
    names.map((name) => ({ name, data: readFileSync(join(recorded, name)), compress: true })),
  );
  const uploaded = await service.call('POST', '/v1/benchmarks', {
    headers: { 'Content-Type': 'application/zip' },
    body: readFileSync(archive),
  });
  expect(uploaded.status, uploaded.text).toBe(201);
  benchmark = uploaded.body.id;
});
afterAll(async () => {
  await service.end('SIGTERM');
  rmSync(root, { recursive: true, force: true });
});

async function ended(path: string, request: object) {
  const asked = await service.post(path, request);
  expect(asked.status, asked.text).toBe(202);
  for (;;) {
    const headers = { 'Content-Type': 'application/json', Prefer: 'wait=20' };
    const { body } = await service.call('GET', asked.headers.location as string, { headers });
    expect(['queued', 'running', 'succeeded'], JSON.stringify(body.failures)).toContain(body.state);
    if (body.state === 'succeeded') return body;
    await new Promise((wait) => setTimeout(wait, 100));
  }
}

async function printed(...words: string[]) {
  const { status, out, err } = await runVentral(join(root, 'home'), ...words, '--threads', '2');
  expect(status, err).toBe(0);
  return JSON.parse(out);
}

const file = join(recorded, 'benchmark.yaml');

test('scores with floors', async () => {
  const nulls = ['rows', 'labels', 'random-weights'];
  const job = await ended('/v1/scores', { model, benchmarks: [benchmark], null: nulls });
  expect(job).toMatchObject({ null: nulls, nullRuns: 19 });
  const own = await printed(
    'score',
    network,
    '--card',
    card,
    '-b',
    file,
    '--json',
    '--null',
    nulls.join(),
  );
  for (const [k, { floors, value }] of own.entries()) {
    expect(job.results[k].value).toBe(value);
    expect(job.results[k].floors).toEqual(floors);
    expect(Object.keys(floors)).toEqual(nulls);
  }
  // Without floors it is another answer, which has none.
  const plain = await ended('/v1/scores', { model, benchmarks: [benchmark] });
  expect(plain.id).not.toBe(job.id);
  expect(plain.results[0]).not.toHaveProperty('floors');
  expect(plain).not.toHaveProperty('null');
}, 300_000);

test('a nested map with floors', async () => {
  const layers = ['maxpool', 'layer3.0'];
  const asked = { model, benchmarks: [benchmark], layers, nested: true, null: ['rows'] };
  const job = await ended('/v1/layer-maps', asked);
  expect(job).toMatchObject({ nested: true, null: ['rows'], nullRuns: 19 });
  const own = await printed(
    ...['map', network, '--card', card, '-b', file, '--layers', layers.join()],
    ...['--nested', '--null', 'rows', '--json'],
  );
  expect(job.result.nested).toEqual(own.nested);
  expect(job.result.layers.map((row: { floors: object }) => row.floors)).toEqual(
    own.layers.map((row: { floors: object }) => row.floors),
  );
  expect(job.result.provenance.inputs).toBe(own.provenance.inputs);
}, 300_000);

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { runVentral } from '../cli/run-ventral.js';
import { cardWithHead, LABELS, madeLabels, networkWithHead } from '../scoring/made-labels.js';
import { type Serving, serve } from '../service/process.js';
import { multipart } from '../service/running-service.js';
import { tolerances } from '../tolerances.js';

/**
 * One score by three ways: a model at the command line, the features that `ventral activations` wrote
 * of it, and HTTP, on a home of its own. The data are made again in each home.
 */
let root: string;
let service: Serving;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-three-ways-'));
  mkdirSync(at('served'));
  service = await serve(at('served'));
});
afterAll(async () => {
  expect((await service.end('SIGTERM')).status).toBe(0);
  rmSync(root, { recursive: true, force: true });
});

const at = (name: string) => join(root, name);

async function command(...words: string[]): Promise<string> {
  const { status, out, err } = await runVentral(at('home'), ...words);
  expect(status, err).toBe(0);
  return out;
}

const byCommand = async (...words: string[]): Promise<Score[]> =>
  JSON.parse(await command('score', '--json', ...words));

/** Scores over HTTP, once the job has ended. */
async function byHttp(request: object): Promise<Score[]> {
  const asked = await service.post('/v1/scores', request);
  expect(asked.status, asked.text).toBe(202);
  for (;;) {
    const headers = { 'Content-Type': 'application/json', Prefer: 'wait=20' };
    const { body } = await service.call('GET', asked.headers.location as string, { headers });
    expect(['queued', 'running', 'succeeded'], JSON.stringify(body.failures)).toContain(body.state);
    if (body.state === 'succeeded') return body.results;
    await new Promise((wait) => setTimeout(wait, 100));
  }
}

function expectSame(found: Score, wanted: Score) {
  const close = (a: number | null | undefined, b: number | null | undefined) => {
    expect(a).not.toBeNull();
    expect(Math.abs(Number(a) - Number(b))).toBeLessThanOrEqual(tolerances.sameNumber);
  };
  close(found.value, wanted.value);
  close(found.error, wanted.error);
  close(found.raw.value, wanted.raw.value);
  close(found.ceiling?.value, wanted.ceiling?.value);
  // Last bits of a value may round a draw, which is kept in float32, to its neighbour.
  for (const end of [0, 1])
    expect(Math.abs(Number(found.ci?.[end]) - Number(wanted.ci?.[end]))).toBeLessThanOrEqual(
      tolerances.drawn,
    );
  expect(found.raw.splits).toHaveLength(wanted.raw.splits.length);
  found.raw.splits.forEach((split, i) => {
    close(split, wanted.raw.splits[i]);
  });
  expect(found.warnings).toEqual(wanted.warnings);
}

/** What is the same over HTTP to the last letter. */
const provenance = ({ provenance: { inputs, metric }, model, name, layer, benchmark }: Score) => ({
  inputs,
  metric,
  model,
  name,
  layer,
  benchmark,
});

const LONG = 600_000;

test(
  'neural: two regions at 4°, by a model that spans 8°',
  async () => {
    const benchmarks = ['Simulated.V1-pls', 'Simulated.V2-pls'];
    const asked = benchmarks.flatMap((id) => ['-b', id]);
    const own = await byCommand('gabor-v1', ...asked);
    expect(own.map(({ layer, simulated }) => [layer, simulated])).toEqual([
      ['v1', true],
      ['v1_pool', true],
    ]);
    const written = ['--layers', 'v1,v1_pool', '-b', benchmarks[0], '-o', at('textures.npz')];
    await command('activations', 'gabor-v1', ...written);
    for (const [k, layer] of ['v1', 'v1_pool'].entries()) {
      const features = ['--features', at('textures.npz'), '--layer', layer, '-b', benchmarks[k]];
      expectSame((await byCommand(...features))[0], own[k]);
    }
    const served = await byHttp({ model: 'gabor-v1', benchmarks });
    expect(served.map(provenance)).toEqual(own.map(provenance));
    served.forEach((score, k) => {
      expectSame(score, own[k]);
    });
  },
  LONG,
);

test(
  'behaviour: i2n from the features of both stimulus sets',
  async () => {
    const [own] = await byCommand('gabor-v1', '-b', 'Simulated-i2n');
    const written = ['--layers', 'readout', '-b', 'Simulated-i2n', '-o', at('objects.nc')];
    await command('activations', 'gabor-v1', ...written);
    const [features] = await byCommand('--features', at('objects.nc'), '-b', 'Simulated-i2n');
    expectSame(features, own);
    const [served] = await byHttp({ model: 'gabor-v1', benchmarks: ['Simulated-i2n'] });
    expect(provenance(served)).toEqual(provenance(own));
    expectSame(served, own);
  },
  LONG,
);

test(
  'a pair of models: one interval on the command line and over HTTP, from draws that the service kept',
  async () => {
    const benchmark = 'Simulated.V1-pls';
    const [one, other] = ['pixels', 'gabor-v1'];
    const printed = JSON.parse(await command('compare', one, other, '-b', benchmark, '--json'));
    for (const model of [one, other]) await byHttp({ model, benchmarks: [benchmark] });
    const asked = `/v1/differences?model=${one}&model=${other}&benchmark=${benchmark}&simulated=true`;
    const { body } = await service.call('GET', asked);
    const { difference, ci, p, generalises } = printed.differences[0];
    expect(body.items.find(({ column }: { column: string }) => column === benchmark)).toEqual({
      ...{ column: benchmark, from: one, to: other, difference, ci, paired: true, p, generalises },
    });
  },
  LONG,
);

describe.each(['error-consistency', 'accuracy'] as const)('labels: %s', (metric) => {
  test('by a head with names, on an uploaded benchmark', async () => {
    const folder = at(metric);
    const more = metric === 'accuracy' ? ['ceiling: 1'] : [];
    const file = await madeLabels(folder, { metric, more });
    const card = cardWithHead(LABELS);
    writeFileSync(at(`${metric}.onnx`), networkWithHead(4).build());
    writeFileSync(at(`${metric}.yaml`), JSON.stringify(card));
    const [own] = await byCommand(at(`${metric}.onnx`), '-b', file);
    expect(own.warnings.map(({ code }) => code)).toEqual(['non-standard-head']);
    const written = ['--layers', 'logits', '-b', file, '-o', at(`${metric}.npz`)];
    await command('activations', at(`${metric}.onnx`), ...written);
    const [features] = await byCommand('--features', at(`${metric}.npz`), '-b', file);
    expectSame(features, own);

    const content = readFileSync(at(`${metric}.onnx`));
    const parts = [
      { name: 'file', filename: 'net.onnx', content },
      { name: 'card', content: JSON.stringify(card) },
    ];
    const model = await service.call('POST', '/v1/models', multipart(parts));
    expect([200, 201], model.text).toContain(model.status);
    const archive = at(`${metric}.zip`);
    const names = readdirSync(folder);
    await writeZip(
      archive,
      names.map((name) => ({ name, data: readFileSync(join(folder, name)), compress: true })),
    );
    const uploaded = await service.call('POST', '/v1/benchmarks', {
      headers: { 'Content-Type': 'application/zip' },
      body: readFileSync(archive),
    });
    expect(uploaded.status, uploaded.text).toBe(201);
    const request = { model: model.body.id, benchmarks: [uploaded.body.id] };
    const [served] = await byHttp(request);
    expect(provenance(served)).toEqual(provenance(own));
    expectSame(served, own);
  });
});

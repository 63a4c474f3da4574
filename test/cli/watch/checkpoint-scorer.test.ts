import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { scorerAtService } from '../../../src/cli/watch/checkpoint-scorer.js';
import { Work } from '../../../src/runtime/work.js';
import { RemoteScores } from '../../../src/service/access/remote-scores.js';

/** A checkpoint at a service whose jobs have ended as a test says. */

/** The job that each kind of request is answered with; with a status, an answer of the service itself. */
let jobs: Record<'scores' | 'layer-maps', { status?: number } & Record<string, unknown>>;
let sent: string[];

const server = createServer((request, response) => {
  const { method, url = '' } = request;
  const kind = url.includes('layer-maps') ? 'layer-maps' : 'scores';
  if (method === 'POST') sent.push(`${kind} ${request.headers['idempotency-key']}`);
  request.resume();
  const { status, ...job } = jobs[kind];
  if (url.endsWith('/events')) return response.writeHead(204).end();
  response.writeHead(status ?? (method === 'POST' ? 202 : 200));
  response.end(JSON.stringify(url.includes('/benchmarks/') ? {} : { ...ended, ...job }));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  sent = [];
});

const ended = { id: 'job_1', state: 'succeeded', results: [], failures: [], reason: null };
const score = {
  ...{ benchmark: 'made.V4-pls', region: 'V4', layer: 'conv2', value: 0.5, ci: null },
  ...{ raw: { value: 0.4 }, ceiling: null, selection: false, simulated: true },
  provenance: { inputs: 'sha256:0' },
};
const failed = (code: string) => ({
  ...{ state: 'failed', result: null },
  failures: [{ benchmark: 'made.V4-pls', problem: { type: `/problems/${code}`, detail: code } }],
});

async function scored() {
  const asked = { benchmarks: ['made.V4-pls'], layers: {}, map: { layers: [] } };
  const remote = new RemoteScores(async () => ({ url }), new AbortController().signal);
  const io = { out: () => {}, err: () => {}, interactive: false, color: false };
  const scorer = await scorerAtService(asked, remote, io);
  const network = { path: 'mdl_1', card: {}, name: 'runs step 1', once: 'key-0' };
  const { rows, failures } = await scorer.score(network, Work.start());
  return [rows.map(({ map, value }) => [map, value]), failures.map(({ code }) => code)];
}

test.each([
  ['metric-failed', failed('metric-failed')],
  ['worker-lost', failed('worker-lost')],
  ['interrupted', { state: 'cancelled', result: null }],
])('a map that ended without a result is the failure %s beside the scores', async (code, map) => {
  jobs = { scores: { results: [score] }, 'layer-maps': map };
  expect(await scored()).toEqual([[['fixed', 0.5]], [code]]);
  expect(sent).toEqual(['scores key-0', 'layer-maps key-0-map']);
});

test('a service that refuses the map is an error', async () => {
  const refusal = { status: 403, type: '/problems/forbidden', detail: 'not yours' };
  jobs = { scores: { results: [score] }, 'layer-maps': refusal };
  await expect(scored()).rejects.toMatchObject({ code: 'forbidden' });
});

test.each([
  ['interrupted', { state: 'cancelled', results: [score] }],
  ['worker-lost', failed('worker-lost')],
])('no map is asked for beside scores that are asked for again: %s', async (code, job) => {
  jobs = { scores: job, 'layer-maps': failed('internal') };
  expect((await scored())[1]).toEqual([code]);
  expect(sent).toEqual(['scores key-0']);
});

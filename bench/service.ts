import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { runtimeIdentity } from '../src/runtime/session.js';
import { resultOptions, writeResults } from './results-file.js';
import { type Answer, agent, call, readsUntil, spread, start } from './running-service.js';

/**
 * The budgets of the service (design §10) on this machine: from `npm start` to ready, a second score with
 * the same inputs, reads while a layer map runs, uploads side by side. A load comes at its own pace: an
 * answer that is late does not hold up the next request, and its wait counts.
 *
 *   node dist/bench/service.js [--seconds 30] [--rate 200] [--save]
 */

async function startTimes(home: string, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const service = await start(home);
    times.push(Math.round(service.ready));
    await service.stop();
  }
  return times;
}

/** The same score again and again, after the first. */
async function secondScores(url: string, times: number) {
  const asked = JSON.stringify({ model: 'gabor-v1', benchmarks: ['Simulatedpublic.V1-pls'] });
  const first = await call(`${url}/scores`, 'POST', asked);
  const { state } = JSON.parse(first.body.toString()) as { state: string };
  if (state !== 'succeeded') throw new Error(`the first score has ${state}`);
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    const { status } = await call(`${url}/scores`, 'POST', asked);
    if (status !== 200) throw new Error(`a second score was answered ${status}`);
    took.push(performance.now() - began);
  }
  return spread(took);
}

const paths = [
  '/models',
  '/benchmarks',
  '/scores?limit=20',
  '/leaderboard?simulated=true',
  '/health',
];

/** Reads at a rate while a job runs. */
async function reads(
  url: string,
  job: string,
  { seconds, rate }: { seconds: number; rate: number },
) {
  const all = [...paths, `/layer-maps/${job}`].map((path) => `${url}${path}`);
  const read = await readsUntil(AbortSignal.timeout(1000 * seconds), all, rate);
  const { state } = JSON.parse((await call(`${url}/layer-maps/${job}`)).body.toString());
  return { ...read, state: state as string };
}

/** Starts a map that outlasts the reads. */
async function longMap(url: string): Promise<string> {
  const asked = { model: 'efficientnet-b1', regions: ['V1', 'V2', 'V4', 'IT'] };
  const { status, body } = await new Promise<Answer>((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const sent = request(
      `${url}/layer-maps`,
      { method: 'POST', agent, headers },
      async (answer) => {
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk as Buffer);
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) });
      },
    );
    sent.once('error', reject);
    sent.end(JSON.stringify(asked));
  });
  const job = JSON.parse(body.toString()) as { id: string; state: string };
  if (status !== 202) throw new Error(`the map was answered ${status}: ${body}`);
  for (let i = 0; i < 600; i++) {
    const { state, progress } = JSON.parse(
      (await call(`${url}/layer-maps/${job.id}`)).body.toString(),
    );
    if (state === 'running' && progress?.stage === 'activations') return job.id;
    if (state !== 'queued' && state !== 'running') throw new Error(`the map has ${state}`);
    await sleep(100);
  }
  throw new Error('the map never began');
}

async function uploads(url: string, at: number) {
  const file = readFileSync(
    join(packageRoot, 'test', 'fixtures', 'oracle', '09-end-to-end', 'resnet', 'model.onnx'),
  );
  const mark = 'a-boundary';
  const form = (i: number) =>
    Buffer.concat([
      Buffer.from(
        `--${mark}\r\nContent-Disposition: form-data; name="name"\r\n\r\nupload ${i}\r\n--${mark}\r\nContent-Disposition: form-data; name="file"; filename="m.onnx"\r\n\r\n`,
      ),
      file,
      Buffer.from(`\r\n--${mark}--\r\n`),
    ]);
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: at }, (_, i) =>
      call(`${url}/models`, 'POST', form(i), `multipart/form-data; boundary=${mark}`),
    ),
  );
  const seconds = (performance.now() - began) / 1000;
  const statuses = new Set(answers.map(({ status }) => status));
  return {
    uploads: at,
    seconds: Math.round(seconds * 10) / 10,
    statuses: [...statuses].toSorted(),
  };
}

const residentMiB = (text: string) =>
  Math.round(Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 2 ** 20);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      rate: { type: 'string', default: '200' },
      ...resultOptions,
    },
  });
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-service-'));
  try {
    const [first, ...again] = await startTimes(home, 6);
    console.log(
      `from npm start to ready: a new home ${first} ms, again ${again.join(', ')} ms (≤ 3000)`,
    );
    const service = await start(home);
    const second = await secondScores(service.url, 100);
    console.log(`a second score of equal inputs: p50 ${second.p50}, p99 ${second.p99} ms (≤ 50)`);
    const idle = await call(`${service.url}/metrics`);
    const job = await longMap(service.url);
    const load = { seconds: Number(values.seconds), rate: Number(values.rate) };
    const read = await reads(service.url, job, load);
    console.log(
      `${read.rate} reads a second while a map of efficientnet-b1 runs: p50 ${read.p50}, p99 ${read.p99}, most ${read.most} ms, ${read.errors} errors (p99 ≤ 100; the map was ${read.state} at the end)`,
    );
    await call(`${service.url}/layer-maps/${job}`, 'DELETE');
    const uploaded = await uploads(service.url, 50);
    const busy = await call(`${service.url}/metrics`);
    const memory = [idle, busy].map(({ body }) => residentMiB(body.toString()));
    console.log(
      `50 uploads side by side: ${uploaded.seconds} s, answered ${uploaded.statuses.join(', ')}; the service held ${memory[0]} MiB before the load and ${memory[1]} after`,
    );
    await service.stop();
    const results = {
      machine: `${cpus()[0].model.trim()}, ${availableParallelism()} threads, Node ${process.versions.node}`,
      runtime: runtimeIdentity(availableParallelism()),
      start: { fresh: first, again, median: median(again) },
      second,
      reads: read,
      uploads: uploaded,
      residentMiB: { before: memory[0], after: memory[1] },
    };
    writeResults('service', results, values);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

await main();

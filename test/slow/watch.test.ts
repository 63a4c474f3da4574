import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEventRecords } from '../../src/formats/event-record.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { endOf, runVentral, startVentral } from '../cli/run-ventral.js';
import { madeGraph, madeSafetensors, madeTorch, runsCard } from '../cli/watch/made-runs.js';
import { madeCheckpoint, objects } from '../scoring/made-series.js';
import { type RunningService, runningService } from '../service/running-service.js';

/** `ventral watch` as it is typed, with kills. */

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-watch-'));
  writeFileSync(at('card.json'), runsCard);
  writeFileSync(at('graph.onnx'), madeGraph());
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (...names: string[]) => join(root, ...names);

interface Entry {
  readonly kind: string;
  readonly digest: string;
  readonly checkpoint: string;
  readonly rows: readonly { readonly benchmark: string; readonly value: number }[];
}

/** What a watch has done so far. */
function journal(folder: string): Entry[] {
  const path = join(folder, 'journal.jsonl');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
const of = (folder: string, kind: string) => journal(folder).filter((entry) => entry.kind === kind);

describe('twelve checkpoints, one half-written for a while, one corrupt, and two kills', () => {
  const state = () => at('state');
  const words = () => [
    ...['watch', at('runs'), '-b', objects, '--card', at('card.json')],
    ...['--graph', at('graph.onnx'), '--interval', '0.3', '--state', state(), '--local'],
    ...['--tensorboard', at('logs'), '--jsonl', at('scores.jsonl')],
  ];
  const write = (step: number, bytes: Uint8Array, ending: string) =>
    writeFileSync(at('runs', 'first', `step-${step}.${ending}`), bytes);
  const trained = (step: number) => step / 12;
  const torch = (step: number) => write(step, madeTorch(trained(step)), 'pt');
  const onnx = (step: number) => write(step, madeCheckpoint({ trained: trained(step) }), 'onnx');
  const tensors = (step: number) => write(step, madeSafetensors(trained(step)), 'safetensors');

  let child: ChildProcess;
  const outputs: string[] = [];
  const start = () => {
    child = startVentral(at('home'), words());
    const ended = endOf(child);
    void ended.then(({ out }) => outputs.push(out));
    return ended;
  };
  /** Kills the process as soon as it has that many results, while it writes the last or scores the next. */
  async function killAfter(results: number): Promise<void> {
    const ended = start();
    await expect
      .poll(() => of(state(), 'scored').length, { interval: 5, timeout: 300_000 })
      .toBeGreaterThanOrEqual(results);
    child.kill('SIGKILL');
    await ended;
  }

  it('give eleven results, none twice', async () => {
    mkdirSync(at('runs', 'first'), { recursive: true });
    onnx(1);
    torch(2);
    tensors(3);
    torch(4);
    await killAfter(2);
    const whole = madeTorch(trained(5));
    write(5, whole.subarray(0, whole.length / 2), 'pt');
    const corrupt = Buffer.from(madeTorch(trained(6)));
    // A byte of the weights, which their checksum covers.
    corrupt[corrupt.length / 2] ^= 255;
    write(6, corrupt, 'pt');
    for (const step of [7, 8]) onnx(step);
    await killAfter(5);
    for (const step of [9, 10]) torch(step);
    for (const step of [11, 12]) tensors(step);
    const ended = start();
    await expect.poll(() => of(state(), 'scored').length, { timeout: 300_000 }).toBe(10);
    appendFileSync(at('runs', 'first', 'step-5.pt'), whole.subarray(whole.length / 2));
    await expect.poll(() => of(state(), 'scored').length, { timeout: 300_000 }).toBe(11);
    await expect.poll(() => of(state(), 'failed').length).toBe(1);
    child.kill('SIGINT');
    const { status, err } = await ended;
    expect(status).toBe(130);
    expect(err).toMatch(/step-5\.pt: the directory of its ZIP archive, .* is not there: waiting/);
    expect(err).toMatch(/^\d+ scored, 1 failed, 0 not complete$/m);

    const scored = of(state(), 'scored');
    expect(new Set(scored.map(({ digest }) => digest)).size).toBe(11);
    expect(scored.map(({ checkpoint }) => checkpoint).sort()).toEqual(
      [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]
        .map((step) => {
          const ending = { 1: 'onnx', 3: 'safetensors', 7: 'onnx', 8: 'onnx' }[step] ?? 'pt';
          return `first/step-${step}.${step > 10 ? 'safetensors' : ending}`;
        })
        .sort(),
    );
    expect(of(state(), 'failed')).toMatchObject([{ checkpoint: 'first/step-6.pt' }]);
  });

  it('stand once in each file that they are written to', () => {
    const lines = readFileSync(at('scores.jsonl'), 'utf8').trimEnd().split('\n');
    const found = lines.map((line) => JSON.parse(line));
    expect(new Set(found.map(({ digest }) => digest)).size).toBe(11);
    expect(found).toHaveLength(11);
    for (const line of found) {
      expect(line).toMatchObject({ run: 'first', _step: expect.any(Number) });
      expect(line['V4/value']).toBeTypeOf('number');
      expect(line['IT/layer']).toBe('pool');
    }
    const folder = at('logs', 'first', 'ventral');
    const files = readdirSync(folder);
    expect(files).toHaveLength(1);
    const content = readFileSync(join(folder, files[0]));
    const { wallTimes, end } = readEventRecords(content);
    expect(end).toBe(content.length);
    // The record of the format, and one a result.
    expect(new Set(wallTimes).size).toBe(12);
    expect(wallTimes).toHaveLength(12);
    // A pipe never gets a row twice; the last one before a kill it may miss.
    const rows = outputs.flatMap((out) => out.split('\n').filter((line) => /^first\t/.test(line)));
    expect(new Set(rows).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThanOrEqual(2 * 9);
  });

  it('have the numbers of `ventral score`, whatever format they came in', async () => {
    const [first] = of(state(), 'scored').filter(({ checkpoint }) => /step-7/.test(checkpoint));
    const model = { path: at('runs', 'first', 'step-7.onnx'), file: at('card.json') };
    const context = { home: at('home'), threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
    const { scores } = await scoreModel({ model, benchmarks: [objects] }, context);
    expect(first.rows.map(({ benchmark, value }) => [benchmark, value])).toEqual(
      scores.map(({ benchmark, value }) => [benchmark, value]),
    );
    // The same weights as another file give the same number.
    writeFileSync(at('runs', 'first', 'step-70.pt'), madeTorch(trained(7)));
    await runVentral(at('home'), ...words(), '--once');
    const again = of(state(), 'scored').find(({ checkpoint }) => /step-70/.test(checkpoint));
    expect(again?.rows.map(({ value }) => value)).toEqual(first.rows.map(({ value }) => value));
  });

  it('are complete once the corrupt one was repaired', async () => {
    const before = await runVentral(at('home'), ...words(), '--once');
    expect(before.status).toBe(1);
    expect(before.err).toMatch(/step-6\.pt: .*checksum/);
    torch(6);
    const { status, err } = await runVentral(at('home'), ...words(), '--once');
    expect(err).toMatch(/^1 scored, 0 failed, 0 not complete$/m);
    expect(status).toBe(0);
  });
});

it('kills at any moment lose and double nothing', async () => {
  const folder = at('killed');
  const count = 24;
  mkdirSync(join(folder, 'runs'), { recursive: true });
  for (let step = 0; step < count; step++)
    writeFileSync(
      join(folder, 'runs', `step-${step}.onnx`),
      madeCheckpoint({ trained: step / count }),
    );
  const script = join(import.meta.dirname, '..', 'cli', 'watch', 'made-watch.mjs');
  const start = () => spawn(process.execPath, [script, folder], { stdio: 'ignore' });
  const random = new RandomState(22);
  const scored = () => of(join(folder, 'state'), 'scored');
  let kills = 0;
  for (; kills < 5; kills++) {
    const before = journal(join(folder, 'state')).length;
    const child = start();
    const ended = endOf(child);
    // Somewhere in the work: after the first lines of this process, whenever that is.
    await expect
      .poll(() => child.exitCode !== null || journal(join(folder, 'state')).length > before, {
        ...{ interval: 2, timeout: 60_000 },
      })
      .toBe(true);
    await sleep(60 * random.double());
    if (child.exitCode !== null) break;
    child.kill('SIGKILL');
    await ended;
  }
  expect(kills).toBeGreaterThan(1);
  await endOf(start());
  const digests = scored().map(({ digest }) => digest);
  expect([digests.length, new Set(digests).size]).toEqual([count, count]);
  const lines = readFileSync(join(folder, 'scores.jsonl'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).digest)).toEqual(digests);
  const events = join(folder, 'logs', 'runs', 'ventral');
  const { wallTimes, end } = readEventRecords(readFileSync(join(events, readdirSync(events)[0])));
  expect([wallTimes.length, new Set(wallTimes).size]).toEqual([count + 1, count + 1]);
  expect(end).toBeGreaterThan(0);
});

it('a map of each checkpoint scores the layer that it chooses', async () => {
  mkdirSync(at('mapped'));
  writeFileSync(at('mapped', 'net_1.onnx'), madeCheckpoint({ trained: 0.5 }));
  const words = ['watch', at('mapped'), '-b', objects, '--card', at('card.json'), '--local'];
  const more = ['--map', '--layers', 'conv*', '--interval', '0.2', '--once'];
  const { status, out } = await runVentral(at('home'), ...words, ...more);
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  expect([status, rows.length]).toEqual([0, 5]);
  const [head, ...found] = rows;
  const column = (row: string[], name: string) => row[head.indexOf(name)];
  expect(found.map((row) => column(row, 'map'))).toEqual(['fixed', 'fixed', 'chosen', 'chosen']);
  for (const row of found.slice(2)) {
    expect(column(row, 'layer')).toMatch(/^conv[12]$/);
    expect(column(row, 'selection')).toBe('true');
  }
});

describe('at a service', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await runningService();
    mkdirSync(at('served'));
    for (const step of [1, 2]) writeFileSync(at('served', `step-${step}.pt`), madeTorch(step / 5));
  });
  afterAll(() => service.stop());
  const words = () => [
    ...['watch', at('served'), '-b', 'Simulated.V1-pls', '--to', service.url],
    ...['--graph', at('graph.onnx'), '--card', at('card.json'), '--interval', '0.2'],
  ];

  it('checkpoints stand in one series, and a job is not asked for twice', async () => {
    const slow = [...words(), '-l', 'V1=sleep=1500'];
    const child = startVentral(at('home'), slow);
    const ended = endOf(child);
    const jobs = async () => (await service.get('/v1/scores')).body.items;
    await expect.poll(async () => (await jobs()).length, { timeout: 300_000 }).toBe(1);
    child.kill('SIGKILL');
    await ended;
    const { status, err } = await runVentral(at('home'), ...slow, '--once');
    expect([status, err]).toEqual([0, expect.stringMatching(/^2 scored, 0 failed/m)]);
    expect(await jobs()).toHaveLength(2);
    const { items } = (await service.get('/v1/models')).body;
    expect(items.map(({ name }: { name: string }) => name).sort()).toEqual([
      ...['served step 1', 'served step 2'],
    ]);
  });

  it('a map is made there, too', async () => {
    const { status, out } = await runVentral(
      at('home'),
      ...words(),
      '-l',
      'V1=conv1',
      '--map',
      '--once',
    );
    expect(status).toBe(0);
    expect(out.split('\n').filter((line) => /\tchosen\t/.test(line))).toHaveLength(2);
    expect((await service.get('/v1/layer-maps')).body.items).toHaveLength(2);
  });

  it('an unknown benchmark is refused before anything is sent', async () => {
    const other = words().map((word) => (word === 'Simulated.V1-pls' ? 'Nowhere.V1' : word));
    const { status, err } = await runVentral(at('home'), ...other, '--once');
    expect([status, err]).toEqual([2, expect.stringMatching(/Nowhere\.V1/)]);
  });
});

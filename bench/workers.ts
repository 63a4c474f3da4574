import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { runtimeIdentity } from '../src/runtime/session.js';

/**
 * A service on a PostgreSQL with workers of one thread beside it: twenty checkpoints by two workers, one of
 * them killed halfway and not started again; then the throughput of two against one, in turn.
 *
 *   DATABASE_URL=postgresql://… node dist/bench/workers.js [--checkpoints 20] [--rounds 3] [--save]
 *
 * The database must be empty. Each worker of the comparison is held to a core of its own, as on a host of one
 * core: left alone it decodes images beside the network, and one worker uses a third of the other's core.
 * Other work on the machine takes from two workers more than from one: the processor time of a job, which it
 * does not change, is printed beside the wall time.
 */

const BENCHMARKS = ['Simulatedpublic.V1-pls', 'Simulatedpublic.V4-pls'];
const oracle = join(packageRoot, 'test', 'fixtures', 'oracle', '09-end-to-end', 'resnet');
const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
/** Linux counts a process's time in these (sysconf(_SC_CLK_TCK)). */
const TICKS = 100;

interface Job {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
}

/** Starts a command, on one core where that is said, and waits for its one line. */
async function start(
  words: readonly string[],
  core?: number,
): Promise<{ child: ChildProcess; line: string }> {
  const held = core === undefined ? [] : ['taskset', '--cpu-list', String(core)];
  const [command, ...rest] = [...held, process.execPath, main, ...words];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let line = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    line += text;
    if (line.includes('\n')) break;
  }
  if (!line) throw new Error(`ventral ${words[0]} did not start`);
  return { child, line };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Seconds of the processor that the ended children of a process took. */
function childrenSeconds({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

class Bench {
  readonly #url: string;
  readonly #home: string;
  #made = 0;

  constructor(url: string, home: string) {
    this.#url = url;
    this.#home = home;
  }

  async #json(method: string, path: string, body?: object): Promise<Job> {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      ...(body
        ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
        : {}),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return (await answer.json()) as Job;
  }

  worker = async (core?: number): Promise<ChildProcess> =>
    (await start(['worker', '--home', this.#home, '--threads', '1'], core)).child;

  /** Registers another checkpoint: other bytes, the same network. */
  async #checkpoint(): Promise<string> {
    const more = Array(++this.#made)
      .fill([0x3a, 0])
      .flat();
    const bytes = Buffer.concat([readFileSync(join(oracle, 'model.onnx')), Buffer.from(more)]);
    const form = new FormData();
    form.set('card', readFileSync(join(oracle, 'card.yaml'), 'utf8'));
    form.set('file', new Blob([bytes]), 'net.onnx');
    const answer = await fetch(`${this.#url}/models`, { method: 'POST', body: form });
    if (!answer.ok) throw new Error(`upload: ${await answer.text()}`);
    return ((await answer.json()) as { id: string }).id;
  }

  async ask(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const model = await this.#checkpoint();
      ids.push((await this.#json('POST', '/scores', { model, benchmarks: BENCHMARKS })).id);
    }
    return ids;
  }

  /** Waits until so many of the jobs have ended. */
  async ended(ids: readonly string[], count = ids.length): Promise<Job[]> {
    for (;;) {
      const jobs = await Promise.all(ids.map((id) => this.#json('GET', `/scores/${id}`)));
      const over = jobs.filter(({ state }) => state !== 'queued' && state !== 'running');
      const bad = over.find(({ state }) => state !== 'succeeded');
      if (bad) throw new Error(`a score has ${bad.state}: ${JSON.stringify(bad)}`);
      if (over.length >= count) return over;
      await sleep(200);
    }
  }

  /** So many checkpoints by two workers, one of which is killed when half of them are there. */
  async killedHalfway(checkpoints: number) {
    const [first, second] = await Promise.all([this.worker(), this.worker()]);
    const began = performance.now();
    const ids = await this.ask(checkpoints);
    await this.ended(ids, checkpoints / 2);
    await end(second, 'SIGKILL');
    const jobs = await this.ended(ids);
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    await end(first, 'SIGTERM');
    const again = jobs.filter(({ attempt }) => attempt > 1).length;
    return { checkpoints, succeeded: jobs.length, taken_again: again, seconds };
  }

  /** Wall and processor seconds of a job with so many workers. */
  async throughput(workers: number, jobs: number) {
    const children = await Promise.all(
      Array.from({ length: workers }, (_, core) => this.worker(core)),
    );
    const ids = await this.ask(jobs);
    await this.ended(ids, workers);
    const began = performance.now();
    const before = children.map(childrenSeconds);
    await this.ended(ids);
    const wall = (performance.now() - began) / 1000;
    const work = children.reduce((sum, child, i) => sum + childrenSeconds(child) - before[i], 0);
    await Promise.all(children.map((child) => end(child, 'SIGTERM')));
    const counted = jobs - workers;
    return { perJob: wall / counted, processor: work / counted };
  }
}

const rounded = (value: number) => Math.round(value * 100) / 100;

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      checkpoints: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '3' },
      save: { type: 'boolean', default: false },
    },
  });
  const home = mkdtempSync(join(tmpdir(), 'ventral-bench-workers-'));
  const { child, line } = await start([
    'serve',
    '--no-score-shipped',
    '--home',
    home,
    '--port',
    '0',
    '--concurrency',
    '0',
  ]);
  try {
    const bench = new Bench(`${/ready at (\S+)/.exec(line)?.[1]}/v1`, home);
    const killed = await bench.killedHalfway(Number(values.checkpoints));
    console.log(`one of two workers killed halfway: ${JSON.stringify(killed)}`);
    const one = [];
    const two = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      one.push(await bench.throughput(1, 6));
      two.push(await bench.throughput(2, 12));
    }
    const middle = (found: readonly { perJob: number; processor: number }[]) => ({
      perJob: rounded(median(found.map(({ perJob }) => perJob))),
      processor: rounded(median(found.map(({ processor }) => processor))),
    });
    const [alone, both] = [middle(one), middle(two)];
    const results = {
      machine: `${cpus()[0].model.trim()}, ${availableParallelism()} threads, Node ${process.versions.node}`,
      runtime: runtimeIdentity(1),
      load: loadavg().map(rounded),
      killed,
      secondsPerJob: { one: alone, two: both },
      throughput: rounded(alone.perJob / both.perJob),
      processorTime: rounded(alone.processor / both.processor),
    };
    console.log(
      `two workers of one thread, each on a core, against one: ${results.throughput} × the throughput (≥ 1.8), ${JSON.stringify(results.secondsPerJob)}, load ${results.load.join(' ')}`,
    );
    if (values.save) save(results);
  } finally {
    await end(child, 'SIGTERM');
    rmSync(home, { recursive: true, force: true });
  }
}

function save(results: object): void {
  const folder = join(packageRoot, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'workers.json');
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`kept in ${file}`);
}

await run();

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';
import { resultOptions, writeResults } from './results-file.js';
import { call } from './running-service.js';

/**
 * The start of a service in a new home and in a used one, and its memory at rest: this checkout beside another one that is
 * built, in turn. Seconds of the processor stand beside those of the clock, which other work disturbs. Linux only.
 *
 *   node dist/bench/rest.js [OTHER-CHECKOUT] [--rounds 2] [--flags --v8-pool-size=1] [--save]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '2' },
    flags: { type: 'string', default: '' },
    ...resultOptions,
  },
});

const TICK_MS = 10;
const READS = ['/models', '/benchmarks', '/leaderboard?simulated=true', '/scores?limit=20'];

interface Rest {
  readonly checkout: string;
  readonly home: 'new' | 'used';
  readonly readyMs: number;
  readonly processorMs: number;
  /** MiB when it said ready, and after a hundred reads. */
  readonly residentMiB: { readonly ready: number; readonly read: number };
}

async function measured(checkout: string, home: string, kind: Rest['home']): Promise<Rest> {
  // A checkout from before has no bundle.
  const built = ['program', 'src'].map((folder) =>
    join(checkout, 'dist', folder, 'cli', 'main.js'),
  );
  const main = built.find((path) => existsSync(path)) as string;
  const words = ['serve', '--home', home, '--port', '0', '--no-score-shipped'];
  const flags = values.flags.split(' ').filter(Boolean);
  const began = performance.now();
  const child = spawn(process.execPath, [...flags, main, ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    if (said.includes('\n')) break;
  }
  const readyMs = Math.round(performance.now() - began);
  const url = /ready at (\S+)/.exec(said)?.[1];
  if (!url) throw new Error(`${main} did not start: ${said}`);
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const processorMs = (Number(stat[11]) + Number(stat[12])) * TICK_MS;
  const resident = () => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  };
  const ready = resident();
  await sleep(2000);
  for (let i = 0; i < 100; i++) await call(`${url}/v1${READS[i % READS.length]}`);
  const read = resident();
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
  return { checkout, home: kind, readyMs, processorMs, residentMiB: { ready, read } };
}

const others = positionals.map((each) => resolve(each));
const found: Rest[] = [];
for (let round = 0; round < Number(values.rounds); round++)
  for (const checkout of [...others, packageRoot]) {
    const home = mkdtempSync(join(tmpdir(), 'ventral-bench-rest-'));
    try {
      for (const kind of ['new', 'used'] as const) {
        const one = await measured(checkout, home, kind);
        found.push({ ...one, checkout: checkout === packageRoot ? 'this' : 'other' });
        console.log(JSON.stringify(found.at(-1)));
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
writeResults('rest', { load: loadavg()[0], flags: values.flags, found }, values);
process.exit();

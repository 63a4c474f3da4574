import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../src/formats/package-root.js';

/** A service that `npm start` starts, and how fast it answers. */

export const agent = new Agent({ keepAlive: true, maxSockets: 256 });

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export function call(
  url: string,
  method = 'GET',
  body?: string | Buffer,
  type = 'application/json',
) {
  return new Promise<Answer>((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': type, Prefer: 'wait=60' };
    const sent = request(url, { method, agent, headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

export interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  /** Milliseconds from the command to the line that says ready. */
  readonly ready: number;
  stop(): Promise<void>;
}

export async function start(home: string): Promise<Running> {
  const began = performance.now();
  const child = spawn('npm', ['start', '--silent', '--', '--port', '0', '--home', home], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    if (said.includes('\n')) break;
  }
  const ready = performance.now() - began;
  // A bench that is stopped takes its service with it.
  const stopped = (signal: NodeJS.Signals) => {
    child.kill('SIGTERM');
    child.once('exit', () => process.kill(process.pid, signal));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopped);
  const url = /ready at (\S+)/.exec(said)?.[1];
  if (!url) throw new Error(`it did not start: ${said}`);
  return {
    child,
    url: `${url}/v1`,
    ready,
    async stop() {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stopped);
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Milliseconds, in order of size. */
const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

export function spread(times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b);
  const rounded = (value: number) => Math.round(value * 10) / 10;
  return {
    n: sorted.length,
    p50: rounded(quantile(sorted, 0.5)),
    p99: rounded(quantile(sorted, 0.99)),
    most: rounded(sorted.at(-1) ?? Number.NaN),
  };
}

/** Asks for addresses in turn at a rate until it is stopped; the wait counts from the moment at which a question was due. */
export async function readsUntil(stopped: AbortSignal, urls: readonly string[], rate: number) {
  const took: number[] = [];
  let errors = 0;
  const began = performance.now();
  const asked: Promise<void>[] = [];
  for (let i = 0; !stopped.aborted; i++) {
    const due = began + (i * 1000) / rate;
    await sleep(Math.max(0, due - performance.now()));
    asked.push(
      call(urls[i % urls.length]).then(
        ({ status }) => {
          took.push(performance.now() - due);
          if (status !== 200) errors++;
        },
        () => {
          errors++;
        },
      ),
    );
  }
  await Promise.all(asked);
  return { ...spread(took), errors, rate };
}

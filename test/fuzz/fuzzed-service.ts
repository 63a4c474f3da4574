import { readdirSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../src/formats/package-root.js';
import { livingOwner } from '../../src/store/home/owner-lock.js';
import { childrenOf, serving } from '../service/process.js';
import { card, multipart, network } from '../service/running-service.js';
import { locally, makeKey } from '../service/with-key.js';
import { madeHome } from '../store/made-home.js';
import { answerFault, type Operation, problemFault } from './description.js';
import { type RawAnswer, requestBytes, type Sending, send } from './raw-request.js';
import { benchmarkFolder } from './reader-targets.js';
import { residentBytes } from './resident-bytes.js';
import { Finding } from './target.js';
import { zipOf } from './zip-cases.js';

/** Where the service listens, and what every request to it bears: the key of an admin. */
export interface Door {
  readonly port: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** `ventral serve` as people start it, with a model, a benchmark and a finished job in its home. */
export interface FuzzedService {
  readonly door: Door;
  /** Values for parameters and properties, by name: those of things that are there. */
  readonly known: Readonly<Record<string, string>>;
  /** Sends a request and judges its answer. Throws {@link Finding}. */
  ask(bytes: Uint8Array, about: Partial<Asking>): Promise<RawAnswer | undefined>;
  /** One request that is right. */
  call(method: string, path: string, body?: unknown): Promise<RawAnswer>;
  /** Bytes of memory that its process holds once garbage is gone. */
  collected(): Promise<number>;
  /** What it has left behind: files and processes; nothing, once it is at rest. */
  leftBehind(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface Asking extends Sending {
  readonly operation: Operation;
  /** HEAD has no body. */
  readonly bodiless: boolean;
}

const hook = join(packageRoot, 'test', 'fuzz', 'collect-on-signal.mjs');
const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');
/** A person's 4xx, and what a service says that has no room or no time. */
const refusals = new Set([503, 507]);
const faults = new Set(['/problems/internal', '/problems/process-died']);

export async function fuzzedService(): Promise<FuzzedService> {
  const home = await madeHome('ventral-fuzz-');
  const words = [
    'serve',
    '--no-score-shipped',
    '--home',
    home,
    '--port',
    '0',
    '--threads',
    '1',
    '--max-memory',
    '1GiB',
  ];
  const service = await serving('--expose-gc', '--import', hook, main, ...words);
  const socket = (await livingOwner(home))?.socket ?? null;
  const local = locally({ url: service.url, socket });
  const { key } = await makeKey(service, { name: 'fuzz', role: 'admin' }, local);
  const authorization = `Bearer ${key}`;
  const door = doorOf(Number(new URL(service.url).port), authorization);
  const pid = service.child.pid as number;
  const call: FuzzedService['call'] = async (method, path, body) => {
    const content = { 'Content-Type': 'application/json', Prefer: 'wait=60' };
    const answer = await local.call(method, path, {
      headers: body === undefined ? {} : content,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const headers = Object.entries(answer.headers).map(
      ([name, value]) => [name, String(value)] as const,
    );
    return { ...answer, headers: new Map(headers) };
  };
  const known = await furnished(door, call);
  const tmp = join(home, 'tmp', 'service');
  return {
    door,
    known,
    call,
    async ask(bytes, about) {
      const answer = await send(door.port, bytes, about);
      judge(answer, about, home);
      if (service.child.exitCode !== null) throw new Finding('the service has ended');
      return answer;
    },
    async collected() {
      for (let times = 0; times < 3; times++) {
        service.child.kill('SIGUSR2');
        await sleep(300);
      }
      return residentBytes(pid);
    },
    async leftBehind() {
      for (let tries = 0; ; tries++) {
        const left = [
          ...(await readdir(tmp)),
          ...childrenOf(pid).map((child) => `process ${child}`),
          ...(await unreferenced(home, call)),
        ];
        if (left.length === 0 || tries > 100) return left;
        await sleep(100);
      }
    },
    async stop() {
      const { status, err } = await service.end('SIGTERM');
      await rm(home, { recursive: true, force: true });
      if (status !== 0) throw new Finding(`the service ended with ${status}: ${err.slice(-2000)}`);
    },
  };
}

/** Files of models and benchmarks that no registration names. */
async function unreferenced(home: string, call: FuzzedService['call']): Promise<string[]> {
  type Items = { items: { digest?: string; upload?: { digest: string } }[] };
  const lists = ['/v1/models?limit=200', '/v1/benchmarks'].map((path) => call('GET', path));
  const items = (await Promise.all(lists)).flatMap(({ body }) => (body as Items).items);
  const digests = items.flatMap(({ digest, upload }) => digest ?? upload?.digest ?? []);
  const named = (file: string) => digests.some((digest) => file.includes(digest.slice(7)));
  const folders = ['models', 'benchmarks'].map((folder) => readdir(join(home, folder)));
  return (await Promise.all(folders)).flat().filter((file) => !named(file));
}

/** A model with a card, a benchmark, and a job that was cancelled. */
async function furnished(door: Door, call: FuzzedService['call']): Promise<Record<string, string>> {
  const form = multipart([
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
  const model = idOf(
    await post(door, '/v1/models', form.headers?.['Content-Type'] ?? '', form.body as Uint8Array),
  );
  const benchmark = idOf(
    await post(door, '/v1/benchmarks', 'application/zip', benchmarkZip('neural-csv')),
  );
  const asked = await call('POST', '/v1/scores', { model, benchmarks: [benchmark] });
  return { model, benchmark, job: idOf(asked), benchmarks: benchmark, region: 'V4', name: 'net' };
}

const idOf = ({ body, text }: Pick<RawAnswer, 'body' | 'text'>) => {
  const id = (body as { id?: string } | undefined)?.id;
  if (!id) throw new Finding(`the service could not be furnished: ${text}`);
  return id;
};

async function post(door: Door, path: string, type: string, body: Uint8Array): Promise<RawAnswer> {
  return (await send(door.port, uploadBytes(door, path, type, body))) as RawAnswer;
}

/** A POST with a body of that type. */
export function uploadBytes(door: Door, path: string, type: string, body: Uint8Array): Uint8Array {
  const headers = [
    ...door.headers,
    ['Content-Type', type],
    ['Content-Length', String(body.length)],
  ] as const;
  return requestBytes(`POST ${path} HTTP/1.1`, headers, body);
}

const doorOf = (port: number, authorization: string): Door => ({
  port,
  headers: [
    ['Host', `127.0.0.1:${port}`],
    ['Connection', 'close'],
    ['Authorization', authorization],
  ],
});

/** A benchmark's folder as it is uploaded, with another file in place of one. */
export function benchmarkZip(folder: string, file?: string, bytes?: Uint8Array): Uint8Array {
  const path = benchmarkFolder(folder);
  const parts = readdirSync(path).map((name) => ({
    name,
    data: name === file && bytes ? bytes : readFileSync(join(path, name)),
  }));
  return zipOf(parts, false);
}

function judge(answer: RawAnswer | undefined, about: Partial<Asking>, home: string): void {
  if (answer === undefined) {
    if (about.unfinished) return;
    throw new Finding('the service closed without an answer');
  }
  const { status, headers, text, body } = answer;
  const say = (what: string) => new Finding(`${what}: ${status} ${text.slice(0, 600)}`);
  if (text.includes(home)) throw say('the answer tells where the home is');
  if (status >= 500 && !refusals.has(status)) throw say('a failure');
  if (status < 400) {
    const fault =
      body === undefined || !about.operation
        ? undefined
        : answerFault(about.operation, status, body);
    if (fault) throw say(`the answer is not as described (${fault})`);
    return;
  }
  if (about.bodiless) return;
  if (!headers.get('content-type')?.startsWith('application/problem+json'))
    throw say('no problem document');
  const fault = problemFault(body);
  const problem = body as { type: string; status: number };
  if (fault || problem.status !== status || faults.has(problem.type))
    throw say(`a wrong problem (${fault})`);
}

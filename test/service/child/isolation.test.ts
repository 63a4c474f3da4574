import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import type { Progress } from '../../../src/runtime/work.js';
import { runChild } from '../../../src/service/child/child.js';
import type { ChildWork } from '../../../src/service/child/child-work.js';
import { confinement, isOffline } from '../../../src/service/child/confinement.js';
import { isolationWarnings } from '../../../src/service/child/isolation-facts.js';
import { treeOf } from '../../../src/service/child/process-tree.js';
import { expectConfined, hijacked } from '../hijack.js';
import { childrenOf, marked } from '../process.js';
import { runningService } from '../running-service.js';

const script = (name: string) => join(packageRoot, 'test', 'service', name);
const MEMORY = 300 * 2 ** 20;

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'ventral-isolation-'));
});
afterAll(async () => {
  expect(await readdir(temporary)).toEqual([]);
  expect(childrenOf(process.pid)).toEqual([]);
  await rm(temporary, { recursive: true });
});

/** Runs the probing child. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
function probe(what: string, more: object = {}, work: Partial<ChildWork> = {}): Promise<any> {
  return runChild({
    script: script('probe-child.mjs'),
    task: { what, ...more },
    temporary,
    reads: [],
    writes: [],
    limits: { memory: MEMORY, seconds: 60 },
    ...work,
  });
}

async function until(test: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (test()) return;
    await sleep(20);
  }
  throw new Error(`never ${what}`);
}

describe('a child process', () => {
  it('sees no variable but those of a list, and an empty folder of its own, which goes with it', async () => {
    process.env.A_SECRET = 'x';
    process.env.DATABASE_URL = 'postgres://a:secret@b/c';
    const { variables, cwd, files } = await probe('environment');
    delete process.env.A_SECRET;
    delete process.env.DATABASE_URL;
    const allowed = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH', 'PWD'];
    expect(Object.keys(variables).filter((name) => !allowed.includes(name))).toEqual([]);
    expect(JSON.stringify(variables)).not.toContain('secret');
    expect([files, variables.TMPDIR]).toEqual([[], cwd]);
    expect(cwd).toContain(temporary);
    expect(existsSync((await probe('files')).cwd)).toBe(false);
  });

  it('has a limit on its data segment, leaves no core, and steps back with all its threads', async () => {
    const { limits, nice, session, killedFirst } = await probe('limits');
    expect(limits).toMatch(
      new RegExp(`Max data size\\s+${MEMORY + 2 ** 30}\\s+${MEMORY + 2 ** 30} `),
    );
    expect(limits).toMatch(/Max core file size\s+0\s+0 /);
    expect(new Set(nice)).toEqual(new Set([10]));
    // Without privileges the kernel takes ten changes a second, of all processes together.
    if (session && process.getuid?.() === 0) expect(session).toMatch(/ nice 10$/m);
    expect(killedFirst).toBe(1000);
  });

  it('sees device files of a GPU only where its work asks for one, and computes without TF32', async () => {
    // Stands in for one: every machine has it, no child needs it, and without a terminal it says so where it is seen.
    const path = '/dev/tty';
    const { namespaces, privileges } = await confinement(temporary);
    const hides = namespaces?.root !== undefined || privileges?.landlock === true;
    const opened = async (devices?: readonly string[]) =>
      (await probe('device', { path }, devices ? { devices } : {})).opened;
    expect(await opened([path])).toMatch(/^(?:done|ENXIO)$/);
    if (hides) expect(await opened()).toMatch(/^E(?:NOENT|ACCES)$/);
    if (hides) expect(await opened(['/dev/nvidia0'])).toMatch(/^E(?:NOENT|ACCES)$/);
    process.env.CUDA_VISIBLE_DEVICES = '1';
    process.env.NVIDIA_TF32_OVERRIDE = '1';
    const variables = async (work: Partial<ChildWork>) =>
      (await probe('environment', {}, work)).variables;
    const [plain, gpu] = [await variables({}), await variables({ devices: [] })];
    delete process.env.CUDA_VISIBLE_DEVICES;
    delete process.env.NVIDIA_TF32_OVERRIDE;
    expect(plain).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
    expect(plain).not.toHaveProperty('NVIDIA_TF32_OVERRIDE');
    expect(gpu).toMatchObject({ CUDA_VISIBLE_DEVICES: '1', NVIDIA_TF32_OVERRIDE: '0' });
  });

  it('has no network, where the system allows that to be taken away', async () => {
    const server = createServer((_request, response) => response.end('reached')).listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const seen = await probe('network', { port });
    if (isOffline(await confinement(temporary)))
      expect(seen).toEqual({ interfaces: [], connection: 'ENETUNREACH' });
    else expect(seen.connection).toBe('made');
    server.close();
  });

  it.each([
    ['holds too much, piece by piece', 'hold', { bytes: 2 ** 30 }, 'memory-exceeded'],
    ['asks for too much at once', 'hold at once', { bytes: 2 * 2 ** 30 }, 'memory-exceeded'],
    ['fills the heap of JavaScript', 'heap', {}, 'memory-exceeded'],
    ['has others hold too much', 'other holds', { bytes: 2 ** 29 }, 'memory-exceeded'],
    [
      'has others, apart, hold it',
      'other holds',
      { bytes: 2 ** 29, apart: true },
      'memory-exceeded',
    ],
    ['aborts', 'abort', {}, 'process-crashed'],
    ['touches memory that is not its own', 'signal', { signal: 'SIGSEGV' }, 'process-crashed'],
    ['runs into a bad instruction', 'signal', { signal: 'SIGILL' }, 'process-crashed'],
    ['is killed by somebody', 'signal', { signal: 'SIGKILL' }, 'process-died'],
    ['ends without an answer', 'exit', { status: 0 }, 'process-died'],
    ['ends with a status', 'exit', { status: 3 }, 'process-died'],
    ['answers with a number', 'say', { line: '{"kind":"result","result":5}' }, 'process-died'],
    ['answers in prose', 'say', { line: 'hello' }, 'process-died'],
    ['makes an error up', 'say', { line: '{"kind":"error","error":{"code":"x"}}' }, 'process-died'],
    [
      'tells of a list',
      'say',
      { line: '{"kind":"progress","stage":[],"done":1,"total":1}' },
      'process-died',
    ],
    [
      'floods its parent with words',
      'flood',
      { line: '{"kind":"progress","stage":"a","done":1,"total":1}\n'.repeat(2000) },
      'process-died',
    ],
    ['never ends its line', 'flood', { line: 'x'.repeat(2 ** 20) }, 'process-died'],
  ] as const)('that %s ends with a problem of its own', async (_, what, more, code) => {
    await expect(probe(what, more)).rejects.toMatchObject({ code });
  });

  it('is ended at its deadline, and where its signal says so, even while it spins', async () => {
    const limits = { memory: MEMORY, seconds: 1 };
    await expect(probe('spin', {}, { limits })).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
    const abort = new AbortController();
    const running = probe('spin', {}, { signal: abort.signal });
    await until(() => childrenOf(process.pid).length > 0, 'started');
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    await expect(probe('wait', {}, { signal: abort.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it.each([false, true])('takes what it started with it (apart: %s)', async (apart) => {
    // Its number may mean another process here.
    const mark = `mark-${randomUUID()}`;
    await probe('other stays', { apart, mark });
    await until(() => marked(mark).length === 0, 'gone after the answer');
    const abort = new AbortController();
    let lived = 0;
    const progress = () => {
      lived = marked(mark).length;
      abort.abort();
    };
    await expect(
      probe('other stays, and wait', { apart, mark }, { signal: abort.signal, progress }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(lived).toBe(1);
    await until(() => marked(mark).length === 0, 'gone after the kill');
  });

  it('that is hijacked finds no file, process, namespace or network beyond its task', async () => {
    const home = await mkdtemp(join(tmpdir(), 'ventral-hijacked-'));
    expectConfined(await hijacked(home));
    await rm(home, { recursive: true });
  });

  it('is heard now and then, and its last word always', async () => {
    const heard: Progress[] = [];
    await probe('progress', { times: 5000 }, { progress: (said) => heard.push(said) });
    expect(heard.length).toBeLessThan(200);
    // The probe says nothing of the whole, so that nothing is known of it.
    const unknown = { share: 0, elapsedSeconds: 0, etaSeconds: null };
    expect(heard.at(-1)).toEqual({ stage: 'looking', done: 5000, total: 5000, ...unknown });
  });

  it.each([
    ['spins in its work', 'probe-child.mjs', { what: 'spin' }],
    ['spins before it has its work', 'spinning-child.mjs', {}],
  ])('that %s ends within two seconds of its parent', async (_, name, task) => {
    const words = [script('parent-of.mjs'), script(name), temporary, JSON.stringify(task)];
    const parent = spawn(process.execPath, words, { stdio: 'ignore' });
    const pid = parent.pid as number;
    await until(() => childrenOf(pid).length === 1, 'started');
    // By now it may spin, or still be starting: it has to end in both.
    await sleep(Math.random() * 500);
    parent.kill('SIGKILL');
    const [killed] = [Date.now(), await once(parent, 'exit')];
    await until(() => childrenOf(pid).length === 0, 'gone');
    expect(Date.now() - killed).toBeLessThan(2000);
    // Nobody was left to remove its folder; a service sweeps it at its next start.
    for (const left of await readdir(temporary))
      await rm(join(temporary, left), { recursive: true });
  });
});

it('a service says at its start what it cannot take away from children, and that it is root', async () => {
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => said.push(line) });
  const service = await runningService({ log, concurrency: 0 });
  const expected = isolationWarnings(await confinement(join(service.home, 'tmp', 'service')));
  await until(() => said.length >= expected.length, 'warned');
  expect(said.map((line) => JSON.parse(line).msg)).toEqual(expected);
  expect(expected.some((line) => /runs as root/.test(line))).toBe(process.getuid?.() === 0);
  await service.stop();
});

it('a tree of processes is read from a listing', () => {
  const listing = '  1 0 10\n 20 1 1000\n 21 20 2000\n 22 21 4000\n 30 1 8000\n';
  expect(treeOf(20, listing)).toEqual({ pids: [20, 21, 22], resident: 7000 * 1024 });
});

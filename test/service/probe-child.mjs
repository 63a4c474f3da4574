// A child process that looks at what it may do, or misbehaves: what it does is its task's `what`.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../../dist/src/service/serve-parent.js';

const LINE = 3;

/** Holds this much memory, touched, in pieces. */
async function hold(bytes, pause = 1) {
  const held = [];
  for (let size = 0; size < bytes; size += 2 ** 23) {
    held.push(Buffer.alloc(2 ** 23, 1));
    if (pause > 0) await sleep(pause);
  }
  return held;
}

/** Starts another process that runs `code`, outside of this one's group where `apart`. */
function start(code, apart) {
  const other = spawn(process.execPath, ['-e', code], {
    detached: apart,
    stdio: ['ignore', 'ignore', 'inherit', 'inherit'],
  });
  return other.pid;
}

const wait = 'setTimeout(() => {}, 600_000)';

const acts = {
  environment: () => ({
    variables: { ...process.env },
    cwd: process.cwd(),
    files: readdirSync('.'),
  }),
  limits: () => ({
    limits: readFileSync('/proc/self/limits', 'utf8'),
    // proc(5): field 19 is the nice value.
    nice: readdirSync('/proc/self/task').map((thread) =>
      Number(
        readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')[16],
      ),
    ),
    killedFirst: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
  }),
  network: async ({ port }) => ({
    interfaces: Object.keys(networkInterfaces()),
    connection: await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve('made')).once('error', ({ code }) => resolve(code));
    }),
  }),
  files: () => writeFileSync('left-behind', 'x'.repeat(1000)) ?? { cwd: process.cwd() },
  spin: () => {
    for (;;);
  },
  wait: () => new Promise(() => setTimeout(() => {}, 600_000)),
  hold: async ({ bytes }) => ({ pieces: (await hold(bytes)).length }),
  'hold at once': ({ bytes }) => ({ size: Buffer.alloc(bytes, 1).length }),
  heap: () => {
    const lists = [];
    for (;;) lists.push(Array.from({ length: 1000 }, (_, i) => ({ i })));
  },
  'other holds': ({ bytes, apart }) => {
    start(`globalThis.held = Buffer.alloc(${bytes}, 1); ${wait}`, apart);
    return new Promise(() => setTimeout(() => {}, 600_000));
  },
  'other stays': ({ apart }) => ({ pid: start(wait, apart) }),
  'other stays, and wait': ({ apart }, progress) => {
    progress({ stage: 'started', done: start(wait, apart), total: 0 });
    return acts.wait();
  },
  signal: async ({ signal }) => {
    process.kill(process.pid, signal);
    await sleep(60_000);
  },
  abort: () => process.abort(),
  exit: ({ status }) => process.exit(status),
  progress: async ({ times }, progress) => {
    for (let done = 1; done <= times; done++) progress({ stage: 'looking', done, total: times });
    return {};
  },
  say: async ({ line }) => {
    writeSync(LINE, `${line}\n`);
    await acts.wait();
  },
  flood: ({ line }) => {
    for (;;) {
      try {
        writeSync(LINE, line);
      } catch ({ code }) {
        // Until the parent has read some more.
        if (code !== 'EAGAIN') throw code;
      }
    }
  },
};

serveParent(async () => async (task, progress) => acts[task.what](task, progress));

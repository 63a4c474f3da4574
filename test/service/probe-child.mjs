// A child process that looks at what it may do, or misbehaves: what it does is its task's `what`.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../../dist/src/service/child/serve-parent.js';

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

/** Starts another process that runs `code`, outside of this one's group where `apart`, known by a mark. */
function start(code, apart, mark = '') {
  const other = spawn(process.execPath, ['-e', code, mark], {
    detached: apart,
    stdio: ['ignore', 'ignore', 'inherit', 'inherit'],
  });
  return other.pid;
}

/** The system may not even let itself be asked. */
function interfaces() {
  try {
    return Object.keys(networkInterfaces());
  } catch {
    return [];
  }
}

const wait = 'setTimeout(() => {}, 600_000)';

/** What an attempt came to: what it gave, or the code of its error. */
function attempt(act) {
  try {
    return act() ?? 'done';
  } catch (error) {
    return error.code ?? error.message;
  }
}

const run = (program, ...words) =>
  attempt(
    () =>
      spawnSync(program, words, { timeout: 10_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
        .status,
  );

const acts = {
  // Whatever an exploit in the work might try next.
  hijacked: async ({ read, write, service, mark, unix }) => ({
    read: Object.fromEntries(read.map((path) => [path, attempt(() => readFileSync(path).length)])),
    copied: Object.fromEntries(
      read.map((path) => [path, run('sh', '-c', 'cat < "$1"', 'sh', path)]),
    ),
    written: Object.fromEntries(
      write.map((path) => [path, attempt(() => writeFileSync(path, 'x'))]),
    ),
    signal: attempt(() => process.kill(service, 'SIGKILL')),
    entered: run('nsenter', '--target', String(service), '--net', '--mount', 'true'),
    unshared: run('unshare', '--user', '--map-root-user', 'true'),
    mounted: run('sh', '-c', 'mount -t tmpfs x . && umount -l .'),
    root: run('setpriv', '--reuid', '0', 'cat', '/etc/shadow'),
    // Counted before this one starts others of its own.
    others: attempt(
      () =>
        readdirSync('/proc').filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/exe`))
          .length,
    ),
    stays: run('sh', '-c', `setsid sh -c 'sleep 600; true' ${mark} </dev/null >/dev/null 2>&1 &`),
    unix: await new Promise((resolve) => {
      const socket = connect(unix);
      socket.once('connect', () => resolve('made')).once('error', ({ code }) => resolve(code));
    }),
  }),
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
    // sched(7): that of the session, where the kernel has any.
    session: existsSync('/proc/self/autogroup') && readFileSync('/proc/self/autogroup', 'utf8'),
  }),
  device: ({ path }) => ({ opened: attempt(() => closeSync(openSync(path, 'r+'))) }),
  network: async ({ port }) => ({
    interfaces: interfaces(),
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
  'other stays': ({ apart, mark }) => ({ pid: start(wait, apart, mark) }),
  'other stays, and wait': ({ apart, mark }, progress) => {
    progress({ stage: 'started', done: start(wait, apart, mark), total: 0 });
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

// A service whose child is hijacked: node hijack.mjs FOLDER PROBE prints what the child could do, as JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runChild } from '../../dist/src/service/child/child.js';
import { confinement } from '../../dist/src/service/child/confinement.js';

const [home, script] = process.argv.slice(2);
const dist = join(import.meta.dirname, '..', '..', 'dist');
const put = (...path) => {
  mkdirSync(join(home, ...path.slice(0, -1)), { recursive: true });
  writeFileSync(join(home, ...path), 'secret', { mode: 0o600 });
  return join(home, ...path);
};
const temporary = join(home, 'tmp', 'service');
mkdirSync(temporary, { recursive: true });
const given = put('models', 'mine', 'model.onnx');
const hidden = [
  put('owner.json'),
  put('models', 'other', 'model.onnx'),
  put('benchmarks', 'other', 'recordings.nc'),
  put('trainings', 'job', 'run', 'model.onnx'),
  put('tmp', 'service', 'copy-of-an-upload'),
];
const unix = createServer((socket) => socket.end()).listen(join(home, 'socket'));
await once(unix, 'listening');
// Stands for the service where it is signalled: this process has to tell what came of it.
const victim = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
const mark = `mark-${process.pid}`;
const seen = await runChild({
  script,
  task: {
    what: 'hijacked',
    read: [
      given,
      ...hidden,
      '/etc/shadow',
      ...['environ', 'mem', 'root/etc/shadow'].map((name) => `/proc/${process.pid}/${name}`),
    ],
    write: [
      given,
      join(home, 'written'),
      join(dist, 'written'),
      '/etc/written',
      '/usr/written',
      '/written',
    ],
    service: victim.pid,
    mark,
    unix: join(home, 'socket'),
  },
  temporary,
  reads: [given],
  writes: [],
  limits: { memory: 2 ** 29, seconds: 60 },
});
const survives = victim.exitCode === null && victim.signalCode === null;
victim.kill('SIGKILL');
unix.close();
const left = () =>
  readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(mark);
    } catch {
      return false;
    }
  });
for (let i = 0; i < 100 && left().length > 0; i++) await sleep(20);
const stayed = left();
for (const pid of stayed) process.kill(-Number(pid), 'SIGKILL');
const { namespaces, privileges } = await confinement(temporary);
const layers = {
  root: namespaces?.root !== undefined,
  network: namespaces !== undefined,
  user: namespaces?.user ?? null,
  setpriv: privileges !== undefined,
  landlock: privileges?.landlock ?? false,
  filter: privileges?.filter !== undefined,
};
process.stdout.write(
  JSON.stringify({ layers, seen, given, hidden, survives, stays: stayed.length > 0 }),
);
process.exit();

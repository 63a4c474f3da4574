// What a newcomer does first: npm start, wait for the ready line, score a shipped model over HTTP, stop,
// and see the port closed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const home = mkdtempSync(join(tmpdir(), 'ventral-start-'));
const server = spawn('npm', ['start'], {
  env: { ...process.env, VENTRAL_HOME: home, VENTRAL_PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
const ended = new Promise((resolve) => server.once('exit', resolve));

function fail(message) {
  console.error(message);
  try {
    process.kill(-server.pid, 'SIGKILL');
  } catch {}
  process.exit(1);
}
setTimeout(() => fail('not done within five minutes'), 300_000).unref();

const base = await new Promise((resolve) => {
  const early = (code) => fail(`npm start ended with ${code} before it was ready`);
  server.once('exit', early);
  createInterface({ input: server.stdout }).on('line', (line) => {
    console.log(line);
    const found = /^ventral is ready at (http:\/\/\S+)$/.exec(line);
    if (!found) return;
    server.off('exit', early);
    resolve(found[1]);
  });
});

const ask = async (path, init) => {
  const answer = await fetch(base + path, init);
  const body = await answer.json();
  if (!answer.ok) fail(`${path} answered ${answer.status}: ${JSON.stringify(body)}`);
  return body;
};
let job = await ask('/v1/scores', {
  method: 'POST',
  headers: { 'content-type': 'application/json', prefer: 'wait=60' },
  body: JSON.stringify({ model: 'gabor-v1', benchmarks: ['Simulated.V1-pls'] }),
});
while (job.state === 'queued' || job.state === 'running') {
  await new Promise((resolve) => setTimeout(resolve, 500));
  job = await ask(`/v1/scores/${job.id}`);
}
if (job.state !== 'succeeded' || !(job.results[0].value > 0))
  fail(`the score ended ${job.state}: ${JSON.stringify(job.failures)}`);
console.log(`gabor-v1 on Simulated.V1-pls: ${job.results[0].value.toFixed(3)}`);

// A signal to npm alone must end everything within ten seconds.
process.kill(server.pid, 'SIGTERM');
const late = setTimeout(() => fail('still running ten seconds after SIGTERM'), 10_000);
await ended;
clearTimeout(late);
const open = await fetch(`${base}/v1/health`).then(
  () => true,
  () => false,
);
if (open) fail('the port is still open');
rmSync(home, { recursive: true, force: true });
console.log('stopped, and the port is closed');
process.exit(0);

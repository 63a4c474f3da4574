import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { livingOwner } from '../../src/store/home/owner-lock.js';
import { serve } from '../service/process.js';
import { locally, makeKey } from '../service/with-key.js';
import { madeHome } from '../store/made-home.js';

const CONNECTIONS = 64;
const WINDOW_MS = 10_000;

/** A process that asks without a key, or with one that nobody made, on many connections at once. */
function flood(url: string) {
  const code = `
    const { request, Agent } = require('node:http');
    const { randomBytes } = require('node:crypto');
    const agent = new Agent({ keepAlive: true, maxSockets: ${CONNECTIONS} });
    let sent = 0;
    const counts = {};
    const next = () => {
      const key = 'vk_0000000000000000_' + randomBytes(32).toString('base64url');
      const headers = sent++ % 2 ? {} : { Authorization: 'Bearer ' + key };
      request(${JSON.stringify(url)} + '/v1/models', { agent, headers }, (answer) => {
        counts[answer.statusCode] = (counts[answer.statusCode] ?? 0) + 1;
        answer.resume().once('end', next);
      }).once('error', () => setTimeout(next, 10)).end();
    };
    for (let n = 0; n < ${CONNECTIONS}; n++) next();
    process.once('SIGTERM', () => { console.log(JSON.stringify(counts)); process.exit(); });`;
  return spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Milliseconds that a member's reads took, one after another on one connection. */
async function reads(url: string, key: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  for (const end = performance.now() + WINDOW_MS; performance.now() < end; ) {
    const start = performance.now();
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { Authorization: `Bearer ${key}` };
      request(`${url}/v1/models`, { agent, headers }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
      })
        .once('error', reject)
        .end();
    });
    expect(status).toBe(200);
    times.push(performance.now() - start);
    await sleep(5);
  }
  agent.destroy();
  return times.toSorted((a, b) => a - b);
}

it('a flood of requests without a key leaves the reads of a member quick', async () => {
  const home = await madeHome('ventral-flood-');
  const service = await serve(home, '--concurrency', '0');
  try {
    const socket = (await livingOwner(home))?.socket ?? null;
    const local = locally({ url: service.url, socket });
    const ada = await makeKey(service, { name: 'ada', role: 'member' }, local);
    const attacker = flood(service.url);
    await sleep(1000);
    const tails: number[] = [];
    for (let window = 0; window < 3 && !tails.some((tail) => tail <= 100); window++) {
      const times = await reads(service.url, ada.key);
      tails.push(times[Math.floor(times.length * 0.99)]);
      process.stdout.write(
        `flood: p50 ${times[times.length >> 1].toFixed(1)} ms, p99 ${tails.at(-1)?.toFixed(1)} ms of ${times.length} reads\n`,
      );
    }
    attacker.kill('SIGTERM');
    const [said] = await once(attacker.stdout, 'data');
    process.stdout.write(`flood: answers ${said}`);
    expect(Math.min(...tails)).toBeLessThanOrEqual(100);
  } finally {
    await service.end('SIGTERM');
    await rm(home, { recursive: true, force: true });
  }
}, 120_000);

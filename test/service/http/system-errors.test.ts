import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { problemOf } from '../../../src/service/http/problem.js';
import { shortOr } from '../../../src/store/database/database.js';
import { madePlace, removePlace } from '../../store/engines.js';
import { main, servingIn } from '../process.js';
import { multipart, network, suiteEngine } from '../running-service.js';

/** What node throws where a system call fails. */
const systemError = (code: string, path = '/srv/secret/place/file.onnx') =>
  Object.assign(new Error(`${code}: failed, open '${path}'`), {
    ...{ errno: -1, syscall: 'open', code, path },
  });

describe('what the system refuses', () => {
  it.each([
    ['ENOSPC', 'disk-full', 507],
    ['EDQUOT', 'disk-full', 507],
    ['EIO', 'disk-failed', 503],
    ['EMFILE', 'not-ready', 503],
    ['ENFILE', 'not-ready', 503],
    ['ENOMEM', 'not-ready', 503],
    ['EAGAIN', 'not-ready', 503],
    ['EBUSY', 'not-ready', 503],
    ['EACCES', 'permission-denied', 500],
    ['EROFS', 'permission-denied', 500],
    ['ENAMETOOLONG', 'bad-usage', 400],
    ['EBADF', 'internal', 500],
  ])('%s is %s, and its path is not shown', (errno, code, status) => {
    const error = VentralError.from(systemError(errno));
    expect([error.code, error.status]).toEqual([code, status]);
    const problem = problemOf(error);
    expect(JSON.stringify(problem)).not.toContain('/srv');
    expect(problem.detail).not.toMatch(/\bE[A-Z]{3,}\b/);
  });

  it.each([
    ['53100', 'disk-full'],
    ['53000', 'not-ready'],
    ['53200', 'not-ready'],
    ['58030', 'disk-failed'],
  ])('is known by the code %s of a database', (code, expected) => {
    expect(shortOr({ code, message: 'could not extend file "base/5/1"' })).toMatchObject({
      code: expected,
    });
  });
});

const limits = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;

describe.skipIf(!limits)('a service without a descriptor left', () => {
  it('asks to try again, names no path, and goes on when there are some', async () => {
    const place = await madePlace(suiteEngine, 'ventral-descriptors-');
    const database = place.databaseUrl ? { DATABASE_URL: place.databaseUrl } : {};
    const words = ['--home', place.home, '--port', '0', '--no-score-shipped', '--concurrency', '0'];
    const service = await servingIn(database, main, 'serve', ...words);
    const { pid } = service.child;
    const limit = (soft: number) =>
      spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:4096`]);
    // One connection that is there already: another could not be accepted.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = (method: string, path: string, type: string, body: Uint8Array | string) =>
      new Promise<{ status?: number; retry?: string; words: string }>((resolve, reject) => {
        const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) };
        request(`${service.url}${path}`, { agent, method, headers }, async (response) => {
          const retry = response.headers['retry-after'];
          const answer = { words: await text(response), ...(retry ? { retry } : {}) };
          resolve({ ...answer, ...(response.statusCode ? { status: response.statusCode } : {}) });
        })
          .once('error', reject)
          .end(body);
      });
    const upload = multipart([{ name: 'file', filename: 'a.onnx', content: await network() }]);
    const type = upload.headers?.['Content-Type'] ?? '';
    const score = JSON.stringify({ model: 'pixels', benchmarks: ['Simulated.V1-pls'] });
    try {
      expect((await send('GET', '/v1/health', 'text/plain', '')).status).toBe(200);
      limit(readdirSync(`/proc/${pid}/fd`).length);
      const refused = await send('POST', '/v1/models', type, upload.body ?? '');
      expect(refused, refused.words).toMatchObject({ status: 503, retry: '5' });
      expect(JSON.parse(refused.words).type).toBe('/problems/not-ready');
      // The first body of this process.
      const json = await send('POST', '/v1/scores', 'application/json', score);
      for (const { words } of [refused, json])
        expect(words).not.toMatch(/node_modules|EMFILE|\/tmp/);
      expect([202, 503]).toContain(json.status);
      limit(4096);
      expect((await send('POST', '/v1/scores', 'application/json', score)).status).toBe(202);
      expect((await send('POST', '/v1/models', type, upload.body ?? '')).status).toBe(201);
    } finally {
      agent.destroy();
      await service.end('SIGTERM');
      await removePlace(place);
    }
  }, 60_000);
});

import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openKeyAccess } from '../../src/service/access/key-access.js';
import { livingOwner } from '../../src/store/home/owner-lock.js';
import { serve } from '../service/process.js';
import { runningService } from '../service/running-service.js';
import { locally } from '../service/with-key.js';
import { madeHome } from '../store/made-home.js';

const mode = async (path: string) => (await stat(path)).mode & 0o777;

it('the socket of a home with a long path lies elsewhere, and goes with the service', async () => {
  const root = await madeHome('ventral-socket-');
  const home = join(root, 'h'.repeat(90));
  await mkdir(home);
  const first = await serve(home, '--concurrency', '0');
  const folder = await readlink(join(home, 'run'));
  const place = { url: first.url, socket: (await livingOwner(home))?.socket as string };
  expect(dirname(place.socket)).toBe(folder);
  expect((await locally(place).get('/v1/session')).body).toMatchObject({ role: 'admin' });
  expect([await mode(folder), await mode(place.socket)]).toEqual([0o700, 0o600]);
  await first.end('SIGKILL');
  expect(existsSync(place.socket)).toBe(true);
  const second = await serve(home, '--concurrency', '0');
  const elsewhere = await readlink(join(home, 'run'));
  expect([existsSync(folder), elsewhere === folder]).toEqual([false, false]);
  const access = await openKeyAccess(home);
  expect(await access.list()).toEqual([]);
  await second.end('SIGTERM');
  expect([existsSync(elsewhere), existsSync(join(home, 'run'))]).toEqual([false, false]);
  await rm(root, { recursive: true });
}, 120_000);

it('the socket of a killed service is replaced', async () => {
  const home = await madeHome('ventral-socket-');
  const dead = await serve(home, '--concurrency', '0');
  await dead.end('SIGKILL');
  const [left] = await readdir(join(home, 'run'));
  expect((await lstat(join(home, 'run', left))).isSocket()).toBe(true);
  const service = await runningService({ home, concurrency: 0 });
  expect((await locally(service).get('/v1/keys')).status).toBe(200);
  expect(await readdir(join(home, 'run'))).toEqual([basename(service.socket as string)]);
  await service.stop();
  expect(existsSync(join(home, 'run'))).toBe(false);
  await rm(home, { recursive: true });
}, 120_000);

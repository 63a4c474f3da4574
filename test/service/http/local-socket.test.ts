import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveBackup } from '../../../src/service/access/backup-access.js';
import { openKeyAccess } from '../../../src/service/access/key-access.js';
import { openModelAccess } from '../../../src/service/access/model-access.js';
import { listenLocally, removeLocalSocket } from '../../../src/service/http/local-socket.js';
import { oraclePath } from '../../oracle.js';
import { type RunningService, runningService } from '../running-service.js';
import { locally, makeKey, withKey } from '../with-key.js';

const mode = async (path: string) => (await stat(path)).mode & 0o777;
const unauthorized = { status: 401, body: { type: '/problems/unauthorized' } };

describe('the socket in the home of a service', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await runningService({ concurrency: 0 });
    await makeKey(service, { name: 'root', role: 'admin' });
  });
  afterAll(() => service.stop());

  it('is for the user of the service alone, and the only way of commands', async () => {
    expect(service.socket).toMatch(/\/run\/[\w-]{12}\.sock$/);
    expect(service.socket?.startsWith(service.home)).toBe(true);
    expect(await mode(service.socket as string)).toBe(0o600);
    expect(await mode(join(service.home, 'run'))).toBe(0o700);
    expect((await locally(service).get('/v1/session')).body).toMatchObject({
      ...{ key: null, owner: 'local', role: 'admin' },
    });
  });

  it('leaves no secret in owner.json, and nothing in it opens TCP', async () => {
    const owner = JSON.parse(await readFile(join(service.home, 'owner.json'), 'utf8'));
    expect(Object.keys(owner).toSorted()).toEqual(
      ['fence', 'id', 'kind', 'pid', 'since', 'socket', 'space', 'startTime', 'url'].toSorted(),
    );
    for (const value of [...Object.values(owner), 'a'.repeat(32)].map(String)) {
      expect(await withKey(service, encodeURIComponent(value)).get('/v1/keys')).toMatchObject(
        unauthorized,
      );
    }
    for (const headers of [
      { 'X-Socket': service.socket as string },
      { Host: 'localhost' },
      { 'X-Forwarded-For': 'unix:' },
      { Forwarded: 'for=unix' },
    ] as Record<string, string>[]) {
      expect(await service.call('GET', '/v1/keys', { headers })).toMatchObject(unauthorized);
    }
  });

  it('takes nothing that came through a proxy or from a browser, and validates as TCP does', async () => {
    const local = locally(service);
    for (const headers of [
      { 'X-Forwarded-For': '192.0.2.7' },
      { Forwarded: 'for=192.0.2.7' },
      { Via: '1.1 proxy' },
      { 'X-Real-IP': '192.0.2.7' },
      { Origin: 'http://evil.example' },
      { 'Sec-Fetch-Site': 'same-origin' },
      { Cookie: 'a=b' },
    ] as Record<string, string>[]) {
      expect((await local.call('GET', '/v1/keys', { headers })).status).toBe(403);
    }
    expect((await local.get('/v1/models?limit=x')).status).toBe(400);
    expect((await local.post('/v1/keys', { name: 'x', role: 'king' })).status).toBe(400);
  });

  it.skipIf(process.getuid?.() !== 0)('is shut to every other user', async () => {
    await chmod(service.home, 0o755);
    const folder = dirname(service.socket as string);
    try {
      for (const opened of [0o700, 0o755]) {
        // The modes of the folder and of the socket each suffice.
        await chmod(folder, opened);
        const code = `require('node:net').connect(${JSON.stringify(service.socket)})
          .on('connect', () => { console.log('in'); process.exit(); })
          .on('error', ({ code }) => console.log(code));`;
        const child = spawn(process.execPath, ['-e', code], { uid: 65_534, gid: 65_534, cwd: '/' });
        expect((await text(child.stdout)).trim()).toBe('EACCES');
      }
    } finally {
      await chmod(folder, 0o700);
    }
  });

  it('carries uploads, keys and backups of commands', async () => {
    const models = await openModelAccess({ home: service.home }, 2 ** 30);
    const path = oraclePath('09-end-to-end/resnet/model.onnx');
    const { model, created } = await models.add({ path, name: 'sent' });
    expect({ created, owner: model.owner }).toEqual({ created: true, owner: 'local' });
    expect((await models.show(model.id)).name).toBe('sent');
    await models.remove(model.id);
    await expect(models.show(model.id)).rejects.toMatchObject({ code: 'not-found' });
    const keys = await openKeyAccess(service.home);
    const key = await keys.create({ name: 'made by socket', role: 'reader' });
    expect((await withKey(service, key.key).get('/v1/models')).status).toBe(200);
    expect((await keys.list()).map(({ name }) => name)).toContain('made by socket');
    await keys.revoke(key.id);
    expect(await withKey(service, key.key).get('/v1/models')).toMatchObject(unauthorized);
    const file = join(service.home, 'backup.zip');
    await saveBackup({ home: service.home }, file);
    expect(await mode(file)).toBe(0o600);
    expect((await stat(file)).size).toBeGreaterThan(1000);
  });
});

describe('a socket', () => {
  const listening = async (home: string) => {
    const server = createServer();
    const path = (await listenLocally(server, home)) as string;
    return { path, folder: dirname(path), close: () => server.close() };
  };

  it.each([
    ['lies in the home, in place of what a dead owner left there', 'h'],
    ['lies elsewhere where the path of the home is too long', 'h'.repeat(90)],
  ])('%s', async (_what, name) => {
    const root = await mkdtemp(join(tmpdir(), 'ventral-socket-'));
    const home = join(root, name);
    await mkdir(home);
    const first = await listening(home);
    const second = await listening(home);
    for (const { path, folder } of [first, second])
      expect([path.length <= 103, folder.startsWith(home)]).toEqual([true, name === 'h']);
    expect([await mode(second.folder), await mode(second.path)]).toEqual([0o700, 0o600]);
    if (name !== 'h') expect(existsSync(first.folder)).toBe(false);
    await removeLocalSocket(home);
    expect([existsSync(second.folder), await readdir(home)]).toEqual([false, []]);
    for (const { close } of [first, second]) close();
    await rm(root, { recursive: true });
  });

  it('that a link names elsewhere takes nothing else away', async () => {
    const root = await mkdtemp(join(tmpdir(), 'ventral-socket-'));
    await mkdir(join(root, 'kept'));
    await writeFile(join(root, 'kept', 'file'), '');
    await symlink(join(root, 'kept'), join(root, 'run'));
    await removeLocalSocket(root);
    expect(await readdir(root)).toEqual(['kept']);
    expect(await readdir(join(root, 'kept'))).toEqual(['file']);
    await rm(root, { recursive: true });
  });
});

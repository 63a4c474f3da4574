import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { main, type Serving, servingBy } from '../service/process.js';
import { multipart, network } from '../service/running-service.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-power-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const preload = join(packageRoot, 'test', 'slow', 'volatile-disk.mjs');
const words = (home: string) => [
  ...[main, 'serve', '--home', home, '--port', '0', '--no-score-shipped', '--concurrency', '0'],
];
const onVolatile = (home: string, disk: string) =>
  servingBy([process.execPath, '--import', preload, ...words(home)], {
    VENTRAL_TEST_HOME: home,
    VENTRAL_TEST_DISK: disk,
  });

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Entry {
  readonly ino: number;
  readonly isFolder: boolean;
}

/** What a new start finds on the disk after the power was lost. */
async function restart(disk: string, home: string): Promise<void> {
  const folders = new Map<number, Map<string, Entry>>();
  let root = 0;
  for (const line of (await readFile(join(disk, 'log'), 'utf8')).split('\n')) {
    if (!line.endsWith('}')) continue;
    const { folder, entries, add, ino, isFolder, root: at } = JSON.parse(line);
    if (at) root = at;
    else if (entries) {
      const named = entries.map(({ name, ...entry }: Entry & { name: string }) => [name, entry]);
      folders.set(folder, new Map(named));
    } else {
      const there = folders.get(folder) ?? new Map();
      folders.set(folder, there);
      if (!there.has(add)) there.set(add, { ino, isFolder });
    }
  }
  const put = async (folder: number, path: string): Promise<void> => {
    await mkdir(path);
    for (const [name, { ino, isFolder }] of folders.get(folder) ?? []) {
      const content = join(disk, String(ino));
      if (isFolder) await put(ino, join(path, name));
      else if (existsSync(content)) await copyFile(content, join(path, name));
      else await writeFile(join(path, name), '');
    }
  };
  await put(root, home);
}

async function ask(service: Serving, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'] };
    const { status, body } = await service.post('/v1/scores', asked);
    expect(status).toBe(202);
    ids.push(body.id);
  }
  return ids;
}

describe.skipIf(process.platform !== 'linux')('a power loss', () => {
  it('takes nothing that was acknowledged, neither rows nor files, three times in a row', async () => {
    const scores: string[] = [];
    const model = await network();
    let uploaded = '';
    for (let round = 0; round < 3; round++) {
      const home = join(root, `home-${round}`);
      const disk = join(root, `disk-${round}`);
      await mkdir(disk);
      if (round === 0) await mkdir(home);
      const service = await onVolatile(home, disk);
      if (round === 0) {
        const part = { name: 'file', filename: 'a.onnx', content: model };
        const sent = await service.call('POST', '/v1/models', multipart([part]));
        expect(sent.status).toBe(201);
        uploaded = sent.body.id;
      }
      scores.push(...(await ask(service, 15)));
      await service.end('SIGKILL');
      await restart(disk, join(root, `home-${round + 1}`));
    }
    const after = await servingBy([process.execPath, ...words(join(root, 'home-3'))]);
    try {
      for (const id of scores)
        expect((await after.call('GET', `/v1/scores/${id}`)).status, id).toBe(200);
      const content = await fetch(`${after.url}/v1/models/${uploaded}/content`);
      expect(content.status).toBe(200);
      expect(digestOf(new Uint8Array(await content.arrayBuffer()))).toBe(digestOf(model));
    } finally {
      await after.end('SIGTERM');
    }
  }, 300_000);
});

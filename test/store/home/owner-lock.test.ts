import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { processStart } from '../../../src/store/files/process-identity.js';
import { livingOwner, lockHome } from '../../../src/store/home/owner-lock.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ventral-owner-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const file = () => join(home, 'owner.json');
const dead = {
  pid: 2 ** 22 - 3,
  startTime: 'long ago',
  kind: 'service',
  url: 'http://127.0.0.1:1',
  socket: null,
  id: 'dead',
  since: '',
};
const leave = (owner: object) => writeFile(file(), JSON.stringify(owner));

describe('the owner of a home', () => {
  it('is written for its owner alone, with what a command needs, and goes away', async () => {
    const lock = await lockHome(home, { kind: 'service' });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await livingOwner(home)).toEqual(lock.owner);
    expect(lock.owner).toMatchObject({ pid: process.pid, kind: 'service', url: null });
    const place = { url: 'http://127.0.0.1:8080', socket: join(home, 'run', 'service.sock') };
    await lock.publish(place.url, place.socket);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await livingOwner(home)).toEqual({ ...lock.owner, ...place });
    await lock.release();
    // The last claim stays: a later owner needs a greater fencing number.
    expect(await readdir(home)).toEqual(['owner']);
    expect((await lockHome(home, { kind: 'service' })).owner.id).not.toBe(lock.owner.id);
  });

  it('removes what killed claimants left, once it is old', async () => {
    await mkdir(join(home, 'owner'));
    for (const name of ['old.tmp', 'young.tmp']) await writeFile(join(home, 'owner', name), '');
    await utimes(join(home, 'owner', 'old.tmp'), 0, 0);
    const lock = await lockHome(home, { kind: 'service' });
    await lock.release();
    expect(await readdir(join(home, 'owner'))).toEqual(['1.claim', 'lock', 'young.tmp']);
  });

  it('refuses a second one at once where it is a service', async () => {
    const lock = await lockHome(home, { kind: 'service' });
    await lock.publish('http://127.0.0.1:8080', null);
    await expect(lockHome(home, { kind: 'command', patience: 60_000 })).rejects.toMatchObject({
      code: 'home-owned',
      exit: 1,
      message: `${home} is in use by process ${process.pid} (http://127.0.0.1:8080)`,
    });
  });

  it('is waited for where it is a command, but not for ever', async () => {
    const lock = await lockHome(home, { kind: 'command' });
    await expect(lockHome(home, { kind: 'command', patience: 200 })).rejects.toMatchObject({
      code: 'home-owned',
    });
    const next = lockHome(home, { kind: 'service' });
    await lock.release();
    expect((await next).owner.kind).toBe('service');
  });

  it.each([
    ['is gone', dead],
    ['has another start time', { ...dead, pid: process.pid }],
  ])('that %s is replaced', async (_what, owner) => {
    await leave(owner);
    expect(await livingOwner(home)).toBeUndefined();
    const lock = await lockHome(home, { kind: 'service' });
    expect(JSON.parse(await readFile(file(), 'utf8'))).toEqual(lock.owner);
    expect(await readdir(home)).toEqual(['owner', 'owner.json']);
  });

  it('that another user of the claims overtook leaves the home to it', async () => {
    const first = await lockHome(home, { kind: 'command' });
    await first.release();
    const second = await lockHome(home, { kind: 'command' });
    expect(second.owner.fence).toBe((first.owner.fence ?? 0) + 1);
    await second.release();
    expect(await readdir(join(home, 'owner'))).toEqual([`${second.owner.fence}.claim`, 'lock']);
  });

  it('whose file is not ours is left alone', async () => {
    await writeFile(file(), 'hello');
    await expect(lockHome(home, { kind: 'service' })).rejects.toMatchObject({ code: 'home-owned' });
    expect(await readFile(file(), 'utf8')).toBe('hello');
  });

  it.each(['', '\0\0\0\0'])('whose file a power loss emptied (%j) is nobody', async (left) => {
    await writeFile(file(), left);
    expect(await livingOwner(home)).toBeUndefined();
    const lock = await lockHome(home, { kind: 'service' });
    expect(await livingOwner(home)).toEqual(lock.owner);
    await lock.release();
  });

  it('leaves a later owner alone when it is released late', async () => {
    const lock = await lockHome(home, { kind: 'service' });
    await leave(dead);
    await lock.release();
    expect(JSON.parse(await readFile(file(), 'utf8'))).toEqual(dead);
  });
});

/** A process that tries to become the owner, says how that went, and holds on until its input ends. */
function rival() {
  const module = pathToFileURL(join(packageRoot, 'dist/src/store/home/owner-lock.js')).href;
  const code = `
    import { lockHome } from ${JSON.stringify(module)};
    await new Promise((resolve) => process.stdin.once('data', resolve));
    const lock = await lockHome(process.argv[1], { kind: 'service' }).catch((error) => error);
    process.stdout.write(lock.owner ? 'won' : lock.code);
    process.stdout.end();
    process.stdin.on('end', () => process.exit());`;
  return spawn(process.execPath, ['--input-type=module', '-e', code, home], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

describe('several that race', () => {
  it.each([
    ['for a free home', async () => {}],
    ['for a dead owner', () => leave(dead)],
  ])('%s have one winner', async (_what, prepare) => {
    await prepare();
    const rivals = Array.from({ length: 6 }, rival);
    for (const { stdin } of rivals) stdin.write('go');
    const said = await Promise.all(rivals.map(({ stdout }) => text(stdout)));
    expect(said.toSorted()).toEqual([...Array(5).fill('home-owned'), 'won']);
    const winner = rivals[said.indexOf('won')];
    expect((await livingOwner(home))?.pid).toBe(winner.pid);
    expect(await readdir(home)).toEqual(['owner', 'owner.json']);
    for (const { stdin } of rivals) stdin.end();
  });
});

describe('the start of a process', () => {
  it('is the same as long as it lives, and nothing afterwards', async () => {
    const child = spawn('sleep', ['60']);
    const start = processStart(child.pid!);
    expect(start).toMatch(/./);
    expect(processStart(child.pid!)).toBe(start);
    expect(processStart(process.pid)).not.toBe(start);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(processStart(child.pid!)).toBeUndefined();
  });
});

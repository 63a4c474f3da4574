import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { type Ended, main, type Serving, servingBy } from './process.js';

/** A PID namespace of its own is what two containers differ in; root alone can make one everywhere. */
const container = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

/** Whether this system lets us make one. */
export const containersPossible =
  process.platform === 'linux' &&
  spawnSync(container[0], [...container.slice(1), 'true']).status === 0;

/** `ventral serve`, without a worker, by its command line. */
export const serveWords = (home: string) => [
  ...[process.execPath, main, 'serve', '--home', home, '--port', '0'],
  ...['--no-score-shipped', '--concurrency', '0'],
];

/** The same in a container: what makes the container is found by the path of the tests, all else by `path`. */
const containerWords = (home: string, path = process.env.PATH) => [
  ...container,
  ...['env', `PATH=${path}`],
  ...serveWords(home),
];

/** Starts a service in a container. */
export const serveInContainer = (home: string, path?: string): Promise<Serving> =>
  servingBy(containerWords(home, path));

/** Starts a service in a container, which must end by itself. */
export async function rivalInContainer(home: string, path?: string): Promise<Ended> {
  const [command, ...args] = containerWords(home, path);
  const child = spawn(command, args);
  const [out, err, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { out, err, status };
}

/** Asks for scores, which wait for a worker. @returns the ids of those that were acknowledged */
export async function askScores(service: Serving, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'] };
    const { status, body } = await service.post('/v1/scores', asked);
    expect(status).toBe(202);
    ids.push(body.id);
  }
  return ids;
}

/** Those of the scores that a service does not know. */
export async function unknownScores(service: Serving, ids: readonly string[]): Promise<string[]> {
  const unknown: string[] = [];
  for (const id of ids)
    if ((await service.call('GET', `/v1/scores/${id}`)).status !== 200) unknown.push(id);
  return unknown;
}

import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../src/formats/package-root.js';
import { madeHome } from '../store/made-home.js';
import { childrenOf, type Serving, serving } from './process.js';
import { BOUNDARY, card, multipart, network } from './running-service.js';

/** How much is asked of a service at once. */
export interface Load {
  readonly reads: number;
  readonly uploads: number;
  /** Bytes of each upload. */
  readonly size: number;
  readonly slow: number;
  readonly leavers: number;
}

/** What came of it. */
export interface Loaded {
  /** How often each status was answered to reads, and to uploads. */
  readonly reads: Record<number, number>;
  readonly uploads: Record<number, number>;
  /** Bytes of memory that the service took at most, beyond what it had before. */
  readonly memory: number;
  /** What was left behind: temporary files, processes, registered models beyond the one. */
  readonly left: readonly string[];
  readonly job: string;
}

/** A service in a process of its own under many clients at once: readers, uploads, slow ones, leavers. */
export async function underLoad(load: Load): Promise<Loaded> {
  const home = await madeHome('ventral-load-');
  const service = await serving(join(packageRoot, 'test', 'service', 'serve-with-stub.mjs'), home);
  try {
    const parts = [
      { name: 'file', filename: 'net.onnx', content: await network() },
      { name: 'card', content: await card() },
    ];
    const model = (await service.call('POST', '/v1/models', multipart(parts))).body.links;
    const job = await service.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      layers: { V1: 'sleep=1000000' },
    });
    const before = peak(service);
    const slow = slowOnes(service, load.slow);
    const [reads, uploads] = await Promise.all([
      readers(service, load.reads, ['/v1/models', model.self, '/v1/scores', '/v1/benchmarks']),
      uploaders(service, load),
      leavers(service, load.leavers, [model.content, `${job.body.links.self}/events`]),
    ]);
    const { state } = (await service.call('GET', job.body.links.self)).body;
    await service.call('DELETE', job.body.links.self);
    for (const socket of slow) socket.destroy();
    const memory = peak(service) - before;
    return { reads, uploads, memory, left: await leftBy(service, home), job: state };
  } finally {
    await service.end('SIGTERM');
    await rm(home, { recursive: true, force: true });
  }
}

/** The most memory that the process has had. */
const peak = ({ child }: Serving): number =>
  1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);

const count = (statuses: readonly number[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

async function readers(service: Serving, reads: number, paths: readonly string[]) {
  const statuses = await Promise.all(
    Array.from({ length: 10 }, async (_, reader) => {
      const mine: number[] = [];
      for (let n = reader; n < reads; n += 10) {
        mine.push((await service.call('GET', paths[n % paths.length])).status);
      }
      return mine;
    }),
  );
  return count(statuses.flat());
}

/** Large uploads at once; each is refused for its card, once all of it has come. */
async function uploaders(service: Serving, { uploads, size }: Load) {
  const piece = Buffer.alloc(2 ** 16, 7);
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n`;
  const tail = `\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="card"\r\n\r\n{\r\n--${BOUNDARY}--\r\n`;
  const pieces = Math.ceil(size / piece.length);
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  const one = () =>
    new Promise<number>((resolve, reject) => {
      const { headers } = multipart([]);
      const length = head.length + pieces * piece.length + tail.length;
      const sent = request(
        `${service.url}/v1/models`,
        { agent, method: 'POST', headers: { ...headers, 'Content-Length': length } },
        (response) => resolve(response.resume().statusCode ?? 0),
      );
      sent.once('error', reject).write(head);
      let left = pieces;
      const go = () => {
        while (left-- > 0) if (!sent.write(piece)) return void sent.once('drain', go);
        sent.end(tail);
      };
      go();
    });
  const statuses = await Promise.all(Array.from({ length: uploads }, one));
  agent.destroy();
  return count(statuses);
}

/** Clients that never come to the end of their headers. */
function slowOnes({ url }: Serving, slow: number) {
  const { hostname, port } = new URL(url);
  return Array.from({ length: slow }, () => {
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.write(`GET /v1/models HTTP/1.1\r\nHost: ${hostname}:${port}\r\nX-Slow: `);
    return socket;
  });
}

/** Clients that go away in the middle: of what they send, of a download, of a stream of events. */
async function leavers({ url }: Serving, leaving: number, paths: readonly string[]) {
  const one = (n: number) =>
    new Promise<void>((resolve) => {
      const path = paths[n % 3];
      const options = path ? {} : { method: 'POST', headers: { ...multipart([]).headers } };
      const sent = request(`${url}${path ?? '/v1/models'}`, options, (response) => {
        response.once('data', () => response.destroy());
        response.once('error', () => {});
      });
      sent.once('error', () => {}).once('close', resolve);
      if (path) return void sent.end();
      sent.write(
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n`,
      );
      sent.write(Buffer.alloc(100_000), () => setTimeout(() => sent.destroy(), 20));
    });
  for (let n = 0; n < leaving; n += 10) {
    await Promise.all(Array.from({ length: Math.min(10, leaving - n) }, (_, k) => one(n + k)));
  }
}

/** What is still there once all is quiet; what goes away in a while is waited for. */
async function leftBy(service: Serving, home: string): Promise<readonly string[]> {
  let left: string[] = [];
  for (let looks = 0; looks < 200; looks++) {
    const models = (await service.call('GET', '/v1/models')).body.items;
    left = [
      ...readdirSync(join(home, 'tmp', 'service')),
      ...childrenOf(service.child.pid as number).map((pid) => `process ${pid}`),
      ...models.slice(1).map(({ id }: { id: string }) => id),
    ];
    if (left.length === 0) break;
    await sleep(50);
  }
  return left;
}

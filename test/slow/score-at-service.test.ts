import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, startVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';
import { type RunningService, runningService } from '../service/running-service.js';
import { locally, makeKey } from '../service/with-key.js';

const resnet = join(ORACLE, '09-end-to-end', 'resnet');
const objects = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');
const [A, B] = ['Simulated.V1-pls', 'Simulated.V4-pls'];

let root: string;
let service: RunningService;
let ada: Awaited<ReturnType<typeof makeKey>>;
let servers: Server[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-at-service-'));
  servers = [];
  service = await runningService();
  ada = await makeKey(service, { name: 'ada', role: 'member' }, locally(service));
  await cp(join(resnet, 'model.onnx'), at('net.onnx'));
  const card = await readFile(join(resnet, 'card.yaml'), 'utf8');
  await writeFile(at('net.yaml'), card.replace('file: model.onnx', 'file: net.onnx'));
  await score(at('net.onnx'), '-b', A, '--to', service.url);
});
afterAll(async () => {
  for (const server of servers) server.close();
  await service.stop();
  await rm(root, { recursive: true, force: true });
});

const at = (name: string) => join(root, name);
const start = (words: readonly string[], more: Record<string, string> = {}) =>
  startVentral(at('home'), ['score', ...words], more);
/** With the key of ada. */
const score = (...words: string[]) => endOf(start(words, { VENTRAL_KEY: ada.key }));
const models = async () => (await ada.get('/v1/models')).body.items;
const jobs = async () => (await ada.get('/v1/scores')).body.items;

describe('a file that is scored at a service', () => {
  it('takes its card along when that has changed, and says so', async () => {
    const card = await readFile(at('net.yaml'), 'utf8');
    await writeFile(at('other.yaml'), card.replace('IT: layer3.0', 'IT: layer2.0'));
    const words = ['--card', at('other.yaml'), '-b', A, '--to', service.url];
    const { status, err } = await score(at('net.onnx'), ...words);
    expect([status, err]).toEqual([0, expect.stringMatching(/: the card there was replaced/)]);
    expect((await models())[0].card.region_layer_map.IT).toBe('layer2.0');
  });

  it('beside others with one card is named by its file', async () => {
    await cp(at('net.onnx'), at('epoch-1.onnx'));
    await cp(join(ORACLE, '09-end-to-end', 'mbconv', 'model.onnx'), at('epoch-2.onnx'));
    const files = [at('epoch-1.onnx'), at('epoch-2.onnx')];
    const words = ['--card', at('net.yaml'), '-b', A, '-l', 'V1=one', '--to', service.url];
    const { status, out } = await score(...files, ...words, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out).map(({ name }: { name: string }) => name)).toEqual([
      'epoch-1.onnx',
      'epoch-2.onnx',
    ]);
    expect((await models()).map(({ name }: { name: string }) => name)).toContain('epoch-2.onnx');
  });

  it('fails on a benchmark as a score here does', async () => {
    const words = ['-b', `${A},${B}`, '-l', 'V1=part', '--to', service.url];
    const { status, out, err } = await score('gabor-v1', ...words);
    expect(err).toMatch(/^ventral: Simulated\.V1-pls: too few units/m);
    expect(out.trim().split('\n')).toHaveLength(2);
    expect(status).toBe(1);
  });
});

it('a model of a service is found by VENTRAL_SERVICE, with a key from a file that nobody else may read', async () => {
  const [{ id }] = await models();
  const file = at('key');
  await writeFile(file, `${ada.key}\n`, { mode: 0o644 });
  await chmod(file, 0o644);
  const more = { VENTRAL_SERVICE: service.url, VENTRAL_KEY_FILE: file };
  const open = await endOf(start([id, '-b', A], more));
  expect(open).toMatchObject({ status: 2, out: '' });
  expect(open.err).toMatch(/others may read the key \(mode 0644\): chmod 600/);
  await chmod(file, 0o600);
  const { status, out } = await endOf(start([id, '-b', A, '--json'], more));
  expect([status, JSON.parse(out)[0].benchmark]).toEqual([0, A]);
});

it('a job is followed through lost connections to its end', async () => {
  const broken: string[] = [];
  const url = await proxied((path, last, cut) => {
    if (!path.endsWith('/events') || broken.length === 3) return;
    broken.push(last ?? 'none');
    setTimeout(cut, 300);
  });
  const words = ['-b', `${A},${B}`, '-l', 'V1=steady=2500', '--to', url, '--json'];
  const { status, out } = await score('gabor-v1', ...words);
  expect([status, JSON.parse(out).length]).toEqual([0, 2]);
  expect(broken).toEqual(['none', expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)]);
});

it('Ctrl-C cancels the job', async () => {
  const child = start(['gabor-v1', '-b', A, '-l', 'V1=sleep=60000', '--to', service.url], {
    VENTRAL_KEY: ada.key,
  });
  const ended = endOf(child);
  while ((await jobs())[0].state !== 'running') await sleep(50);
  child.kill('SIGINT');
  const { status, err } = await ended;
  const [job] = await jobs();
  expect(err).toContain(`Interrupted; ${job.id} was cancelled`);
  expect(status).toBe(130);
  expect(job.state).toBe('cancelled');
});

it('results of the command line are put on the board, marked', async () => {
  const words = [at('net.onnx'), '--card', at('net.yaml'), '-l', 'IT=layer3.0'];
  const sent = ['-b', objects, '--to', service.url, '--results'];
  const unknown = await score(...words, ...sent);
  // They are printed all the same.
  expect(unknown.out.trim().split('\n')).toHaveLength(3);
  expect(unknown.err).toMatch(/ventral: There is no benchmark "end-to-end\.objects\.V4-pls"/);
  expect(unknown.status).toBe(2);
});

it('what is no service, and a key that is none, are refused', async () => {
  const url = await served((_request, answer) => answer.writeHead(404).end('<html>'));
  const other = await score('pixels', '-b', A, '--to', url);
  expect(other.err).toMatch(/answered 404 without a problem document: is it ventral\?/);
  expect(other.status).toBe(2);
  const key = { VENTRAL_KEY: 'vk_wrong' };
  const wrong = await endOf(start(['pixels', '-b', A, '--to', service.url], key));
  expect(wrong).toMatchObject({ status: 2, out: '' });
  expect(wrong.err).not.toContain('vk_wrong');
});

async function served(answer: Parameters<typeof createServer>[1] & object): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A way to the service that can be cut. */
const proxied = (see: (path: string, last: string | undefined, cut: () => void) => void) =>
  served((asked, answer) => {
    const { method, headers, url = '' } = asked;
    const { host: _host, ...others } = headers;
    const sent = request(`${service.url}${url}`, { method, headers: others }, (came) => {
      answer.writeHead(came.statusCode ?? 500, came.headers);
      came.on('error', () => {}).pipe(answer);
    });
    sent.on('error', () => answer.destroy());
    asked.pipe(sent);
    see(url, headers['last-event-id'] as string | undefined, () => {
      answer.destroy();
      sent.destroy();
    });
  });

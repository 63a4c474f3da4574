import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import { ORACLE } from '../../oracle.js';
import { type RunningService, runningService } from '../../service/running-service.js';
import { locally, makeKey } from '../../service/with-key.js';
import { endOf, startVentral } from '../run-ventral.js';

const resnet = join(ORACLE, '09-end-to-end', 'resnet');
const [A, B] = ['Simulated.V1-pls', 'Simulated.V4-pls'];

let root: string;
let service: RunningService;
let ada: Awaited<ReturnType<typeof makeKey>>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-at-service-'));
  service = await runningService();
  ada = await makeKey(service, { name: 'ada', role: 'member' }, locally(service));
  await cp(join(resnet, 'model.onnx'), at('net.onnx'));
  const card = await readFile(join(resnet, 'card.yaml'), 'utf8');
  await writeFile(at('net.yaml'), card.replace('file: model.onnx', 'file: net.onnx'));
});
afterAll(async () => {
  await service.stop();
  await rm(root, { recursive: true, force: true });
});

const at = (name: string) => join(root, name);
const start = (words: readonly string[], more: Record<string, string> = {}) =>
  startVentral(at('home'), ['score', ...words], more);
/** With the key of ada. */
const score = (...words: string[]) => endOf(start(words, { VENTRAL_KEY: ada.key }));
const models = async () => (await ada.get('/v1/models')).body.items;

describe('a file that is scored at a service', () => {
  it('is registered once, and printed as a score that was computed here', async () => {
    const words = [at('net.onnx'), '-b', `${A},${B}`, '--to', service.url];
    const first = await score(...words);
    expect(first.err).toMatch(/^mdl_\w+: registered e2e-resnet\n$/);
    expect(first.status).toBe(0);
    const lines = first.out.trim().split('\n');
    expect(lines.map((line) => line.split('\t').slice(0, 4))).toEqual([
      ['model', 'benchmark', 'layer', 'value'],
      ['e2e-resnet', A, expect.any(String), expect.stringMatching(/^0\.\d+$/)],
      ['e2e-resnet', B, expect.any(String), expect.stringMatching(/^0\.\d+$/)],
    ]);
    const again = await score(...words, '--json');
    expect(again).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(again.out)).toHaveLength(2);
    expect(await models()).toMatchObject([{ name: 'e2e-resnet', owner: 'ada' }]);
  });
});

it('a model is found in the service of the own home, without a key', async () => {
  const [{ id }] = await models();
  const { status, out } = await endOf(startVentral(service.home, ['score', id, '-b', A, '--json']));
  expect([status, JSON.parse(out)[0].benchmark]).toEqual([0, A]);
  const none = await endOf(start([id, '-b', A]));
  expect(none.status).toBe(1);
  expect(none.err).toMatch(/No service runs in the home .*: start one with `ventral serve`/);
});

/** In this process. */
async function asked(...words: readonly string[]) {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', '--home', at('home'), ...words], io);
  return { status, ...said };
}

it('a service that was never there is not waited for', async () => {
  const { status, err } = await asked('score', 'pixels', '-b', A, '--to', 'http://127.0.0.1:1');
  expect(err).toMatch(/^ventral: The service at http:\/\/127\.0\.0\.1:1 does not answer: .*\n$/);
  expect(status).toBe(1);
});

describe('is refused at once:', () => {
  const to = ['--to', 'http://127.0.0.1:1'];
  it.each<[string, string[], RegExp]>([
    ['a file of a benchmark', ['x.onnx', '-b', 'mine.yaml', ...to], /mine\.yaml is a file/],
    ['features', ['--features', 'f.npz', '-b', A, ...to], /--features cannot be used with --to/],
    ['a receipt', ['x.onnx', '-b', A, '--receipt', 'r.json', ...to], /--receipt is for scores/],
    ['results for nobody', ['x.onnx', '-b', A, '--results'], /--results goes with --to/],
    ['an address that is none', ['pixels', '-b', A, '--to', 'ftp://x'], /expected the address of/],
    ['a key in it', ['pixels', '-b', A, '--to', 'http://u:vk_1@h'], /VENTRAL_KEY or --key-file/],
  ])('%s', async (_what, words, why) => {
    const { status, err, out } = await asked('score', ...words);
    expect([status, out, err.trim().split('\n').length]).toEqual([2, '', 1]);
    expect(err).toMatch(why);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { madeNetwork } from '../../activations/made-networks.js';
import { COMMIT, HubServer } from '../../data/hub/hub-server.js';
import { madeExternal } from '../../onnx/made-external.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-pull-hub-'));
const hub = new HubServer();
const { model, data } = madeExternal(madeNetwork({ side: 224 }).build(), 'model.onnx_data');
beforeAll(async () => {
  await hub.start();
  hub.files.set('onnx/model.onnx', model);
  hub.files.set('onnx/model.onnx_data', data);
  hub.files.set('onnx/model_q4.onnx', model);
  hub.files.set(
    'config.json',
    Buffer.from(JSON.stringify({ pretrained_cfg: { input_size: [3, 224, 224] } })),
  );
});
beforeEach(() => {
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_TOKEN', 'hf_secret');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  rmSync(home, { recursive: true });
});

async function run(...words: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', '--home', home, ...words], io);
  expect(`${out.join('')}${err.join('')}`).not.toContain('hf_secret');
  return { out: out.join(''), err: err.join(''), status };
}

test('pull shows licence and commit, and fetches nothing unless they are accepted', async () => {
  const { out, err, status } = await run('pull', 'hf:owner/net');
  expect(out).toBe('');
  expect(err).toContain(`hf:owner/net: onnx/model.onnx, ${model.length} bytes\n`);
  expect(err).toContain(`at ${COMMIT}\n  licence: apache-2.0\n`);
  expect(err).toMatch(/hf:owner\/net was not fetched: its terms were not accepted/);
  expect(status).toBe(2);
  expect(hub.contentRequests).toEqual([]);
});

test('pull prints the path of the network; its card and what it lacks go to stderr', async () => {
  const { out, err, status } = await run('pull', 'hf:owner/net', '--accept-terms');
  expect(status).toBe(0);
  const path = join(home, 'networks', 'hf', 'owner', 'net', COMMIT, 'onnx', 'model.onnx');
  expect(out).toBe(`${path}\n`);
  expect(err).toContain('Not set, marked # TODO: visual_degrees\nweights: float32\n');
  expect(err).toContain(`card: ${path.replace(/onnx$/, 'yaml')}\n`);
  // What timm takes where its file is silent.
  expect(readFileSync(path.replace(/onnx$/, 'yaml'), 'utf8')).toContain(
    'resize: { to: 256, mode: short-side, filter: bicubic, library: pillow }',
  );
  expect((await run('layers', path)).out).toContain('conv\t4 × 112 × 112');
});

test('models pull gives JSON with source, licence and digests', async () => {
  const { out } = await run('models', 'pull', 'hf:owner/net', '--accept-terms', '--json');
  expect(JSON.parse(out)).toMatchObject([
    {
      digest: expect.stringMatching(/^sha256:/),
      source: { hub: 'hf:owner/net', commit: COMMIT, licence: 'apache-2.0' },
      files: [{ path: 'onnx/model.onnx', algorithm: 'sha256' }, {}, {}],
    },
  ]);
});

test.each([
  [['hf:owner'], /Expected hf:owner\/name or hf:owner\/name@revision, found "hf:owner"/],
  [['hf:owner/net', '--file', 'model_x.onnx'], /choose by --file from "onnx\/model\.onnx"/],
  [['hf:owner/net', 'hf:owner/net', '--file', 'x'], /--file goes with one hf:owner\/name/],
  [['squeezenet-1.1', '--file', 'x'], /--file goes with one hf:owner\/name/],
  [['hf:owner/net', '--from', 'http://x'], /HF_ENDPOINT names another hub/],
  [['hf:owner/net@v9'], /hf:owner\/net has no revision "v9"/],
])('pull %j is refused in one line', async (words, line) => {
  const { out, err, status } = await run('pull', ...words, '--accept-terms');
  expect([out, status]).toEqual(['', 2]);
  expect(err).toMatch(line);
  expect(err.trim().split('\n')).toHaveLength(1);
});

test('score and compare say which models are one network in several precisions', async () => {
  for (const name of ['net.onnx', 'net_fp16.onnx']) writeFileSync(join(home, name), model);
  const models = [join(home, 'net.onnx'), join(home, 'net_fp16.onnx')];
  const warning =
    /warning: .*net\.onnx \(full precision\) and .*net_fp16\.onnx \(fp16\) are one network/;
  expect((await run('score', ...models, '-b', 'none-of-these')).err).toMatch(warning);
  expect((await run('compare', ...models, '-b', 'none-of-these')).err).toMatch(warning);
});

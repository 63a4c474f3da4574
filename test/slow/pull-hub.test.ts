import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeNetwork } from '../activations/made-networks.js';
import { endOf, startVentral } from '../cli/run-ventral.js';
import { COMMIT, HubServer } from '../data/hub/hub-server.js';
import { madeExternal } from '../onnx/made-external.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-pull-kills-'));
const hub = new HubServer();
const graph = madeNetwork({ side: 224 });
graph.initializer(
  'ballast',
  [1024, 1024],
  Float32Array.from({ length: 2 ** 20 }, (_, i) => i),
);
const { model, data } = madeExternal(graph.build(), 'model.onnx_data');
beforeAll(async () => {
  await hub.start();
  hub.files.set('model.onnx', model);
  hub.files.set('model.onnx_data', data);
});
afterAll(async () => {
  await hub.stop();
  rmSync(home, { recursive: true });
});

const start = () =>
  startVentral(home, ['pull', 'hf:owner/net', '--accept-terms'], { HF_ENDPOINT: hub.endpoint });
/** Files of the home by name, with their sizes. */
const files = () =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => ({ name, size: statSync(join(parentPath, name)).size }));
const part = () => files().find(({ name }) => name === 'bytes')?.size ?? 0;

/** The hub sends so many bytes of the data, and no more. */
function stallAfter(count: number): void {
  hub.instead.set(`/owner/net/resolve/${COMMIT}/model.onnx_data`, (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from === 0 ? 200 : 206, {
      'Content-Length': data.length - from,
      ...(from > 0 && { 'Content-Range': `bytes ${from}-${data.length - 1}/${data.length}` }),
    });
    response.write(data.subarray(from, from + count));
    return true;
  });
}

test('a pull that is interrupted or killed leaves no network, and the next goes on where it stopped', async () => {
  for (const [signal, bytes] of [
    ['SIGINT', 2 ** 20],
    ['SIGKILL', 2 ** 21],
  ] as const) {
    stallAfter(2 ** 20);
    const child = start();
    const ended = endOf(child);
    await expect.poll(part).toBe(bytes);
    child.kill(signal);
    const { status, out, err } = await ended;
    expect(out).toBe('');
    if (signal === 'SIGINT') {
      expect(status).toBe(130);
      expect(err).toContain('`ventral pull hf:owner/net` resumes the download');
    }
    expect(files().filter(({ name }) => /^model\./.test(name) && !/onnx$/.test(name))).toEqual([]);
  }
  hub.instead.clear();
  const before = hub.contentRequests.length;
  const { status, out, err } = await endOf(start());
  expect(status, err).toBe(0);
  expect(hub.contentRequests.slice(before).map(({ range }) => range)).toEqual([
    `bytes=${2 ** 21}-`,
  ]);
  const folder = join(home, 'networks', 'hf', 'owner', 'net', COMMIT);
  expect(out).toBe(`${join(folder, 'model.onnx')}\n`);
  expect(readdirSync(folder).sort()).toEqual(['model.onnx', 'model.onnx_data', 'model.yaml']);
});

import { existsSync, readFileSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openModelFile } from '../../src/activations/model-file.js';
import { madeExternal } from '../onnx/made-external.js';
import { oraclePath } from '../oracle.js';
import { madeHome } from '../store/made-home.js';
import { serve, ventral } from './process.js';

let home: string;
beforeEach(async () => {
  home = await madeHome('ventral-serve-');
});
afterEach(() => rm(home, { recursive: true, force: true }));

const net = () => oraclePath('09-end-to-end/resnet/model.onnx');
const card = () => oraclePath('09-end-to-end/resnet/card.yaml');

/** Whether a model with external data is registered as one file, of the digest that commands give it. */
async function addedApart({ call }: Awaited<ReturnType<typeof serve>>): Promise<boolean> {
  const { model, data } = madeExternal(readFileSync(net()), 'net.onnx_data');
  const path = join(home, 'net.onnx');
  await writeFile(path, model);
  await writeFile(`${path}_data`, data);
  const { out } = await ventral('models', 'add', path, '--card', card(), '--home', home);
  const { body } = await call('GET', `/v1/models/${out.trim()}`);
  return (body as { digest?: string }).digest === (await openModelFile(path)).digest;
}

describe('ventral serve', () => {
  it('prints one line, owns its home, serves commands, and ends within ten seconds', async () => {
    const service = await serve(home);
    const second = await ventral('serve', '--home', home, '--port', '0');
    expect(second).toMatchObject({ status: 1, out: '' });
    expect(second.err).toContain(String(service.child.pid));
    expect(second.err).toContain(service.url);
    const added = await ventral('models', 'add', net(), '--card', card(), '--home', home);
    expect(added).toMatchObject({ status: 0, out: expect.stringMatching(/^mdl_[0-9a-z]+\n$/) });
    const shown = await service.call('GET', `/v1/models/${added.out.trim()}`);
    expect(shown.body).toMatchObject({ name: 'e2e-resnet', card: { visual_degrees: 8 } });
    expect(await addedApart(service)).toBe(true);
    const refused = await ventral('models', 'add', card(), '--home', home);
    expect(refused).toMatchObject({
      status: 2,
      out: '',
      err: expect.stringMatching(/^ventral: .*not an ONNX/),
    });
    expect((await ventral('models', 'show', 'mdl_nope', '--home', home)).status).toBe(2);
    const start = Date.now();
    const ended = await service.end('SIGTERM');
    expect(Date.now() - start).toBeLessThan(10_000);
    expect(ended).toMatchObject({ status: 0, out: `ventral is ready at ${service.url}\n` });
    // What it does is said before it is done, in order.
    const said = ended.err
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).msg as string);
    expect(said.slice(0, 4)).toEqual([
      expect.stringMatching(/^Starting ventral \S+ on the home .*, with its embedded database$/),
      ...['Waiting for the home', 'Waiting for the database', 'Waiting for the worker'],
    ]);
    expect(said[0]).toContain(home);
    expect(existsSync(join(home, 'owner.json'))).toBe(false);
    // Without a service the command opens the database itself, for the moment.
    const again = await ventral(
      'models',
      'add',
      net(),
      '--home',
      home,
      '--name',
      'again',
      '--json',
    );
    expect(JSON.parse(again.out)).toMatchObject({
      id: added.out.trim(),
      name: 'again',
      card: { visual_degrees: 8 },
    });
    const listed = JSON.parse((await ventral('models', 'list', '--json', '--home', home)).out);
    expect(listed.registered.map(({ id }: { id: string }) => id)).toEqual([added.out.trim()]);
    expect(listed.shipped).toContain('pixels');
    expect((await ventral('models', 'remove', added.out.trim(), '--home', home)).status).toBe(0);
    expect(await readdir(join(home, 'models'))).toEqual([]);
    expect(existsSync(join(home, 'owner.json'))).toBe(false);
  });

  it.each([
    [['--port', 'x'], 2, /--port/],
    [['--port', '70000'], 2, /--port/],
    [['--host', '0.0.0.0'], 2, /loopback/],
    [['--nonsense'], 2, /nonsense/],
  ])('with %j is refused', async (args, status, words) => {
    const ended = await ventral('serve', '--home', home, ...args);
    expect(ended).toMatchObject({ status, out: '', err: expect.stringMatching(words) });
  });

  it('refuses the home of another version in one sentence', async () => {
    await writeFile(join(home, 'format.json'), '{"schema":1,"postgres":16}');
    const ended = await ventral('serve', '--home', home, '--port', '0');
    expect(ended).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/^ventral: .*PostgreSQL 16.*\n$/m),
    });
    expect(existsSync(join(home, 'owner.json'))).toBe(false);
  });
});

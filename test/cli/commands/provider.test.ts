import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runVentral } from '../run-ventral.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-provider-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const run = (...words: string[]) => runVentral(home, ...words);

const commands = {
  score: ['score', 'pixels', '-b', 'Simulated.V1-pls'],
  map: ['map', 'gabor-v1', '-b', 'Simulated.V1-pls'],
  activations: [
    ...['activations', 'pixels', '-l', 'pixels', '-b', 'Simulated.V1-pls'],
    ...['-o', join(home, 'out.npz')],
  ],
};
/** A provider that no machine has together with this system. */
const elsewhere = process.platform === 'win32' ? 'coreml' : 'dml';

describe.each(Object.entries(commands))('ventral %s', (name, words) => {
  test('knows no other provider', async () => {
    const { status, out, err } = await run(...words, '--provider', 'cuba');
    expect([status, out]).toEqual([2, '']);
    expect(err).toBe(
      `ventral: ${name} --provider: expected cpu, auto, cuda, webgpu, coreml, dml, found "cuba"; did you mean "cuda"?\n`,
    );
  });

  test('says of one that is not here what was found, and what there is', async () => {
    const { status, out, err } = await run(...words, '--provider', elsewhere);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(
      new RegExp(
        `^ventral: .*The provider ${elsewhere} cannot be used here: on \\w+ alone, this is \\w+; this machine has cpu[\\w, ]*\\n$`,
      ),
    );
    expect(existsSync(join(home, 'out.npz'))).toBe(false);
  });
});

test('TF32 is of NVIDIA alone, and features run no network', async () => {
  expect((await run(...commands.score, '--tf32')).err).toBe(
    'ventral: score --tf32: applies to --provider cuda, found cpu\n',
  );
  const features = ['score', '--features', 'f.npz', '-b', 'Simulated.V1-pls', '--provider', 'cuda'];
  expect((await run(...features)).err).toBe(
    'ventral: score: --provider runs a network; it cannot be used with --features\n',
  );
  const remote = [...commands.score, '--to', 'http://127.0.0.1:1'];
  expect((await run(...remote, '--provider', 'auto')).err).toMatch(/--provider auto is tried here/);
  expect((await run(...remote, '--provider', 'cuda', '--tf32')).err).toMatch(
    /--tf32 cannot be used/,
  );
});

test('auto says what runs the network, and gives the score', async () => {
  const { status, out, err } = await run(...commands.score, '--provider', 'auto', '--json');
  expect(status).toBe(0);
  expect(err).toMatch(/^pixels: runs on (?:the CPU: .+|\w+ \(.+\): of \d+ layers? .+)\n/);
  const [score] = JSON.parse(out);
  const { provider, device } = score.provenance.runtime;
  expect(provider === 'cpu' ? device : typeof device).toBe(
    provider === 'cpu' ? undefined : 'string',
  );
});

test('a worker or service does not start with a provider that is not here', async () => {
  const served = await run('serve', '--port', '0', '--provider', elsewhere);
  expect(served).toMatchObject({ status: 2, out: '' });
  expect(served.err).toContain(`The provider ${elsewhere} cannot be used here`);
  expect((await run('worker', '--provider', 'cuba')).err).toMatch(
    /^ventral: worker --provider: expected cpu, /,
  );
});

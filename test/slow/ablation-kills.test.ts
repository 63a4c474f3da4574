import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { runVentral, startVentral } from '../cli/run-ventral.js';
import { smallAblation } from '../training/ablation/small-ablation.js';
import { base, bytesOf } from '../training/small-runs.js';

const KILLS = 4;
const root = mkdtempSync(join(tmpdir(), 'ventral-ablation-kills-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const home = join(root, 'home');
const file = join(root, 'small.yaml');
const families = [{ name: 'net', model: join(base, 'model.yaml') }];
writeFileSync(file, stringify(smallAblation({ families })));

/** Bytes of all that no clock goes into. */
function allBytes(folder: string) {
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  const markdown = text('ablation.md').replace(/- Run time: .*/, '');
  return [bytesOf(folder), text('ablation.json'), text('ablation.csv'), markdown];
}

async function killed(folder: string, ms: number): Promise<void> {
  const child = startVentral(home, ['ablate', file, '-o', folder, '--threads', '1']);
  const closed = once(child, 'close');
  const kill = setTimeout(() => child.kill('SIGKILL'), ms);
  child.stdout?.resume();
  child.stderr?.resume();
  await closed;
  clearTimeout(kill);
}

it('an ablation that is killed at any instant goes on to the bytes of one that was not', async () => {
  const words = (folder: string) => ['ablate', file, '-o', folder, '--threads', '1'];
  const whole = join(root, 'whole');
  const started = performance.now();
  const { status, out, err } = await runVentral(home, ...words(whole));
  expect(status, err).toBe(0);
  const length = performance.now() - started;
  // Four arms with two columns, three of them in the first table and two in the second.
  expect(out.trimEnd().split('\n')).toHaveLength(1 + 3 + 2 * 2);
  expect(err).toMatch(/^Wrote .*ablation\.\{json,csv,html,md\}$/m);
  const again = await runVentral(home, ...words(whole));
  expect([again.status, again.err]).toEqual([
    2,
    expect.stringContaining('resume it with --resume'),
  ]);
  const random = new RandomState(20261125);
  for (let i = 0; i < KILLS; i++) {
    const folder = join(root, `killed-${i}`);
    await killed(folder, length * random.double());
    const resumed = await runVentral(home, ...words(folder), '--resume');
    // A kill before the ablation had started leaves nothing to continue with.
    const nothing = resumed.status === 2 && /holds no ablation/.test(resumed.err);
    const ran = nothing ? await runVentral(home, ...words(folder)) : resumed;
    expect(ran.status, ran.err).toBe(0);
    expect(ran.out).toBe(out);
    expect(allBytes(folder), `killed after a random share of ${length} ms`).toEqual(
      allBytes(whole),
    );
  }
}, 600_000);

it('an ablation that cannot be is told in one line', async () => {
  const wrong = join(root, 'wrong.yaml');
  writeFileSync(wrong, stringify(smallAblation({ families, seeds: [1, 1] })));
  const { status, err, out } = await runVentral(home, 'ablate', wrong);
  expect([status, out]).toEqual([2, '']);
  expect(err).toMatch(/^ventral: .*wrong\.yaml:\d+:\d+ seeds: .*\n$/);
  const none = await runVentral(home, 'ablate', join(root, 'none.yaml'));
  expect([none.status, none.err]).toEqual([2, expect.stringContaining('does not exist')]);
});

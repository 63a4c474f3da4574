import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { runVentral, startVentral } from '../cli/run-ventral.js';
import { behaviour, madeSeries, objects } from '../scoring/made-series.js';

/** So many in CI; `VENTRAL_TEST_CHECKPOINTS=50` are those of a long training. */
const CHECKPOINTS = Number(process.env.VENTRAL_TEST_CHECKPOINTS ?? 16);
const CORRUPT = 'net_epoch_7.onnx';

const root = mkdtempSync(join(tmpdir(), 'ventral-series-slow-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/**
 * Layers and measurements in a home's cache. Shapes do not count: the checkpoint that was interrupted asks for those of what it
 * lacks, and others for those of all their layers.
 */
function entries(home: string): number {
  const folder = join(home, 'cache', 'activations');
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true }).filter(
    (name) =>
      /^[0-9a-f]{2}[\\/][0-9a-f]{64}$/.test(String(name)) &&
      !readFileSync(join(folder, String(name)), 'latin1').startsWith('ventral-cache-1\nshapes-'),
  ).length;
}

async function timed<T>(work: () => Promise<T>): Promise<T & { readonly ms: number }> {
  const started = performance.now();
  const done = await work();
  return { ...done, ms: performance.now() - started };
}

it(`scores ${CHECKPOINTS} checkpoints, one of them corrupt; killed halfway and resumed it gives the same bytes`, async () => {
  const { folder, card } = madeSeries(join(root, 'run'), CHECKPOINTS);
  writeFileSync(join(folder, CORRUPT), 'no network');
  const words = ['compare', '--series', folder, '--card', card];
  words.push('-b', `${objects},${behaviour}`, '--csv');
  const [whole, killed] = [join(root, 'whole'), join(root, 'killed')];

  const undisturbed = await timed(() => runVentral(whole, ...words));
  expect(undisturbed.status).toBe(1);
  const lines = undisturbed.out.trimEnd().split('\n').slice(1);
  expect(lines).toHaveLength(CHECKPOINTS * 3 * 2);
  expect(lines.filter((line) => /,0\.\d+,/.test(line))).toHaveLength((CHECKPOINTS - 1) * 3 * 2);
  expect(undisturbed.err).toMatch(new RegExp(`^ventral: ${CORRUPT}: .*not an ONNX model.*\n$`));

  const child = startVentral(killed, words);
  const closed = once(child, 'close');
  while (entries(killed) < entries(whole) / 2) {
    expect(child.exitCode).toBe(null);
    await sleep(20);
  }
  child.kill('SIGKILL');
  await closed;
  const resumed = await timed(() => runVentral(killed, ...words));
  expect([resumed.status, resumed.out]).toEqual([1, undisturbed.out]);
  expect(entries(killed)).toBe(entries(whole));
  // Half of the work was there.
  expect(resumed.ms).toBeLessThan(undisturbed.ms);

  const again = await timed(() => runVentral(whole, ...words));
  expect(again.out).toBe(undisturbed.out);
  expect(again.ms).toBeLessThan(undisturbed.ms / 3);
});

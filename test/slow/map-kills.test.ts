import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, expect, it } from 'vitest';
import { readCacheEntry, readKey } from '../../src/activations/cache/cache-entry.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import type { LayerMap } from '../../src/scoring/map/layer-map-types.js';
import { type Ran, runVentral, startVentral } from '../cli/run-ventral.js';
import { behaviour, objects, oracleNetwork } from '../scoring/made-series.js';

const KILLS = 10;
/** Milliseconds, later than the end of any run. */
const NEVER = 600_000;
const LAYERS = 'bn1,blocks.?.?,blocks.?.?.conv_dw,blocks.?.?.se,conv_head';

const root = mkdtempSync(join(tmpdir(), 'ventral-map-kills-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const wholeHome = join(root, 'whole');
const { path, file } = oracleNetwork('mbconv');
const words = ['map', path, '--card', file, '-b', `${objects},${behaviour}`];
words.push('--layers', LAYERS, '--json');

/** A map without what tells how the work went. */
const bits = ({ out, err, status }: Ran) => {
  expect(status, err).toBe(0);
  return JSON.parse(out, (key, value) =>
    ['plan', 'seconds', 'peakRssMiB'].includes(key) ? undefined : value,
  );
};

const planOf = ({ out }: Ran) => (JSON.parse(out) as LayerMap).plan;
const cachedIn = (ran: Ran) => planOf(ran).sets.reduce((sum, { cached }) => sum + cached, 0);
/** Layers that the network was run for, over all stimulus sets. */
const computedIn = (ran: Ran) => planOf(ran).sets.flatMap(({ passes }) => passes.flat()).length;

interface Kept {
  readonly cells: number;
  readonly layers: number;
}

/** Cells and reduced layers in a home's cache; every entry there must be whole. */
async function keptIn(home: string): Promise<Kept> {
  const folder = join(home, 'cache', 'activations');
  const kept = { cells: 0, layers: 0 };
  for (const name of filesIn(folder)) {
    if (name.startsWith('unfinished')) continue;
    const entry = join(folder, name);
    const key = await readKey(entry);
    expect(key, name).toBeDefined();
    expect(await readCacheEntry(entry, key as string), name).toBeDefined();
    if (key?.startsWith('cell-')) kept.cells++;
    if (/^(gram|read-out|features)-/.test(key as string)) kept.layers++;
  }
  return kept;
}

function filesIn(folder: string): string[] {
  try {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
  } catch {
    return [];
  }
}

/** Runs a map; undefined if it was still at work after this many milliseconds, and was killed. */
async function runUnlessKilled(home: string, ms: number): Promise<Ran | undefined> {
  const child = startVentral(home, words);
  const kill = setTimeout(() => child.kill('SIGKILL'), ms);
  const closed = once(child, 'close');
  const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [status, signal] = await closed;
  clearTimeout(kill);
  return signal === 'SIGKILL' ? undefined : { status, out, err };
}

/** A map that finished where others were killed continued from what they did, and came to the same bits. */
async function check(ran: Ran, before: Kept, home: string, wanted: Ran): Promise<void> {
  expect(bits(ran)).toEqual(bits(wanted));
  expect(cachedIn(ran)).toBe(before.layers);
  expect(computedIn(ran)).toBe(computedIn(wanted) - before.layers);
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  expect(await keptIn(home)).toEqual(await keptIn(wholeHome));
}

it(`finishes a map after ${KILLS} kills at random instants: what was done is used, and the bits are the same`, async () => {
  const started = performance.now();
  const whole = await runVentral(wholeHome, ...words);
  const length = performance.now() - started;
  expect(cachedIn(whole)).toBe(0);

  const random = new RandomState(7);
  const reused: number[] = [];
  for (let kills = 0; kills <= KILLS; ) {
    const home = join(root, `home-${reused.length}`);
    const before = await keptIn(home);
    const instant = kills < KILLS ? random.randomSample(1)[0] * length : NEVER;
    const ran = await runUnlessKilled(home, instant);
    if (ran) {
      await check(ran, before, home, whole);
      reused.push(before.layers);
    }
    // A map that ended before its instant counts as no kill; the next one starts again.
    if (!ran || instant === NEVER) kills++;
  }
  expect(Math.max(...reused)).toBeGreaterThan(0);
});

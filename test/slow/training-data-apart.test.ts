import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateSimulated } from '../../src/data/simulated/generators.js';
import { openZip } from '../../src/formats/zip.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { decodeExample } from '../../src/training/data/decode-example.js';
import { openLabelledSet } from '../../src/training/data/open-labelled-set.js';
import { ORACLE } from '../oracle.js';

const digestOf = (pixels: Uint8Array) => createHash('sha256').update(pixels).digest('hex');

/** Digests of the RGB pixels of every stimulus of the simulated benchmarks. */
async function simulatedPictures(): Promise<string[]> {
  const sources = new Map<string, readonly [string, number]>();
  for (const { stimuli } of listBenchmarks())
    if (stimuli.kind === 'generated')
      sources.set(`${stimuli.generate} ${stimuli.seed}`, [stimuli.generate, stimuli.seed]);
  const digests: string[] = [];
  for (const [name, seed] of sources.values()) {
    const { stimuli, fittingStimuli } = await generateSimulated(name, seed);
    for (const grey of [...stimuli.pixels, ...(fittingStimuli?.pixels ?? [])])
      digests.push(
        digestOf(Uint8Array.from({ length: grey.length * 3 }, (_, i) => grey[Math.floor(i / 3)])),
      );
  }
  return digests;
}

/** Digests of the RGB pixels of images that the golden cases of the original hold. */
async function goldenPictures(): Promise<string[]> {
  const digests: string[] = [];
  const add = async (bytes: Uint8Array, name: string) =>
    digests.push(digestOf((await decodeExample(bytes, name)).pixels));
  for (const file of readdirSync(ORACLE, { recursive: true, encoding: 'utf8' })) {
    const path = join(ORACLE, file);
    if (/\.(png|jpe?g)$/i.test(file)) await add(await readFile(path), file);
    if (!file.endsWith('.zip')) continue;
    const archive = await openZip(path);
    for (const { name } of archive.entries)
      if (/\.(png|jpe?g)$/i.test(name)) await add(await archive.read(name), name);
    await archive.close();
  }
  return digests;
}

test('no training picture is the picture of a benchmark', async () => {
  const [simulated, golden] = [await simulatedPictures(), await goldenPictures()];
  expect(simulated.length).toBeGreaterThan(3000);
  expect(golden.length).toBeGreaterThan(50);
  const shown = new Set([...simulated, ...golden]);
  let compared = 0;
  for (const side of [64, 128]) {
    const source = { generate: 'objects-on-backgrounds', seed: 1, count: 6000, side } as const;
    const set = await openLabelledSet(source, '.');
    for (const index of new RandomState(side).choice(6000, 500)) {
      const { pixels } = await set.picture(index);
      expect(shown.has(digestOf(pixels)), `picture ${index} at ${side}`).toBe(false);
      compared++;
    }
  }
  expect(compared).toBe(1000);
});

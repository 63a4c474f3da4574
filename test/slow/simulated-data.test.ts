import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { channelEnergies } from '../../src/data/simulated/energy-channels.js';
import { generateSimulated } from '../../src/data/simulated/generators.js';
import { toContrast } from '../../src/data/simulated/offset-gaussians.js';
import type { Simulated } from '../../src/data/simulated/simulated.js';
import type { SimulatedRecordings } from '../../src/data/simulated/simulated-recordings.js';
import { behaviourCeiling, behaviourScore } from '../../src/metrics/i1i2.js';
import { internalConsistency } from '../../src/metrics/internal-consistency.js';
import { pls } from '../../src/metrics/pls.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { decodeImage } from '../../src/screen/decode.js';

const made = new Map<string, Promise<Simulated>>();
/** Seed 1 of a generator, made once. */
function simulated(name: string): Promise<Simulated> {
  const known = made.get(name) ?? generateSimulated(name, 1);
  made.set(name, known);
  return known;
}

/** Digest of everything that a generator makes: ids are digests of the images themselves. */
function digest({ stimuli, fittingStimuli, recordings, trials }: Simulated): string {
  const hash = createHash('sha256');
  for (const id of [...stimuli.ids, ...(fittingStimuli?.ids ?? [])]) hash.update(id);
  if (recordings) hash.update(new Uint8Array(recordings.values.buffer));
  for (const [name, values] of trials?.columns ?? []) hash.update(name + values.join());
  return hash.digest('hex');
}

/** Mean over repetitions of the units of one region, and their recordings. */
function regionOf(recordings: SimulatedRecordings, region: string) {
  const { neuroidIds, regions, values, stimulusIds, repetition } = recordings;
  const columns = regions.flatMap((of, u) => (of === region ? [u] : []));
  const picked = Float64Array.from({ length: stimulusIds.length * columns.length }, (_, i) => {
    const row = Math.floor(i / columns.length);
    return values[row * neuroidIds.length + columns[i % columns.length]];
  });
  const repetitions = Math.max(...repetition) + 1;
  const ids = stimulusIds.filter((_, p) => p % repetitions === 0);
  const means = new Float64Array(ids.length * columns.length);
  picked.forEach((value, i) => {
    const stimulus = Math.floor(i / columns.length / repetitions);
    means[stimulus * columns.length + (i % columns.length)] += value / repetitions;
  });
  const names = columns.map((u) => neuroidIds[u]);
  return {
    ids,
    names,
    means: matrix(ids.length, columns.length, means),
    repeated: { stimulusIds, repetition, neuroidIds: names, values: picked },
  };
}

const crossValidation = { splits: 5, trainSize: 0.9, seed: 1 };

/** raw of `pls` between features (one row a stimulus) and a region, presentations permuted or not. */
async function score(
  { stimuli, recordings }: Simulated,
  region: string,
  rows: readonly Float64Array[],
  order?: readonly number[],
): Promise<number> {
  const { ids, names, means } = regionOf(recordings as SimulatedRecordings, region);
  const width = rows[0].length;
  const data = Float64Array.from({ length: rows.length * width }, (_, i) => {
    const row = Math.floor(i / width);
    return rows[order ? order[row] : row][i % width];
  });
  const source = { stimulusIds: stimuli.ids, features: denseFeatures(rows.length, width, data) };
  const target = { stimulusIds: ids, neuroidIds: names, values: means };
  return (await pls(source, target, { components: 25, crossValidation })).value;
}

/** Mean of blocks of 4 × 4 pixels. */
function coarsePixels(picture: Float64Array, side: number): Float64Array {
  const small = side / 4;
  const out = new Float64Array(small * small);
  picture.forEach((value, i) => {
    out[Math.floor(Math.floor(i / side) / 4) * small + Math.floor((i % side) / 4)] += value / 16;
  });
  return out;
}

describe('every generator', () => {
  it.each([
    ['textures', '8f5e519329af83daf252cae0c772079d7d171a3640fc9e941cc5839b7e389f1d'],
    ['objects', '34c36ef4d101ba850960d10be215140396839808184793346f93fd396c332852'],
    ['objects-varied', '41a5952594932bc479069eb300c685d76525a31a6092f2e277d2174954668987'],
    ['objects-2afc', 'd2a8a5fd1179b22378befc3c40c45a305a95708322742193f1a5dc8d3493811d'],
  ])('%s gives the bits that it gave, from the same seed', async (name, want) => {
    expect(digest(await simulated(name))).toBe(want);
  });

  it.each(['textures', 'objects', 'objects-varied', 'objects-2afc'])(
    '%s names its pictures after their bytes, ascending, and they decode to its pixels',
    async (name) => {
      const { stimuli } = await simulated(name);
      expect(stimuli.ids).toEqual([...new Set(stimuli.ids)].sort());
      expect(stimuli.columns.get('stimulus_id')?.values).toEqual(stimuli.ids);
      for (const { values } of stimuli.columns.values()) {
        expect(values).toHaveLength(stimuli.ids.length);
      }
      const last = stimuli.ids.length - 1;
      const file = await stimuli.read(last);
      const sha1 = createHash('sha1').update(file).digest('hex');
      expect(sha1.slice(0, 16)).toBe(stimuli.ids[last]);
      expect(stimuli.filename(last)).toBe(`${stimuli.ids[last]}.png`);
      const picture = await decodeImage(file, stimuli.filename(last));
      expect(picture.mode).toBe('L');
      expect(picture.data).toEqual(stimuli.pixels[last]);
    },
  );

  it('refuses a name that no generator has', async () => {
    await expect(generateSimulated('texture', 1)).rejects.toThrowError(
      expect.objectContaining({
        code: 'benchmark-invalid',
        message: expect.stringContaining('"textures"'),
      }),
    );
    await expect(generateSimulated('constructor', 1)).rejects.toThrowError(/no generator/);
  });
});

describe('simulated recordings', () => {
  it.each([
    ['textures', 'V1', 72, 300, 20],
    ['textures', 'V2', 72, 300, 20],
    ['objects', 'V4', 64, 640, 16],
    ['objects', 'IT', 96, 640, 16],
    ['objects-varied', 'V4', 64, 640, 16],
    ['objects-varied', 'IT', 96, 640, 16],
  ])('%s %s: %i units, %i stimuli, %i repetitions, and a ceiling to estimate', async (...row) => {
    const [name, region, units, stimuli, repetitions] = row;
    const { recordings } = await simulated(name);
    const { ids, names, repeated } = regionOf(recordings as SimulatedRecordings, region);
    expect([names.length, ids.length]).toEqual([units, stimuli]);
    expect(repeated.stimulusIds).toHaveLength(stimuli * repetitions);
    expect(repeated.values.every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
    const { value } = internalConsistency(repeated);
    expect(value).toBeGreaterThan(0.55);
    expect(value).toBeLessThan(0.95);
  });

  it('follow energies, not pixels, and nothing once presentations are shuffled', async () => {
    const all = await simulated('textures');
    const { side } = all.stimuli;
    const pictures = all.stimuli.pixels.map(toContrast);
    const bank = { frequencies: [1, 2, 4], orientations: 4, grid: 5, spacing: 0.4 };
    const energies = channelEnergies(pictures, { side, pixelsPerDegree: side / 4 }, bank);
    const pixels = pictures.map((picture) => coarsePixels(picture, side));
    const order = new RandomState(3).permutation(pictures.length);
    const [v1, v2] = [await score(all, 'V1', energies), await score(all, 'V2', energies)];
    expect(v1).toBeGreaterThan(0.3);
    expect(v2).toBeGreaterThan(0.3);
    expect(v1).toBeGreaterThan((await score(all, 'V1', pixels)) + 0.2);
    expect(Math.abs(await score(all, 'V1', energies, order))).toBeLessThan(0.12);
    expect(Math.abs(await score(all, 'V2', energies, order))).toBeLessThan(0.12);
  });

  it('have every object of hvm, ten pictures each, and the variation of their set', async () => {
    for (const [name, variations] of [
      ['objects', [0, 3]],
      ['objects-varied', [6]],
    ] as const) {
      const { columns } = (await simulated(name)).stimuli;
      const names = columns.get('object_name')?.values ?? [];
      expect(new Set(names).size).toBe(64);
      expect(new Set(columns.get('category_name')?.values).size).toBe(8);
      for (const object of new Set(names)) {
        expect(names.filter((other) => other === object)).toHaveLength(10);
      }
      expect([...new Set(columns.get('variation')?.values)].sort()).toEqual(variations);
    }
  });

  it('have as many textures as noises in each of fifteen families', async () => {
    const { columns } = (await simulated('textures')).stimuli;
    const cells = (columns.get('texture_type')?.values ?? []).map(
      (type, i) => `${type} ${columns.get('texture_family')?.values[i]}`,
    );
    expect(new Set(cells).size).toBe(30);
    for (const cell of new Set(cells)) {
      expect(cells.filter((other) => other === cell)).toHaveLength(10);
    }
  });
});

describe('simulated trials', () => {
  it('ask each picture against each other object, and no picture is fitted and shown', async () => {
    const { stimuli, fittingStimuli, trials } = await simulated('objects-2afc');
    const other = await generateSimulated('objects-2afc', 2);
    const shared = new Set([...stimuli.ids, ...(fittingStimuli?.ids ?? [])]);
    expect(shared.size).toBe(24 * (10 + 24));
    for (const id of [...other.stimuli.ids, ...(other.fittingStimuli?.ids ?? [])]) {
      expect(shared.has(id)).toBe(false);
    }
    const [sample, dist, choice] = ['sample_obj', 'dist_obj', 'choice'].map(
      (name) => trials?.columns.get(name) ?? [],
    );
    const cells = new Map<string, number>();
    trials?.stimulusIds.forEach((id, i) => {
      expect(choice[i] === sample[i] || choice[i] === dist[i]).toBe(true);
      const cell = `${id} ${dist[i]}`;
      cells.set(cell, (cells.get(cell) ?? 0) + 1);
    });
    expect(cells.size).toBe(240 * 23);
    expect(new Set(cells.values())).toEqual(new Set([60]));
  });

  it('have confusions that repeat, and that a random model does not share', async () => {
    const { stimuli, fittingStimuli, trials } = await simulated('objects-2afc');
    const column = (name: string) => trials?.columns.get(name) ?? [];
    const match = {
      stimulusIds: trials?.stimulusIds ?? [],
      sample: column('sample_obj'),
      dist: column('dist_obj'),
      choice: column('choice'),
    };
    const options = { repetitions: 2, seed: 0, skipna: false };
    const ceiling = behaviourCeiling('i2n', match, options).value;
    expect(ceiling).toBeGreaterThan(0.25);
    expect(ceiling).toBeLessThan(0.8);
    const choices = [...new Set(fittingStimuli?.columns.get('image_label')?.values as string[])];
    const random = new RandomState(1).randomSample(stimuli.ids.length * choices.length);
    const values = matrix(stimuli.ids.length, choices.length, random);
    const chance = behaviourScore(
      'i2n',
      { stimulusIds: stimuli.ids, choices, values },
      match,
      options,
    ).value;
    expect(Math.abs(chance)).toBeLessThan(0.05);
  });
});

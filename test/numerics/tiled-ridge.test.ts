import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ScratchTiles } from '../../src/activations/scratch/scratch-tiles.js';
import { columnSource } from '../../src/numerics/algebra/column-source.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { type Matrix, matrix, submatrix } from '../../src/numerics/algebra/matrix.js';
import { MemoryTiles, type Tiles } from '../../src/numerics/algebra/tiles.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { penaltyFit, ridgeFit } from '../../src/numerics/regression/ridge.js';
import {
  ridgeTiling,
  type TiledRoom,
  tiledPenalties,
  tiledRidge,
} from '../../src/numerics/regression/tiled-ridge.js';
import { tolerances } from '../tolerances.js';

const TILE = 16;
const TRAIN = 75;
const TEST = 13;

function random(rows: number, cols: number, seed: number): Matrix {
  return matrix(rows, cols, new RandomState(seed).standardNormal(rows * cols));
}

/** Features with a large offset, training rows in an order of their own. */
function made(units: number) {
  const x = random(TRAIN + TEST, units, 1);
  const features = denseFeatures(
    x.rows,
    units,
    Float32Array.from(x.data, (value) => value + 3),
  );
  const order = Array.from({ length: x.rows }, (_, i) => (i * 5) % x.rows);
  const [train, held] = [order.slice(0, TRAIN), order.slice(TRAIN)];
  const stored = x.data.map((value) => Math.fround(value + 3) - 3);
  const gram = products(matrix(x.rows, units, stored));
  return { features, train, held, gram, y: random(TRAIN, 5, 2) };
}

function products({ rows, cols, data }: Matrix): Matrix {
  const all = matrix(rows, rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++)
      for (let k = 0; k < cols; k++)
        all.data[i * rows + j] += data[i * cols + k] * data[j * cols + k];
  return all;
}

const inMemory: TiledRoom = { open: () => new MemoryTiles(), sums: 2 ** 30 };

function near(found: Float64Array, wanted: Float64Array): void {
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const apart = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
  expect(apart / largest).toBeLessThanOrEqual(tolerances.tiled);
}

describe.each([
  ['over stimuli', 200, 'dual'],
  ['over units', 40, 'primal'],
] as const)('a ridge regression in tiles, %s', (_, units, form) => {
  const { features, train, held, gram, y } = made(units);
  const tiling = ridgeTiling({ rows: TRAIN, units }, TILE);
  // A fit takes the memory of the products that it is given.
  const products = () => submatrix(gram, train, train);
  const cross = submatrix(gram, held, train);

  test.each([
    { what: 'fewer targets than test rows', targets: y },
    { what: 'more of them', targets: random(TRAIN, 3 * TEST, 4) },
  ])('predicts what the regression in memory predicts of $what', async ({ targets }) => {
    expect(tiling.form).toBe(form);
    for (const alpha of [1, 1e-2, 1e4]) {
      const fitted = await tiledRidge({ features, train, tiling }, alpha, inMemory);
      const wanted = await (await ridgeFit(products(), alpha)).predict(cross, targets);
      near((await fitted.predict(held, columnSource(targets))).data, wanted.data);
    }
  });

  test('chooses the penalty that the regression in memory chooses', async () => {
    const dual = { ...tiling, form: 'dual', order: TRAIN } as const;
    const alphas = [1e-3, 0.1, 1, 10, 100, 1e3];
    const targets = [y, random(TRAIN, 3, 3)];
    const chosen = await tiledPenalties(
      { features, train, tiling: dual },
      { alphas, targets: targets.map(columnSource) },
      inMemory,
    );
    const fit = await penaltyFit(products());
    const wanted = await Promise.all(
      targets.map(async (each) => (await fit.predict(cross, each, alphas)).alpha),
    );
    expect(chosen).toEqual(wanted);
  });
});

describe('tiles on scratch disk', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ventral-tiles-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Room for two tiles in memory, and for three sums of products. */
  function tight(): { readonly room: TiledRoom; readonly opened: ScratchTiles[] } {
    const opened: ScratchTiles[] = [];
    const open = (): Tiles => {
      const path = join(folder, `tiles-${opened.length}`);
      opened.push(new ScratchTiles({ path, memory: 2 * 8 * TILE ** 2 }));
      return opened[opened.length - 1];
    };
    return { room: { open, sums: 3 * 8 * TILE ** 2 }, opened };
  }

  test.each([
    ['dual', 200],
    ['primal', 40],
  ] as const)('give the bits of tiles in memory (%s)', async (_, units) => {
    const { features, train, held, y } = made(units);
    const source = { features, train, tiling: ridgeTiling({ rows: TRAIN, units }, TILE) };
    const wanted = await (await tiledRidge(source, 1, inMemory)).predict(held, columnSource(y));
    const { room, opened } = tight();
    const found = await (await tiledRidge(source, 1, room)).predict(held, columnSource(y));
    expect(found.data).toEqual(wanted.data);
    expect(opened[0].spilled).toBeGreaterThan(0);
    expect(readdirSync(folder)).toHaveLength(1);
    for (const each of opened) each.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a tile that is written again is read as it is now', async () => {
    const tiles = new ScratchTiles({ path: join(folder, 'tiles'), memory: 16 });
    for (const value of [1, 2, 3]) {
      for (let row = 0; row < 3; row++) await tiles.write(row, 0, Float64Array.of(value, row));
      for (let row = 0; row < 3; row++)
        expect(await tiles.read(row, 0)).toEqual(Float64Array.of(value, row));
    }
    expect(tiles.spilled).toBe(3 * 16);
    tiles.close();
  });

  test('a disk that takes no more is a typed error', async () => {
    const tiles = new ScratchTiles({ path: join(folder, 'missing', 'tiles'), memory: 16 });
    await tiles.write(0, 0, Float64Array.of(1, 2));
    await expect(tiles.write(1, 0, Float64Array.of(1, 2))).rejects.toMatchObject({
      code: 'file-missing',
    });
    tiles.close();
  });
});

import { join } from 'node:path';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { TiledRoom } from '../../numerics/regression/tiled-ridge.js';
import { ScratchTiles } from './scratch-tiles.js';

/** Limits of a measurement, and the home that its scratch files are in. */
export interface MeasureRoom {
  readonly home: string;
  readonly maxMemory: number;
  readonly maxScratch: number;
  readonly signal?: AbortSignal | undefined;
}

/** Shares of the memory that tiles may take, and the sums of products that become tiles. */
const TILES = 1 / 4;
const SUMS = 1 / 4;
export const TILE_SHARE = TILES + SUMS;

/** Bytes of `matrices` equal matrices in tiles that are on scratch disk. */
export const spilledBytes = (bytes: number, matrices: number, maxMemory: number): number =>
  Math.max(0, matrices * bytes - maxMemory * TILES);

/**
 * Runs work that keeps at most `matrices` matrices in tiles, on scratch disk where memory is too small. No file is left,
 * however it ends.
 * @throws VentralError `memory-exceeded` where --max-scratch is too small, `disk-full`, `interrupted`
 */
export async function withTileRoom<T>(
  { home, maxMemory, maxScratch, signal }: MeasureRoom,
  matrices: number,
  work: (room: TiledRoom) => Promise<T>,
): Promise<T> {
  const scratch = await makeScratchFolder(home);
  const opened: ScratchTiles[] = [];
  try {
    return await work({
      sums: maxMemory * SUMS,
      step() {
        if (signal?.aborted) throw VentralError.from(signal.reason);
      },
      open(bytes) {
        const needed = spilledBytes(bytes, matrices, maxMemory);
        if (needed > maxScratch) throw tooLarge(needed, maxScratch);
        const path = join(scratch.path, `tiles-${opened.length}`);
        const tiles = new ScratchTiles({ path, memory: (maxMemory * TILES) / matrices });
        opened.push(tiles);
        return tiles;
      },
    });
  } finally {
    for (const tiles of opened) tiles.close();
    await scratch.remove();
  }
}

function tooLarge(needed: number, allowed: number): VentralError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return new VentralError(
    'memory-exceeded',
    `The tiles of a ridge regression need ${mib(needed)} of scratch, --max-scratch allows ${mib(allowed)}`,
    { field: '--max-scratch', expected: `at least ${mib(needed)}`, found: mib(allowed) },
  );
}

import type { Features } from './features.js';

/** Values in one block: 32 MiB of float64. */
const BLOCK_VALUES = 4 << 20;

/** Bounds [from, to) of column blocks that cover `features`, narrow enough to hold a few in memory. */
export function columnBlocks({ rows, cols }: Features): [number, number][] {
  const width = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(1, rows)));
  return Array.from({ length: Math.ceil(cols / width) }, (_, i) => [
    i * width,
    Math.min(cols, (i + 1) * width),
  ]);
}

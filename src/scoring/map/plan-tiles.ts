import { spilledBytes } from '../../activations/scratch/tile-room.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';

/** How regressions are solved whose products memory does not hold. */
export interface TilesPlan {
  readonly benchmark: string;
  /** Layers that are solved over stimuli, and over units. */
  readonly overStimuli: number;
  readonly overUnits: number;
  /** Peak bytes of scratch disk for tiles. */
  readonly scratch: number;
  /** Seconds for all layers, on all cores. */
  readonly seconds: number;
}

/**
 * The plan of each benchmark that is solved in tiles.
 * @param units of the layers that are measured
 * @param maxMemory bytes that measurements may take
 */
export function planTiles(
  benchmarks: readonly LoadedBenchmark[],
  units: readonly number[],
  maxMemory: number,
): TilesPlan[] {
  return benchmarks.flatMap(({ benchmark, tiled }) => {
    if (!tiled) return [];
    const costs = units.map((count) => tiled.of(count));
    const overUnits = costs.filter(({ form }) => form === 'primal').length;
    const spilled = costs.map(({ bytes }) => spilledBytes(bytes, tiled.matrices, maxMemory));
    return {
      benchmark: benchmark.id,
      overStimuli: costs.length - overUnits,
      overUnits,
      scratch: Math.max(0, ...spilled),
      seconds: Math.round(costs.reduce((sum, { seconds }) => sum + seconds, 0)),
    };
  });
}

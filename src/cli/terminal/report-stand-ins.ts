import type { RegionRole } from '../../scoring/registry/region-benchmarks.js';
import type { Io } from './io.js';

/** A region whose recordings are not here is scored on simulated ones: never without a word, on stderr. */
export async function reportStandIns(
  regions: readonly RegionRole[],
  home: string,
  io: Io,
): Promise<void> {
  const { regionBenchmark } = await import('../../scoring/registry/region-benchmarks.js');
  for (const name of regions) {
    const { id, inPlaceOf } = await regionBenchmark(name, home);
    if (inPlaceOf === undefined) continue;
    io.err(
      `${name}: the data of ${inPlaceOf} are not installed (\`ventral data list\`); using the simulated ${id} instead\n`,
    );
  }
}

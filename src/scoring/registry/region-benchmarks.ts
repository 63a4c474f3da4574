import type { Region } from '../../activations/card/card.js';
import { hasData } from '../benchmark/benchmark-data.js';
import { findBenchmark } from './registry.js';

/** The role of a layer: a region, or the source of behaviour. */
export type RegionRole = Region | 'behavior';

/**
 * The public benchmark on which layers are chosen for each role, as in Brain-Score's layer selection
 * (STANDARD_REGION_BENCHMARKS, spec §5.8), and the simulated one where its data are not here.
 */
const publicBenchmarks: Readonly<Record<RegionRole, { recorded: string; simulated: string }>> = {
  V1: { recorded: 'FreemanZiemba2013public.V1-pls', simulated: 'Simulatedpublic.V1-pls' },
  V2: { recorded: 'FreemanZiemba2013public.V2-pls', simulated: 'Simulatedpublic.V2-pls' },
  V4: { recorded: 'MajajHong2015public.V4-pls', simulated: 'Simulatedpublic.V4-pls' },
  IT: { recorded: 'MajajHong2015public.IT-pls', simulated: 'Simulatedpublic.IT-pls' },
  behavior: { recorded: 'Rajalingham2018public-i2n', simulated: 'Simulatedpublic-i2n' },
};

/** The benchmark of a role. */
export interface RegionBenchmark {
  readonly region: RegionRole;
  /** Its identifier. */
  readonly id: string;
  /** The recorded benchmark that a simulated one replaces, because its data are not installed. */
  readonly inPlaceOf?: string;
}

/**
 * The public Brain-Score benchmark of a region where all of its data are under `home`, else the
 * simulated public one.
 */
export async function regionBenchmark(region: RegionRole, home: string): Promise<RegionBenchmark> {
  const { recorded, simulated } = publicBenchmarks[region];
  const [benchmark] = findBenchmark(recorded);
  if (await hasData(benchmark, home)) return { region, id: recorded };
  return { region, id: simulated, inPlaceOf: recorded };
}

/**
 * Names of the benchmarks of a request in their order: those that stand for its regions, then those that it
 * names itself. A benchmark that is asked for twice comes twice.
 */
export async function benchmarkNames(
  {
    regions = [],
    benchmarks = [],
  }: { readonly regions?: readonly RegionRole[]; readonly benchmarks?: readonly string[] },
  home: string,
): Promise<string[]> {
  const standing = await Promise.all(regions.map((region) => regionBenchmark(region, home)));
  return [...standing.map(({ id }) => id), ...benchmarks];
}

import type { Region } from '../../activations/card/card.js';
import { findData } from '../../data/catalog.js';
import { locateData } from '../../data/data-folder.js';
import type { Benchmark, DataSource, StimulusSource } from '../benchmark/benchmark.js';
import { findBenchmark } from './registry.js';

/** The role of a layer: a region, or the source of behaviour. */
export type Role = Region | 'behavior';

/** Every role, in the order of the ventral stream. */
export const roles: readonly Role[] = ['V1', 'V2', 'V4', 'IT', 'behavior'];

/**
 * The public benchmark on which layers are chosen for each role, as in Brain-Score's layer selection
 * (STANDARD_REGION_BENCHMARKS, spec §5.8), and the simulated one where its data are not here.
 */
const publicBenchmarks: Readonly<Record<Role, { recorded: string; simulated: string }>> = {
  V1: { recorded: 'FreemanZiemba2013public.V1-pls', simulated: 'Simulatedpublic.V1-pls' },
  V2: { recorded: 'FreemanZiemba2013public.V2-pls', simulated: 'Simulatedpublic.V2-pls' },
  V4: { recorded: 'MajajHong2015public.V4-pls', simulated: 'Simulatedpublic.V4-pls' },
  IT: { recorded: 'MajajHong2015public.IT-pls', simulated: 'Simulatedpublic.IT-pls' },
  behavior: { recorded: 'Rajalingham2018public-i2n', simulated: 'Simulatedpublic-i2n' },
};

/** The benchmark of a role. */
export interface RegionBenchmark {
  readonly region: Role;
  /** Its identifier. */
  readonly id: string;
  /** The recorded benchmark that a simulated one replaces, because its data are not installed. */
  readonly inPlaceOf?: string;
}

/**
 * The public Brain-Score benchmark of a region where all of its data are under `home`, else the
 * simulated public one.
 */
export async function regionBenchmark(region: Role, home: string): Promise<RegionBenchmark> {
  const { recorded, simulated } = publicBenchmarks[region];
  const [benchmark] = findBenchmark(recorded);
  if (await hasData(benchmark, home)) return { region, id: recorded };
  return { region, id: simulated, inPlaceOf: recorded };
}

/** Whether every file that a benchmark takes from the catalog is here. */
async function hasData(benchmark: Benchmark, home: string): Promise<boolean> {
  const { stimuli, fittingStimuli, recordings, trials } = benchmark;
  const needed = [
    { source: stimuli, kind: 'stimuli' },
    { source: fittingStimuli, kind: 'stimuli' },
    { source: recordings, kind: 'recordings' },
    { source: trials, kind: 'trials' },
  ] as const;
  for (const { source, kind } of needed) {
    if (!isOfCatalog(source)) continue;
    const { missing } = await locateData(findData(source.identifier, kind), home);
    if (missing.length > 0) return false;
  }
  return true;
}

const isOfCatalog = (source: StimulusSource | DataSource | undefined) => source?.kind === 'catalog';

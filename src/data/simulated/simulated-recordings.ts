import type { RandomState } from '../../numerics/random/random-state.js';
import { logUniform, normal, randomStream, uniform } from '../../numerics/random/random-stream.js';
import { populationSeed } from './population-seed.js';

/**
 * From what units would fire on average to spike counts of single presentations: Poisson noise, and
 * a gain that drifts from one presentation to the next, partly in all units of a region together
 * (Goris, Movshon and Simoncelli 2014). Ceilings are thus estimated, not known.
 */

/** What the units of one region prefer: drive ≥ 0, stimulus × unit, no unit in particular scale. */
export interface RegionDrive {
  readonly region: 'V1' | 'V2' | 'V4' | 'IT';
  readonly units: number;
  readonly drive: Float64Array;
}

/** Spike counts of every presentation, with metadata of each unit. */
export interface SimulatedRecordings {
  /** stimulus_id of each presentation: stimuli in ascending order, their repetitions together. */
  readonly stimulusIds: readonly string[];
  /** 0 … repetitions − 1 of each presentation. */
  readonly repetition: readonly number[];
  readonly neuroidIds: readonly string[];
  readonly regions: readonly RegionDrive['region'][];
  readonly animals: readonly string[];
  /** presentation × neuroid, spikes in the window. */
  readonly values: Float64Array;
}

/** Mean count of a unit: base + rate × (drive / its 90th percentile)^exponent. */
interface Tuning {
  readonly base: number;
  readonly rate: number;
  readonly exponent: number;
  /** Standard deviation of a unit's private log gain. */
  readonly own: number;
}

/** Rates of a region over those of V1 and IT, so that ceilings lie where real ones do. */
const rateOf: Record<RegionDrive['region'], number> = { V1: 1, V2: 1.5, V4: 2.2, IT: 1 };

function tuningOf(random: RandomState, region: RegionDrive['region']): Tuning {
  return {
    base: uniform(random, 0.2, 1.2),
    rate: rateOf[region] * logUniform(random, 0.5, 2.5),
    exponent: uniform(random, 0.7, 1.1),
    own: uniform(random, 0.2, 0.5),
  };
}

/** Deviation of the log gain that the units of a region share in a presentation. */
const sharedGain = 0.2;

function percentile90(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(0.9 * (sorted.length - 1))];
}

/** Expected counts of one region, stimulus × unit. */
function meanCounts({ units, drive }: RegionDrive, tunings: readonly Tuning[]): Float64Array {
  const stimuli = drive.length / units;
  const out = new Float64Array(drive.length);
  for (let u = 0; u < units; u++) {
    const { base, rate, exponent } = tunings[u];
    const own = Float64Array.from({ length: stimuli }, (_, s) => drive[s * units + u]);
    const scale = percentile90(own);
    own.forEach((value, s) => {
      out[s * units + u] = base + rate * (scale > 0 ? (value / scale) ** exponent : 0);
    });
  }
  return out;
}

/** The recordings of all regions: every stimulus `repetitions` times. */
export function recordUnits(
  ids: readonly string[],
  regions: readonly RegionDrive[],
  { seed, repetitions }: { readonly seed: number; readonly repetitions: number },
): SimulatedRecordings {
  const units = regions.reduce((sum, region) => sum + region.units, 0);
  const values = new Float64Array(ids.length * repetitions * units);
  let column = 0;
  for (const region of regions) {
    const random = randomStream(populationSeed, `tuning ${region.region}`);
    const tunings = Array.from({ length: region.units }, () => tuningOf(random, region.region));
    const noise = randomStream(seed, `noise ${region.region}`);
    const means = meanCounts(region, tunings);
    for (let p = 0; p < ids.length * repetitions; p++) {
      const stimulus = Math.floor(p / repetitions);
      const shared = sharedGain * normal(noise);
      for (let u = 0; u < region.units; u++) {
        const { own } = tunings[u];
        // The means of both log-normal gains are 1.
        const logGain = shared + own * normal(noise) - 0.5 * (own * own + sharedGain * sharedGain);
        const mean = means[stimulus * region.units + u] * Math.exp(logGain);
        values[p * units + column + u] = noise.poisson(mean);
      }
    }
    column += region.units;
  }
  const each = regions.flatMap(({ region, units: n }) =>
    Array.from({ length: n }, (_, u) => ({ region, u })),
  );
  return {
    stimulusIds: ids.flatMap((id) => new Array<string>(repetitions).fill(id)),
    repetition: ids.flatMap(() => Array.from({ length: repetitions }, (_, r) => r)),
    neuroidIds: each.map(({ region, u }) => `${region}-${String(u + 1).padStart(3, '0')}`),
    regions: each.map(({ region }) => region),
    animals: each.map(({ u }) => (u % 2 === 0 ? 'sim-A' : 'sim-B')),
    values,
  };
}

import type { Study, UnitRates } from './study.js';
import { THRESHOLD } from './study.js';
import { firstLargest, harmonicsOfRuns, meansOfRuns, type Sweep } from './sweep.js';
import {
  circularVariance,
  DEVALOIS,
  orientationPeak,
  orthogonalPreferredRatio,
  RINGACH,
} from './tuning-curves.js';

/** From here on an orientation is written as a negative one. */
const WRAP = 157.5;

/** The best condition of a unit, and its orientation curve there. */
interface Preferred {
  readonly max: number;
  readonly curve: Float64Array;
  /** F1 of the best condition. */
  readonly harmonic: number;
}

/** The sweep of orientations: cycles × spatial frequency × orientation × phase. */
function preferred({ rates, baseline }: UnitRates, { levels }: Sweep): Preferred | undefined {
  const [orientations, phases] = [levels[2].length, levels[3].length];
  const means = meansOfRuns(rates, phases);
  const best = firstLargest(means);
  if (best < 0 || !(means[best] > baseline + THRESHOLD)) return undefined;
  const first = best - (best % orientations);
  const condition = rates.subarray(best * phases, (best + 1) * phases);
  return {
    max: means[best],
    curve: means.subarray(first, first + orientations),
    harmonic: harmonicsOfRuns(condition, phases)[0],
  };
}

/** De Valois, Yund, Hepler 1982, Vision Research 22:531–544. */
export const deValois1982a: Study = {
  set: 'orientation',
  columns: ['preferred_orientation'],
  read(unit, sweep) {
    const best = preferred(unit, sweep);
    if (!best) return undefined;
    const { peak } = orientationPeak(best.curve, DEVALOIS);
    return [peak >= WRAP ? peak - 180 : peak];
  },
};

/** Ringach, Shapley, Hawken 2002, J Neurosci 22:5639–5651. */
export const ringach2002: Study = {
  set: 'orientation',
  columns: [
    'baseline',
    'max_dc',
    'min_dc',
    'max_ac',
    'modulation_ratio',
    'circular_variance',
    'bandwidth',
    'orthogonal_preferred_ratio',
    'orientation_selective',
    'circular_variance_bandwidth_ratio',
    'orthogonal_preferred_ratio_circular_variance_difference',
    'orthogonal_preferred_ratio_bandwidth_ratio',
  ],
  read(unit, sweep) {
    const best = preferred(unit, sweep);
    if (!best) return undefined;
    const { max, curve, harmonic } = best;
    const variance = circularVariance(curve, sweep.levels[2]);
    // The study speaks of half widths.
    const bandwidth = orientationPeak(curve, RINGACH).bandwidth / 2;
    const ratio = orthogonalPreferredRatio(curve);
    return [
      unit.baseline,
      max,
      Math.min(...curve),
      harmonic,
      harmonic / max,
      variance,
      bandwidth,
      ratio,
      Number.isNaN(bandwidth) ? 0 : 1,
      variance / bandwidth,
      ratio - variance,
      ratio / bandwidth,
    ];
  },
};

import { type Study, THRESHOLD, type UnitRates } from './study.js';
import { firstLargest, harmonicsOfRuns, meansOfRuns, type Sweep } from './sweep.js';
import { frequencyPeak, sizeReading } from './tuning-curves.js';

/**
 * The curve of a unit over one parameter, all others at their best: `responses` are conditions × component, the
 * conditions those of the sweep without the phase.
 */
function bestCurve(
  responses: Float64Array,
  sizes: readonly number[],
  axis: number,
): { readonly max: number; readonly curve: Float64Array } | undefined {
  const best = firstLargest(responses);
  if (best < 0) return undefined;
  const stride = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  const own = Math.floor(best / stride) % sizes[axis];
  const curve = Float64Array.from(
    { length: sizes[axis] },
    (_, k) => responses[best + (k - own) * stride],
  );
  return { max: responses[best], curve };
}

/** Mean above the baseline and first harmonic of each condition: a unit is read by whichever is larger. */
function meanAndHarmonic({ rates, baseline }: UnitRates, phases: number): Float64Array {
  const means = meansOfRuns(rates, phases);
  const harmonics = harmonicsOfRuns(rates, phases);
  const both = new Float64Array(2 * means.length);
  for (let i = 0; i < means.length; i++) {
    both[2 * i] = means[i] - baseline;
    both[2 * i + 1] = harmonics[i];
  }
  return both;
}

/** Sizes of the sweep's parameters but the phase, which comes last. */
function conditions({ levels }: Sweep): { readonly sizes: number[]; readonly phases: number } {
  const sizes = levels.map(({ length }) => length);
  const phases = sizes.pop() as number;
  return { sizes, phases };
}

/** De Valois, Albrecht, Thorell 1982, Vision Research 22:545–559. */
export const deValois1982b: Study = {
  set: 'spatial_frequency',
  columns: ['peak_spatial_frequency'],
  read(unit, sweep) {
    const { sizes, phases } = conditions(sweep);
    const best = bestCurve(meanAndHarmonic(unit, phases), [...sizes, 2], 1);
    if (!best || !(best.max > THRESHOLD)) return undefined;
    return [frequencyPeak(best.curve, sweep.levels[1]).peak];
  },
};

/** Schiller, Finlay, Volman 1976, J Neurophysiol 39:1334–1351. */
export const schiller1976c: Study = {
  set: 'spatial_frequency',
  columns: ['spatial_frequency_selective', 'spatial_frequency_bandwidth'],
  read(unit, sweep) {
    const { sizes, phases } = conditions(sweep);
    const best = bestCurve(meansOfRuns(unit.rates, phases), sizes, 1);
    if (!best || !(best.max > unit.baseline + THRESHOLD)) return undefined;
    const { bandwidth } = frequencyPeak(best.curve, sweep.levels[1]);
    return [Number.isNaN(bandwidth) ? 0 : 1, bandwidth];
  },
};

/** Cavanaugh, Bair, Movshon 2002, J Neurophysiol 88:2530–2546. */
export const cavanaugh2002a: Study = {
  set: 'size',
  columns: [
    'surround_suppression_index',
    'strongly_suppressed',
    'grating_summation_field',
    'surround_diameter',
    'surround_grating_summation_field_ratio',
  ],
  read(unit, sweep) {
    const { sizes, phases } = conditions(sweep);
    const best = bestCurve(meanAndHarmonic(unit, phases), [...sizes, 2], 0);
    if (!best || !(best.max > THRESHOLD)) return undefined;
    const { suppressionIndex, summationField, surroundDiameter } = sizeReading(
      best.curve,
      sweep.levels[0],
    );
    return [
      suppressionIndex,
      suppressionIndex >= 0.1 ? 1 : 0,
      summationField,
      surroundDiameter,
      surroundDiameter / summationField,
    ];
  },
};

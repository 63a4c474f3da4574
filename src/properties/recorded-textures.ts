import { mean } from '../numerics/statistics/statistics.js';
import { textureProperties } from './texture-study.js';

/** Spikes of one neuron (0 or 1), ms × repetition × sample × type (noise, texture) × family. */
export interface Spikes {
  readonly data: ArrayLike<number>;
  readonly milliseconds: number;
  readonly repetitions: number;
  readonly samples: number;
  readonly families: number;
}

const BIN = 10;
/** Bins in which the largest response is looked for, and bins of a response: eleven, as the original takes. */
const [FIRST, LAST] = [7, 21];
const RESPONSE_BINS = 11;

/** The texture properties of a recorded neuron, and the bin in which its response begins (Marques2020). */
export function recordedTextureProperties(spikes: Spikes): {
  readonly latency: number;
  readonly values: number[];
} {
  const { samples, families, repetitions } = spikes;
  const bins = spikes.milliseconds / BIN;
  const counts = binCounts(spikes);
  const rows = repetitions * samples * 2 * families;
  const rate = counts.map((count) => (count / BIN) * 1000);
  const course = Float64Array.from({ length: bins }, (_, bin) =>
    mean(rate.subarray(bin * rows, (bin + 1) * rows)),
  );
  const baseline = course.reduce((least, value) => Math.min(least, value), Infinity);
  const latency = latencyOf(familyCourses(rate, spikes, bins), bins);
  const window = Math.min(RESPONSE_BINS, bins - latency);
  const over = (values: Float64Array, row: number) => {
    let sum = 0;
    for (let bin = latency; bin < latency + window; bin++) sum += values[bin * rows + row];
    return sum / window;
  };
  const place = (type: number, family: number, sample: number, repetition: number) =>
    ((repetition * samples + sample) * 2 + type) * families + family;
  const perRepetition = (type: number, transform: (row: number) => number) =>
    Float64Array.from({ length: families * samples }, (_, i) => {
      const [family, sample] = [Math.floor(i / samples), i % samples];
      let sum = 0;
      for (let repetition = 0; repetition < repetitions; repetition++)
        sum += transform(place(type, family, sample, repetition));
      return sum / repetitions;
    });
  const driven = (type: number) =>
    perRepetition(type, (row) => over(rate, row)).map((value) => Math.max(0, value - baseline));
  const stabilised = perRepetition(1, (row) => {
    const count = over(counts, row) * 10;
    return Math.sqrt(count) + Math.sqrt(count + 1);
  });
  const responses = { noise: driven(0), texture: driven(1), samples };
  return { latency, values: textureProperties(responses, stabilised) };
}

/** Spikes in each bin of 10 ms, bin × the axes after the time. */
function binCounts({ data, milliseconds }: Spikes): Float64Array {
  const rows = data.length / milliseconds;
  const counts = new Float64Array((milliseconds / BIN) * rows);
  for (let ms = 0; ms < milliseconds; ms++) {
    const first = Math.floor(ms / BIN) * rows;
    for (let row = 0; row < rows; row++) counts[first + row] += data[ms * rows + row];
  }
  return counts;
}

/** Mean over repetitions and samples, bin × type × family. */
function familyCourses(
  rate: Float64Array,
  { repetitions, samples, families }: Spikes,
  bins: number,
): Float64Array {
  const shown = repetitions * samples;
  const kinds = 2 * families;
  const courses = new Float64Array(bins * kinds);
  for (let bin = 0; bin < bins; bin++)
    for (let each = 0; each < shown; each++)
      for (let kind = 0; kind < kinds; kind++)
        courses[bin * kinds + kind] += rate[(bin * shown + each) * kinds + kind] / shown;
  return courses;
}

/** The first bin of a response: after the last one below 15 % of the rise to the largest family response. */
function latencyOf(courses: Float64Array, bins: number): number {
  const kinds = courses.length / bins;
  let best = FIRST * kinds;
  for (let i = FIRST * kinds; i < (LAST + 1) * kinds; i++) if (courses[i] > courses[best]) best = i;
  const peak = Math.floor(best / kinds);
  const curve = Array.from({ length: bins }, (_, bin) => courses[bin * kinds + (best % kinds)]);
  const highest = Math.max(...curve);
  let quiet = Math.max(2, peak - 10);
  for (let bin = quiet; bin < peak; bin++) if (curve[bin] < curve[quiet]) quiet = bin;
  const level = curve[quiet] + 0.15 * (highest - curve[quiet]);
  let last = quiet;
  for (let bin = quiet; bin <= peak; bin++) if (curve[bin] <= level) last = bin;
  // The original counts from the quietest bin on.
  return quiet + 1 + (last - quiet);
}

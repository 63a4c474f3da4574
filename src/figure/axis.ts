import { textWidth } from './text-width.js';

/** An axis with round ticks. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Whether equal steps are equal factors. */
  readonly log?: boolean;
}

/** The axis of values and their intervals: from 0, or below; to 1, the ceiling, where they come near it. */
export function valueAxis(values: readonly number[], most: number): Axis {
  const high = Math.max(0, ...values);
  return roundAxis(Math.min(0, ...values), high >= 0.5 && high < 1 ? 1 : high, most);
}

/** An axis over an extent whose ends are round, with at most some `most` intervals. */
export function roundAxis(low: number, high: number, most: number): Axis {
  // A smaller extent is rounding.
  if (!(high - low > 1e-12 * Math.max(1, Math.abs(low), Math.abs(high)))) {
    const half = Math.max(0.5, Math.abs(low) / 2);
    return { low: low - half, high: low + half, ticks: [low] };
  }
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return { low: ticks[0], high: ticks[ticks.length - 1], ticks };
}

/** An axis that ends where the data end, its ticks among whole numbers. */
export function axisWithin(low: number, high: number, most: number): Axis {
  const { ticks, ...round } = roundAxis(low, high, Math.min(most, high - low));
  if (!(high > low)) return { ...round, ticks };
  return { low, high, ticks: ticks.filter((tick) => tick >= low && tick <= high) };
}

/** A logarithmic axis of positive values: ticks at powers of ten, or at 1, 2 and 5 of each where there are few. */
export function logAxis(low: number, high: number, most: number): Axis {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Math.max(1, last - first);
  const factors = decades <= 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / Math.max(1, most)));
  const ticks = Array.from({ length: decades + 1 }, (_, i) => first + i)
    .filter((_, i) => i % every === 0)
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(12))));
  const end = 10 ** (first + decades);
  return { low: 10 ** first, high: end, ticks: ticks.filter((tick) => tick <= end), log: true };
}

/** The same number of decimals at every tick; those of very large and very small numbers as powers of ten. */
export function tickTexts({ ticks, log }: Axis): string[] {
  const written = (text: string) => text.replaceAll('-', '−').replace('e+', 'e');
  if (log) return ticks.map((tick) => written(String(tick)));
  if (ticks.some((tick) => Math.abs(tick) >= 1e6 || (tick !== 0 && Math.abs(tick) < 1e-5)))
    return ticks.map((tick) => written(tick === 0 ? '0' : tick.toExponential(2)));
  const decimals = Math.max(...ticks.map((tick) => (String(tick).split('.')[1] ?? '').length), 0);
  return ticks.map((tick) => written(tick.toFixed(Math.min(decimals, 6))));
}

/** Where a value is between two places. */
export const placeOn = ({ low, high, log }: Axis, from: number, to: number) => {
  const at = log ? Math.log10 : (value: number) => value;
  return (value: number): number =>
    from + ((at(value) - at(low)) / (at(high) - at(low))) * (to - from);
};

/** The ticks of a horizontal axis that have room for their text, and where they are; the others have none. */
export function spacedTicks(
  axis: Axis,
  x: (value: number) => number,
  { left, right, size }: { readonly left: number; readonly right: number; readonly size: number },
): { readonly at: number; readonly middle: number; readonly text: string }[] {
  const texts = tickTexts(axis);
  let free = left;
  return axis.ticks.flatMap((tick, i) => {
    const half = textWidth(texts[i], size) / 2;
    const at = x(tick);
    // Within the frame, beside its tick if need be.
    const middle = Math.min(Math.max(at, left + half), right - half);
    if (middle - half < free - 1e-6 || 2 * half > right - left) return [];
    free = middle + half + 3;
    return [{ at, middle, text: texts[i] }];
  });
}

/** An axis with round ticks. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
}

/** The axis of values and their intervals: from 0, or below; to 1, the ceiling, where they come near it. */
export function valueAxis(values: readonly number[], most: number): Axis {
  const high = Math.max(0, ...values);
  return roundAxis(Math.min(0, ...values), high >= 0.5 && high < 1 ? 1 : high, most);
}

/** An axis over an extent whose ends are round, with at most some `most` intervals. */
export function roundAxis(low: number, high: number, most: number): Axis {
  if (!(high > low)) return { low: low - 0.5, high: low + 0.5, ticks: [low] };
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

/** The same number of decimals at every tick. */
export function tickTexts({ ticks }: Axis): string[] {
  const decimals = Math.max(...ticks.map((tick) => (String(tick).split('.')[1] ?? '').length), 0);
  return ticks.map((tick) => tick.toFixed(Math.min(decimals, 6)).replace('-', '−'));
}

/** Where a value is between two places. */
export const placeOn =
  ({ low, high }: Axis, from: number, to: number) =>
  (value: number): number =>
    from + ((value - low) / (high - low)) * (to - from);

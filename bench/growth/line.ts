/** How something grows along one axis. */
export interface Growth {
  /** What grows: `models a board`. */
  readonly axis: string;
  /** What was measured at each size, and in which unit. */
  readonly measured: string;
  readonly unit: 's' | 'ms' | 'MiB';
  readonly points: readonly GrowthPoint[];
  /** Of the power law fitted to all points, and to the last two of them. */
  readonly exponent: { readonly all: number; readonly last: number };
}

export interface GrowthPoint {
  readonly size: number;
  readonly value: number;
}

/** A line with the power laws of its points, least size first. */
export function growthOf(
  axis: string,
  measured: string,
  unit: Growth['unit'],
  points: readonly GrowthPoint[],
): Growth {
  const pairs = points.map(({ size, value }) => [size, value] as const);
  return {
    ...{ axis, measured, unit, points },
    exponent: { all: exponent(pairs), last: exponent(pairs.slice(-2)) },
  };
}

/** Slope of the least-squares line through the logarithms. */
export function exponent(points: readonly (readonly [number, number])[]): number {
  const x = points.map(([size]) => Math.log(size));
  const y = points.map(([, value]) => Math.log(value));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const sum = (f: (i: number) => number) => x.reduce((total, _, i) => total + f(i), 0);
  return sum((i) => (x[i] - mx) * (y[i] - my)) / sum((i) => (x[i] - mx) ** 2);
}

/** Milliseconds that something takes; the least of several, since other work on the machine only adds to it. */
export async function least(times: number, work: () => Promise<unknown>): Promise<number> {
  let found = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await work();
    found = Math.min(found, performance.now() - started);
  }
  return found;
}

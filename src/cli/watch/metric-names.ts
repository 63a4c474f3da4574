import { findBenchmark } from '../../scoring/registry/registry.js';
import type { WatchedResult, WatchedRow } from './watch-state.js';

/** What a benchmark is called in the names of metrics, by its id. */
export type MetricPrefixes = (benchmark: string) => string;

/** The region of a benchmark where no other one of the watch has it, else its identifier. */
export function metricPrefixes(benchmarks: readonly string[]): MetricPrefixes {
  const known = benchmarks.flatMap((name) => {
    try {
      return findBenchmark(name).map(({ id, region }) => ({ id, region: region ?? null }));
    } catch {
      // One that a service alone knows.
      return [{ id: name, region: null }];
    }
  });
  const alone = (region: string) => known.filter((each) => each.region === region).length === 1;
  const names = new Map(
    known.flatMap(({ id, region }) => (region && alone(region) ? [[id, region] as const] : [])),
  );
  return (benchmark) => names.get(benchmark) ?? benchmark;
}

/** A metric of a result under its name, such as `V4/value`, and `V4/map/value` of the layer that the map chose. */
export type Metric = readonly [name: string, value: number | string];

/** The numbers of a result, and the layers that they are of. */
export function metricsOf({ rows }: WatchedResult, prefix: MetricPrefixes): Metric[] {
  return rows.flatMap((row) => {
    const name = `${prefix(row.benchmark)}/${row.map === 'chosen' ? 'map/' : ''}`;
    return valuesOf(row).map(([key, value]) => [`${name}${key}`, value] as const);
  });
}

function valuesOf({ value, ci, raw, ceiling, layer }: WatchedRow): Metric[] {
  const numbers = { value, ci_low: ci?.[0], ci_high: ci?.[1], raw, ceiling };
  const finite = Object.entries(numbers).filter(
    (each): each is [string, number] => typeof each[1] === 'number' && Number.isFinite(each[1]),
  );
  return [...finite, ['layer', layer]];
}

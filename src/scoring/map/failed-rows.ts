import { whyNoValue } from '../measure/score.js';
import type { LayerMap } from './layer-map-types.js';

/** Layers of a map that have no value on a benchmark. */
export interface FailedRows {
  readonly benchmark: string;
  /** Layers of the map. */
  readonly of: number;
  readonly failed: readonly { readonly layer: string; readonly reason: string }[];
}

/** What a metric says of a layer with fewer units than it needs. */
const NARROW = /^\d+ units? < /;

/**
 * For each benchmark of a map the layers without a value, and why; benchmarks on which every layer has one are
 * left out.
 * @param named whether somebody named the candidates. Of a graph's own candidates those that are too narrow for
 * the metric are no failures: nobody asked for them
 */
export function failedRows(
  { benchmarks, layers }: Pick<LayerMap, 'benchmarks' | 'layers'>,
  named: boolean,
): FailedRows[] {
  return benchmarks.flatMap((benchmark) => {
    const failed = layers.flatMap(({ layer, cells }) => {
      const reason = reasonOf(cells[benchmark]);
      return reason === undefined || (!named && NARROW.test(reason)) ? [] : [{ layer, reason }];
    });
    return failed.length > 0 ? [{ benchmark, of: layers.length, failed }] : [];
  });
}

function reasonOf(cell: LayerMap['layers'][number]['cells'][string] | undefined) {
  if (cell === undefined) return 'it was not scored';
  if ('reason' in cell) return cell.reason;
  if (cell.value !== null) return undefined;
  return whyNoValue(cell);
}

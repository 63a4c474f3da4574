import type { MappedLayers } from '../map/layer-map.js';
import type { LayerRow } from '../map/layer-map-types.js';
import { simultaneousDifferences, type TieCandidate } from '../map/ties.js';
import type { MapDivergence } from './comparison-types.js';

/** Share of the smaller map's layers that both must name for names to match them. */
const SHARED = 0.5;

/**
 * Two maps, layer by layer, on one benchmark: the difference of the cells (second − first) over the same
 * resamples, with 95 % intervals that hold for all layers together. Layers are matched by name where the
 * maps share at least half of the smaller one's names; else each layer of the first with the one of
 * the second that is nearest in relative depth. Pairs without two values are left out.
 */
export function mapsApart(
  from: MappedLayers,
  to: MappedLayers,
  benchmark: string,
): Pick<MapDivergence, 'by' | 'layers'> {
  const rows = [from, to].map(({ map }) => map.layers.filter(({ units }) => units !== null));
  const common = rows[0].filter(({ layer }) => rows[1].some((row) => row.layer === layer));
  const by = common.length >= SHARED * Math.min(rows[0].length, rows[1].length) ? 'name' : 'depth';
  const pairs =
    by === 'name'
      ? common.map(({ layer }) => [layer, layer] as const)
      : rows[0].map((row) => [row.layer, nearest(row, rows[0], rows[1])] as const);
  const differences = simultaneousDifferences(
    pairs.map(([layer, other]) => [cellOf(to, other, benchmark), cellOf(from, layer, benchmark)]),
  );
  const layers = differences.flatMap((each, i) => {
    if (!each) return [];
    const [layer, other] = pairs[i];
    const { difference, ci, beyond } = each;
    return [{ layer, other, difference, ci, diverges: beyond }];
  });
  return { by, layers };
}

function cellOf({ map, draws }: MappedLayers, layer: string, benchmark: string): TieCandidate {
  const cell = map.layers.find((row) => row.layer === layer)?.cells[benchmark];
  const value = cell === undefined || 'reason' in cell ? null : cell.value;
  return { layer, value, draws: draws.get(benchmark)?.get(layer) };
}

/** The layer at about the same part of the way through its network; the first of several. */
function nearest(row: LayerRow, own: readonly LayerRow[], others: readonly LayerRow[]): string {
  const place = relativeDepth(row, own);
  const away = others.map((other) => Math.abs(relativeDepth(other, others) - place));
  return others[away.indexOf(Math.min(...away))].layer;
}

function relativeDepth(row: LayerRow, rows: readonly LayerRow[]): number {
  const deepest = Math.max(...rows.map(({ depth }) => depth ?? 0));
  return deepest === 0 ? 0 : (row.depth ?? 0) / deepest;
}

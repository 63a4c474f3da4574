import { clears } from '../scoring/floor/floor.js';
import type { LayerMap, LayerRow } from '../scoring/map/layer-map-types.js';
import type { Score } from '../scoring/measure/score.js';
import { visibleName } from './visible-name.js';

/** A benchmark of a map, as every view of the map heads it. */
export interface MapColumn {
  readonly benchmark: string;
  /** The region, else the last part of the identifier; no two columns of a map have the same. */
  readonly title: string;
  readonly region: string | null;
  readonly simulated: boolean;
  /** Ends of the colour scale: 0 (or the lowest value if negative) and the highest value. */
  readonly domain: readonly [number, number];
}

/** A cell of a map: a score, or why there is none. */
export type MapCell = LayerRow['cells'][string];

/** Whether a layer was chosen for a benchmark, is tied with the chosen one, or neither. */
export type CellMark = 'chosen' | 'tied' | '';

/** True for a cell that holds a score. */
export const isScore = (cell: MapCell): cell is Score => !('reason' in cell);

/** All scores of a map. */
export const mapScores = ({ layers }: LayerMap): Score[] =>
  layers.flatMap(({ cells }) => Object.values(cells).filter(isScore));

/** The columns of a map, in its order. */
export function mapColumns(map: LayerMap): MapColumn[] {
  const seen = new Map<string, number>();
  return map.benchmarks.map((benchmark) => {
    const scores = map.layers.map(({ cells }) => cells[benchmark]).filter(isScore);
    const region = scores.length > 0 ? scores[0].region : regionIn(benchmark);
    const title = region ?? visibleName(benchmark.split('-').at(-1) ?? benchmark, 12);
    const count = (seen.get(title) ?? 0) + 1;
    seen.set(title, count);
    const values = scores.flatMap(({ value }) => (value === null ? [] : [value]));
    return {
      benchmark,
      title: count > 1 ? `${title} #${count}` : title,
      region,
      simulated: scores.length > 0 ? scores[0].simulated : benchmark.startsWith('Simulated'),
      domain: [Math.min(0, ...values), Math.max(0, ...values)],
    };
  });
}

// If every cell is refused, only the identifier gives the region.
const regionIn = (benchmark: string) => /\.(V1|V2|V4|IT)-/.exec(benchmark)?.[1] ?? null;

/** The part of a map that compares layers on principal components, as a map of its own; undefined without one. */
export function onComponents(map: LayerMap): LayerMap | undefined {
  const { components, holdout: _, nested: __, ...others } = map;
  if (!components) return undefined;
  const chosen = Object.entries(components.chosen).map(([id, best]) => [id, { ...best, tied: [] }]);
  return {
    ...others,
    layers: map.layers.map(({ components: cells = {}, floors: _, ...row }) => ({ ...row, cells })),
    chosen: Object.fromEntries(chosen),
  };
}

/** Mark of a layer in the choice for a benchmark. */
export function markOf(map: LayerMap, benchmark: string, layer: string): CellMark {
  const chosen = map.chosen[benchmark];
  if (chosen === undefined) return '';
  if (chosen.layer === layer) return 'chosen';
  return chosen.tied.includes(layer) ? 'tied' : '';
}

/** Whether a cell is no higher than permuted rows reach, by its raw value; false where no floor was asked for. */
export function insideFloor({ floors }: LayerRow, benchmark: string): boolean {
  const rows = floors?.[benchmark]?.rows;
  return rows !== undefined && !clears(rows.raw);
}

/** Why a cell has no number, from the metric that refused it or from the warnings of its score; '' if it has one. */
export function cellReason(cell: MapCell): string {
  if (!isScore(cell)) return cell.reason;
  if (cell.value !== null) return '';
  return cell.warnings.map(({ detail }) => detail).join('; ') || 'the value is not a finite number';
}

/** The score of the chosen layer of a benchmark, if there is one. */
export function chosenScore(map: LayerMap, benchmark: string): Score | undefined {
  const chosen = map.chosen[benchmark];
  const cell = map.layers.find(({ layer }) => layer === chosen?.layer)?.cells[benchmark];
  return cell !== undefined && isScore(cell) ? cell : undefined;
}

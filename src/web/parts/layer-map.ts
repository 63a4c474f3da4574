import type { Schemas } from '../client/client.js';

type LayerMap = Schemas['LayerMap'];
type LayerRow = LayerMap['layers'][number];

/** A layer map, or as much of one as is known while its job runs. */
export interface ShownMap {
  readonly name?: string;
  /** Identifiers, the columns. */
  readonly benchmarks: readonly string[];
  /** In the order of the network; a cell that is missing is yet to come. */
  readonly layers: readonly (Pick<LayerRow, 'layer'> & Partial<LayerRow>)[];
  readonly chosen?: LayerMap['chosen'];
  readonly components?: LayerMap['components'];
  readonly nested?: LayerMap['nested'];
}

/** The part of a map on principal components, as a map of its own; undefined where it has none. */
export function onComponents({
  layers,
  components,
  nested: _,
  ...map
}: ShownMap): ShownMap | undefined {
  if (!layers.some((row) => row.components)) return undefined;
  const chosen = Object.entries(components?.chosen ?? {}).map(([id, best]) => [
    id,
    { ...best, tied: [] },
  ]);
  return {
    ...map,
    layers: layers.map(({ components: cells, floors: _, ...row }) => ({
      ...row,
      ...(cells && { cells }),
    })),
    chosen: Object.fromEntries(chosen),
  };
}

/** A cell with its number, or the reason why there is none. */
export type ShownCell =
  | { readonly value: number; readonly score: Schemas['Score'] }
  | { readonly value: null; readonly reason: string };

/** A benchmark of a map. */
export interface MapColumn {
  readonly benchmark: string;
  /** The region, else what the identifier ends in; numbered where two columns would be called the same. */
  readonly title: string;
  readonly simulated: boolean;
  /** By layer. */
  readonly cells: ReadonlyMap<string, ShownCell>;
  readonly chosen: string | undefined;
  /** From 0 to 8 between 0 (or the lowest value below it) and the highest value. */
  readonly step: (value: number) => number;
  readonly markOf: (layer: string) => 'chosen' | 'tied' | '';
  /** Floors of permuted rows by layer, where they were asked for. */
  readonly floors: ReadonlyMap<string, Schemas['Floor']>;
}

/** The cells that have a score. */
export const scoresIn = (cells: NonNullable<ShownMap['layers'][number]['cells']> = {}) =>
  Object.values(cells).flatMap((cell) => ('benchmark' in cell ? [cell] : []));

/** The scores of all layers of a map. */
export const mapScores = ({ layers }: ShownMap): Schemas['Score'][] =>
  layers.flatMap(({ cells }) => scoresIn(cells));

/** The columns of a map, in its order. */
export function mapColumns(map: ShownMap): MapColumn[] {
  const seen = new Map<string, number>();
  return map.benchmarks.map((benchmark) => {
    const scores = map.layers.flatMap(({ cells }) => {
      const cell = cells?.[benchmark];
      return cell && 'benchmark' in cell ? [cell] : [];
    });
    const region = scores[0]?.region ?? /\.(V1|V2|V4|IT)-/.exec(benchmark)?.[1];
    const title = region ?? benchmark.split('-').at(-1) ?? benchmark;
    const count = (seen.get(title) ?? 0) + 1;
    seen.set(title, count);
    const chosen = map.chosen?.[benchmark];
    return {
      benchmark,
      title: count > 1 ? `${title} #${count}` : title,
      simulated: scores[0]?.simulated ?? benchmark.startsWith('Simulated'),
      cells: new Map(
        map.layers.flatMap(({ layer, cells }) => {
          const cell = cells?.[benchmark];
          return cell ? [[layer, shownCell(cell)] as const] : [];
        }),
      ),
      chosen: chosen?.layer,
      step: stepsOver(scores.flatMap(({ value }) => value ?? [])),
      floors: new Map(
        map.layers.flatMap(({ layer, floors }) => {
          const floor = floors?.[benchmark]?.rows;
          return floor ? [[layer, floor] as const] : [];
        }),
      ),
      markOf: (layer) =>
        chosen?.layer === layer ? 'chosen' : chosen?.tied.includes(layer) ? 'tied' : '',
    };
  });
}

function shownCell(cell: Schemas['Cell']): ShownCell {
  if (!('benchmark' in cell)) return { value: null, reason: cell.reason };
  if (cell.value !== null) return { value: cell.value, score: cell };
  const reason = cell.warnings.map(({ detail }) => detail).join('; ');
  return { value: null, reason: reason || 'the value is not a finite number' };
}

function stepsOver(values: readonly number[]): (value: number) => number {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return (value) => (high > low ? Math.min(8, Math.floor((9 * (value - low)) / (high - low))) : 0);
}

import {
  benchmarksInName,
  type Figure,
  type FigureRow,
  fileNameOf,
  type LegendEntry,
  type RowsPanel,
} from './figure.js';

/** A score as a figure needs it; those of the command line and of HTTP are such. */
export interface ScoreToDraw {
  readonly region: string | null;
  readonly simulated: boolean;
  readonly value: number | null;
  readonly ci: readonly number[] | null;
  readonly formula: string;
  readonly raw: { readonly value: number | null };
  readonly ceiling: { readonly value: number | null } | null;
  readonly warnings: readonly { readonly detail: string }[];
}

export type CellToDraw = ScoreToDraw | { readonly reason: string };

/** The floor of permuted rows as a figure needs it. */
interface FloorToDraw {
  readonly rows?: {
    readonly value: { readonly floor: number | null };
    readonly raw: { readonly above: number | null };
  };
}

/** A layer map as a figure needs it; of one that is still made, cells are missing. */
export interface MapToDraw {
  readonly name: string;
  readonly benchmarks: readonly string[];
  readonly layers: readonly {
    readonly layer: string;
    readonly cells?: Readonly<Record<string, CellToDraw | undefined>>;
    /** What permuted rows reach, by benchmark; an estimate whose raw value is not above its own floor is inside. */
    readonly floors?: Readonly<Record<string, FloorToDraw | undefined>>;
  }[];
  readonly chosen?: Readonly<
    Record<string, { readonly layer: string; readonly tied: readonly string[] } | undefined>
  >;
}

/** The benchmarks of a map, each with its layers as rows. */
export function mapPanels(map: MapToDraw): RowsPanel[] {
  const titles = titlesOf(map);
  return map.benchmarks.map((benchmark, i) => panelOf(map, benchmark, titles[i]));
}

/** What a figure of a map is called as a file. */
export const mapFileName = (kind: string, map: MapToDraw): string =>
  fileNameOf(kind, map.name, benchmarksInName(map.benchmarks, titlesOf(map)));

/** Every layer against every benchmark: a row a layer, a panel a benchmark. */
export function mapFigure(map: MapToDraw): Figure {
  const panels = mapPanels(map);
  const marks = new Set(panels.flatMap(({ rows }) => rows.map(({ mark }) => mark)));
  return {
    title: `Layer map of ${map.name}`,
    fileName: mapFileName('layer-map', map),
    panels,
    sharedRows: true,
    legend: [
      { sign: 'value', text: 'value, 95 % interval' },
      ...(marks.has('chosen') ? ([{ sign: 'chosen', text: 'chosen' }] as const) : []),
      ...(marks.has('tied') ? ([{ sign: 'tied', text: 'tied with it' }] as const) : []),
      ...floorSign(panels, 'floor', 'a grey value'),
      ...signsOf(panels),
    ],
    notes: mapNotes(map),
    table: mapTable(map),
  };
}

/** The sign of floors, where some were asked for. */
export const floorSign = (
  panels: readonly RowsPanel[],
  sign: 'floor' | 'floor-line',
  inside: string,
): LegendEntry[] =>
  panels.some(({ rows }) => rows.some(({ floor }) => floor))
    ? [{ sign, text: `floor: permuted stimuli; ${inside} is inside it` }]
    : [];

/** What is said below every figure of a map. */
export const mapNotes = (map: MapToDraw): string[] => [
  'Layers in the order in which the network computes them. A chosen value is a selection: it was chosen by this score.',
  ...missingNotes(
    map.layers.flatMap(({ cells }) => map.benchmarks.map((id) => reasonOf(cells?.[id]))),
  ),
];

/** The signs that only some figures need: a missing value, and the ceiling where an axis reaches it. */
export function signsOf(
  panels: readonly (Pick<RowsPanel, 'ceilings'> & {
    readonly rows: readonly Pick<FigureRow, 'value' | 'ci'>[];
  })[],
): LegendEntry[] {
  const missing = panels.some(({ rows }) => rows.some(({ value }) => value === null));
  const reached = panels.some(
    ({ ceilings, rows }) =>
      ceilings?.length && rows.some(({ value, ci }) => Math.max(value ?? 0, ci?.[1] ?? 0) >= 0.5),
  );
  return [
    ...(missing ? [{ sign: 'missing', text: 'no value' } as const] : []),
    ...(reached ? [{ sign: 'ceiling', text: 'ceiling' } as const] : []),
  ];
}

/** Why values are missing, each reason once, with how many it keeps away. */
export function missingNotes(reasons: readonly (string | undefined)[]): string[] {
  const counts = new Map<string, number>();
  for (const reason of reasons)
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `no value (${count}): ${reason}`);
}

const isScore = (cell: CellToDraw): cell is ScoreToDraw => !('reason' in cell);

function reasonOf(cell: CellToDraw | undefined): string | undefined {
  if (cell === undefined) return 'not computed yet';
  if (!isScore(cell)) return cell.reason;
  if (cell.value !== null) return undefined;
  return cell.warnings.map(({ detail }) => detail).join('; ') || 'not a finite number';
}

/** The regions; numbered where two are the same. */
function titlesOf(map: MapToDraw): string[] {
  const seen = new Map<string, number>();
  return map.benchmarks.map((benchmark) => {
    const region = scoresOf(map, benchmark)[0]?.region ?? shortTitle(benchmark);
    const count = (seen.get(region) ?? 0) + 1;
    seen.set(region, count);
    return count > 1 ? `${region} #${count}` : region;
  });
}

/** What a benchmark is called where no score tells its region. */
export const shortTitle = (benchmark: string): string =>
  /\.(V1|V2|V4|IT)-/.exec(benchmark)?.[1] ?? benchmark.split('-').at(-1) ?? benchmark;

const scoresOf = (map: MapToDraw, benchmark: string): ScoreToDraw[] =>
  map.layers.flatMap(({ cells }) => {
    const cell = cells?.[benchmark];
    return cell && isScore(cell) ? [cell] : [];
  });

function panelOf(map: MapToDraw, benchmark: string, title: string): RowsPanel {
  const scores = scoresOf(map, benchmark);
  const chosen = map.chosen?.[benchmark];
  return {
    ...{ kind: 'rows', title, about: benchmark },
    simulated: scores[0]?.simulated ?? benchmark.startsWith('Simulated'),
    ceilings: [...new Set(scores.flatMap(({ ceiling }) => ceiling?.value ?? []))],
    valueTitle: scores[0] ? valueTitleOf(scores[0].formula) : 'score',
    rows: map.layers.map(({ layer, cells, floors }): FigureRow => {
      const cell = cells?.[benchmark];
      const score = cell && isScore(cell) ? cell : undefined;
      const mark = chosen?.layer === layer ? 'chosen' : chosen?.tied.includes(layer) ? 'tied' : '';
      const own = floors?.[benchmark]?.rows;
      return {
        ...{ label: layer, value: score?.value ?? null, ci: endsOf(score?.ci), mark },
        ...(own && { floor: { value: own.value.floor, inside: !((own.raw.above ?? 0) > 0) } }),
      };
    }),
  };
}

/** `raw^2/ceiling` as a person writes it. */
export const valueTitleOf = (formula: string): string =>
  `score (${formula.replaceAll('^2', '²').replaceAll('/', ' / ')})`;

/** An interval of HTTP is a list of two. */
export const endsOf = (ci: readonly number[] | null | undefined): [number, number] | null =>
  ci ? [ci[0], ci[1]] : null;

/** The values of a map, a line a benchmark and layer. */
export function mapTable(map: MapToDraw): Figure['table'] {
  const head = ['benchmark', 'layer', 'value', 'ci_low', 'ci_high', 'raw', 'ceiling'];
  const floored = map.layers.some(({ floors }) => floors);
  return [
    [...head, 'simulated', 'chosen', 'reason', ...(floored ? ['floor'] : [])],
    ...map.benchmarks.flatMap((benchmark) =>
      map.layers.map(({ layer, cells, floors }) => {
        const cell = cells?.[benchmark];
        const score = cell && isScore(cell) ? cell : undefined;
        return [
          ...[benchmark, layer, score?.value ?? null, score?.ci?.[0] ?? null],
          ...[score?.ci?.[1] ?? null, score?.raw.value ?? null, score?.ceiling?.value ?? null],
          ...[String(score?.simulated ?? ''), String(map.chosen?.[benchmark]?.layer === layer)],
          reasonOf(cell) ?? null,
          ...(floored ? [floors?.[benchmark]?.rows?.value.floor ?? null] : []),
        ];
      }),
    ),
  ];
}

import type { Figure, LegendEntry, RowsPanel } from './figure.js';
import {
  floorSign,
  type MapToDraw,
  mapFileName,
  mapNotes,
  mapPanels,
  mapTable,
  signsOf,
} from './map-figure.js';
import { seriesStyles } from './symbols.js';

/** Curves of more benchmarks are not told apart in one panel. */
const MOST = seriesStyles.length;

/** How values go through a network: a curve a benchmark over the layers; real and simulated ones apart. */
export function profileFigure(map: MapToDraw): Figure {
  const benchmarks = mapPanels(map).map((panel, i) => ({ ...panel, series: i % MOST }));
  const worlds = [false, true].flatMap((simulated) => {
    const same = benchmarks.filter((panel) => panel.simulated === simulated);
    const count = Math.ceil(same.length / MOST);
    return Array.from({ length: count }, (_, i) => same.slice(i * MOST, (i + 1) * MOST));
  });
  const marks = new Set(benchmarks.flatMap(({ rows }) => rows.map(({ mark }) => mark)));
  return {
    title: `Values over the layers of ${map.name}`,
    fileName: mapFileName('depth-profile', map),
    panels: worlds.map((group) => ({
      ...{ kind: 'profile', about: '', ceilings: null, simulated: group[0].simulated },
      title: worlds.length > 1 ? (group[0].simulated ? 'Simulated' : 'Recorded') : '',
      valueTitle: [...new Set(group.map(({ valueTitle }) => valueTitle))].join(' or '),
      xTitle: 'layer, in network order',
      layers: map.layers.map(({ layer }) => layer),
      curves: group.map(({ title, series, rows }) => ({ name: title, series, points: rows })),
    })),
    sharedRows: false,
    legend: [
      ...benchmarks.map((panel): LegendEntry => {
        const line = panel.series % 2 === 0 ? 'solid' : 'dashed';
        return { sign: { series: panel.series, line }, text: legendText(panel) };
      }),
      ...(marks.has('chosen') ? ([{ sign: 'chosen-ring', text: 'chosen' }] as const) : []),
      ...(marks.has('tied') ? ([{ sign: 'tied-ring', text: 'tied with it' }] as const) : []),
      ...floorSign(benchmarks, 'floor-line', 'an open symbol'),
      ...signsOf(benchmarks).filter(({ sign }) => sign === 'missing'),
    ],
    notes: ['Bands are 95 % intervals.', ...mapNotes(map)],
    table: mapTable(map),
  };
}

const legendText = ({ about, ceilings }: RowsPanel): string =>
  ceilings?.length
    ? `${about}, ceiling ${Math.min(...ceilings).toFixed(3)}`
    : `${about}, no ceiling`;

/** Every layer against every benchmark as colours, each benchmark on a scale of its own. */
export function heatFigure(map: MapToDraw): Figure {
  const benchmarks = mapPanels(map);
  const marks = new Set(benchmarks.flatMap(({ rows }) => rows.map(({ mark }) => mark)));
  return {
    title: `Layer map of ${map.name}`,
    fileName: mapFileName('heat-map', map),
    panels: [
      {
        ...{ kind: 'heat', title: '', about: '', ceilings: null, valueTitle: 'score' },
        simulated: benchmarks.some(({ simulated }) => simulated),
        rows: map.layers.map(({ layer }) => layer),
        columns: benchmarks.map(({ about, simulated, rows }) => ({
          ...{ name: about, simulated },
          cells: rows.map(({ value, mark }) => ({ value, ...(mark ? { mark } : {}) })),
        })),
      },
    ],
    sharedRows: false,
    legend: [
      { sign: 'heat', text: 'from 0 (or the lowest value below) to the highest of a column' },
      ...(marks.has('chosen') ? ([{ sign: 'chosen-cell', text: 'chosen' }] as const) : []),
      ...(marks.has('tied') ? ([{ sign: 'tied-cell', text: 'tied with it' }] as const) : []),
      ...signsOf(benchmarks).filter(({ sign }) => sign === 'missing'),
    ],
    notes: mapNotes(map),
    table: mapTable(map),
  };
}

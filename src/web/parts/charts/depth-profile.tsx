import type { PlotOptions } from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { type BenchmarkPages, originOf } from '../benchmark-pages.js';
import { interval, value } from '../format.js';
import { mapColumns, type ShownMap } from '../layer-map.js';
import { OriginChip } from '../provenance.js';
import { Scroll } from '../scroll.js';
import { Chart, type Plot } from './chart.js';

interface Point {
  readonly place: number;
  readonly layer: string;
  readonly column: string;
  readonly value: number;
  readonly ci: readonly number[] | null;
  readonly mark: string;
  /** What permuted stimuli reach, where that was asked for. */
  readonly floor: number | null;
}

/**
 * How the values of a layer map go through the network, a band of 95 % around them, one panel a benchmark; a
 * dashed line is what permuted stimuli reach, where that was asked for.
 * @param map as for the heatmap
 * @param pages as for the heatmap
 */
export function DepthProfile({
  map,
  pages,
}: {
  readonly map: ShownMap;
  readonly pages: BenchmarkPages | undefined;
}) {
  const points = useMemo(() => pointsOf(map), [map]);
  const options = useMemo(() => (plot: Plot) => drawing(plot, points), [points]);
  if (points.length === 0) return null;
  const origins = new Map(mapColumns(map).map((each) => [each.title, originOf(each, pages)]));
  const floored = points.some(({ floor }) => floor !== null);
  return (
    <Chart title="Depth profile" options={options}>
      <Scroll label="Values by layer">
        <table>
          <thead>
            <tr>
              <th scope="col">Benchmark</th>
              <th scope="col" class="number">
                Position
              </th>
              <th scope="col">Layer</th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col">95 % interval</th>
              {floored && (
                <th scope="col" class="number">
                  Floor
                </th>
              )}
              <th scope="col">Mark</th>
            </tr>
          </thead>
          <tbody>
            {points.map((point) => (
              <tr key={`${point.column} ${point.place}`}>
                <td>
                  {point.column}
                  <OriginChip origin={origins.get(point.column)} />
                </td>
                <td class="number">{point.place}</td>
                <td>
                  <bdi>{point.layer}</bdi>
                </td>
                <td class="number">{value(point.value)}</td>
                <td>{interval(point.ci)}</td>
                {floored && <td class="number">{value(point.floor)}</td>}
                <td>{point.mark}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Chart>
  );
}

const pointsOf = (map: ShownMap): Point[] =>
  mapColumns(map).flatMap(({ title, cells, markOf, floors }) =>
    map.layers.flatMap(({ layer }, i) => {
      const cell = cells.get(layer);
      if (!cell || cell.value === null) return [];
      const { ci } = cell.score;
      const floor = floors.get(layer)?.value.floor ?? null;
      const mark = markOf(layer);
      return [{ place: i + 1, layer, column: title, value: cell.value, ci, mark, floor }];
    }),
  );

function drawing(plot: Plot, points: readonly Point[]): PlotOptions {
  const panels = [...new Set(points.map(({ column }) => column))];
  const place = { x: 'place', fy: 'column' } as const;
  const title = ({ layer, value: score, ci }: Point) => `${layer}: ${value(score)} ${interval(ci)}`;
  return {
    height: 60 + 110 * panels.length,
    marginLeft: 45,
    marginRight: 50,
    grid: true,
    x: { label: 'layer, in network order', tickFormat: 'd' },
    y: { label: 'value', ticks: 4, nice: true },
    fy: { domain: panels, label: null },
    marks: [
      plot.frame({ strokeOpacity: 0.3 }),
      plot.areaY(
        points.filter(({ ci }) => ci),
        { ...place, y1: ({ ci }) => ci[0], y2: ({ ci }) => ci[1], fill: BLUE, fillOpacity: 0.25 },
      ),
      plot.lineY(points, { ...place, y: 'value', stroke: BLUE }),
      plot.lineY(
        points.filter(({ floor }) => floor !== null),
        { ...place, y: 'floor', stroke: 'currentColor', strokeDasharray: '4 3' },
      ),
      plot.dot(points, { ...place, y: 'value', r: 2, fill: BLUE, title }),
      plot.dot(
        points.filter(({ mark }) => mark === 'tied'),
        { ...place, y: 'value', r: 4, stroke: 'currentColor', title },
      ),
      plot.dot(
        points.filter(({ mark }) => mark === 'chosen'),
        { ...place, y: 'value', r: 6, symbol: 'diamond', fill: 'currentColor', title },
      ),
    ],
  };
}

/** The middle of the heat scale, which stands out in both themes. */
const BLUE = '#4292c6';

import { useMemo } from 'preact/hooks';
import { profileFigure } from '../../../figure/map-views.js';
import { type BenchmarkPages, originOf } from '../benchmark-pages.js';
import { interval, value } from '../format.js';
import { mapColumns, type ShownMap } from '../layer-map.js';
import { OriginChip } from '../provenance.js';
import { Scroll } from '../scroll.js';
import { Chart } from './chart.js';

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
 * How the values of a layer map go through the network, a band of 95 % around them, a curve a benchmark.
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
  const figure = useMemo(() => profileFigure({ ...map, name: map.name ?? 'a network' }), [map]);
  if (points.length === 0) return null;
  const origins = new Map(mapColumns(map).map((each) => [each.title, originOf(each, pages)]));
  const floored = points.some(({ floor }) => floor !== null);
  return (
    <Chart title="Depth profile" figure={figure}>
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

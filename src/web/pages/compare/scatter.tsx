import type { PlotOptions } from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { withWeights } from '../../../figure/provenance.js';
import { type Column, type Item, titleOf } from '../../parts/board-column.js';
import { Chart, type Plot } from '../../parts/charts/chart.js';
import { seriesStyles, shortened } from '../../parts/charts/series.js';
import { interval, value } from '../../parts/format.js';
import { OriginChip, WeightsChip } from '../../parts/provenance.js';
import type { ChangeQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { type ComparedBoard, type Estimate, estimateOf } from './board.js';

interface ScatterProps {
  readonly board: ComparedBoard;
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** A model with a value on both axes. */
interface Point {
  readonly id: string;
  readonly name: string;
  readonly weights: Item['weights'];
  readonly x: Estimate & { readonly value: number };
  readonly y: Estimate & { readonly value: number };
  /** Which of those chosen it is; −1 for the others. */
  readonly place: number;
}

/** How two benchmarks go together, over all models that the reader sees; those chosen have their names. */
export function Scatter({ board, query, change }: ScatterProps) {
  const { columns } = board;
  const filled = columns.filter((column) =>
    board.everybody.some((item) => estimateOf(item, column)?.value != null),
  );
  const leaves = filled.filter(({ kind }) => kind === 'benchmark');
  const chosenColumn = (name: 'x' | 'y', standard: Column | undefined) =>
    filled.find(({ id }) => id === query.get(name)) ?? standard ?? filled[0];
  const x = chosenColumn('x', leaves[0]);
  const y = chosenColumn('y', leaves[1]);
  const points = useMemo(() => pointsOf(board, x, y), [board, x?.id, y?.id]);
  const drawing = useMemo(
    () => (plot: Plot) => scatter(plot, points, titleOf(x), titleOf(y)),
    [points],
  );
  if (filled.length < 2) return null;
  const axis = (name: 'x' | 'y', column: Column) => (
    <label>
      {name === 'x' ? 'X axis' : 'Y axis'}
      <select
        value={column.id}
        onChange={({ currentTarget }) => change({ [name]: currentTarget.value })}
      >
        {filled.map((each) => (
          <option key={each.id} value={each.id}>
            {titleOf(each)}
            {each.kind === 'benchmark' && each.origin !== 'real' && ` (${each.origin})`}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <section>
      <h2>Between two benchmarks</h2>
      <div class="controls">
        {axis('x', x)}
        {axis('y', y)}
      </div>
      <p class="quiet">
        {points.length} of {board.everybody.length} models have both. Averages here count a missing
        benchmark as 0, as the leaderboard does.
      </p>
      <Chart title="Scatter" options={drawing}>
        <Scroll label="Models on both benchmarks">
          <table>
            <thead>
              <tr>
                <th scope="col">Model</th>
                {[x, y].map((column, i) => (
                  <th scope="col" key={String(i)}>
                    <bdi>{titleOf(column)}</bdi>{' '}
                    {column.kind === 'benchmark' && <OriginChip origin={column.origin} />}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {points.map(({ id, name, weights, x, y }) => (
                <tr key={id}>
                  <th scope="row">
                    <bdi class="model-name">{name}</bdi>
                    <WeightsChip weights={weights} />
                  </th>
                  <td>
                    {value(x.value)} {interval(x.ci)}
                  </td>
                  <td>
                    {value(y.value)} {interval(y.ci)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </Chart>
    </section>
  );
}

function pointsOf({ everybody, chosen }: ComparedBoard, x: Column, y: Column): Point[] {
  if (!x || !y) return [];
  return everybody.flatMap((item): Point[] => {
    const [across, up] = [estimateOf(item, x), estimateOf(item, y)];
    if (across?.value == null || up?.value == null) return [];
    const place = chosen.findIndex(({ item: other }) => other?.model === item.model);
    const name = chosen[place]?.name ?? item.name;
    const [valueX, valueY] = [across.value, up.value];
    return [
      {
        ...{ id: item.model, name, weights: item.weights, place },
        ...{ x: { ...across, value: valueX }, y: { ...up, value: valueY } },
      },
    ];
  });
}

const labelOf = ({ name, weights }: Point) => withWeights(shortened(name, 32), weights);

function scatter(plot: Plot, points: readonly Point[], x: string, y: string): PlotOptions {
  const at = { x: (point: Point) => point.x.value, y: (point: Point) => point.y.value };
  const title = ({ name, weights, ...point }: Point) =>
    `${withWeights(name, weights)}\n${x}: ${value(point.x.value)} ${interval(point.x.ci)}\n${y}: ${value(point.y.value)} ${interval(point.y.ci)}`;
  const others = points.filter(({ place }) => place < 0);
  const chosen = points.filter(({ place }) => place >= 0);
  return {
    ...{ height: 460, marginLeft: 55, marginBottom: 45, marginRight: 90, grid: true },
    x: { label: x, nice: true },
    y: { label: y, nice: true },
    marks: [
      plot.frame({ stroke: 'currentColor', strokeOpacity: 0.2 }),
      plot.dot(others, { ...at, r: 3, fill: 'currentColor', fillOpacity: 0.45, title }),
      ...chosen.flatMap((point) => {
        const { colour, symbol } = seriesStyles[point.place];
        const one = [point];
        const lines = { stroke: colour, strokeWidth: 1.5 };
        return [
          ...(point.x.ci
            ? [plot.ruleY(one, { y: at.y, x1: point.x.ci[0], x2: point.x.ci[1], ...lines })]
            : []),
          ...(point.y.ci
            ? [plot.ruleX(one, { x: at.x, y1: point.y.ci[0], y2: point.y.ci[1], ...lines })]
            : []),
          plot.dot(one, { ...at, symbol, r: 6, fill: colour, title }),
          plot.text(one, {
            ...{ ...at, text: labelOf, dx: 9, dy: -9 },
            ...{ textAnchor: 'start', fill: 'currentColor', fontSize: 12 },
          } as const),
        ];
      }),
    ],
  };
}

import { useMemo } from 'preact/hooks';
import { type Column, titleOf } from '../../parts/board-column.js';
import { Chart } from '../../parts/charts/chart.js';
import { interval, value } from '../../parts/format.js';
import { OriginChip, WeightsChip } from '../../parts/provenance.js';
import type { ChangeQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { type ComparedBoard, estimateOf } from './board.js';
import { benchmarksFigure, type PlacedModel } from './figures.js';

interface ScatterProps {
  readonly board: ComparedBoard;
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** How two benchmarks go together, over all models that the reader sees; those chosen have their names. */
export function Scatter({ board, query, change }: ScatterProps) {
  const { columns } = board;
  const filled = columns.filter((column) =>
    board.everybody.some((item) => estimateOf(item, column)?.value != null),
  );
  const leaves = useMemo(() => standardAxes(board.everybody, filled), [board]);
  const chosenColumn = (name: 'x' | 'y', standard: Column | undefined) =>
    filled.find(({ id }) => id === query.get(name)) ?? standard ?? filled[0];
  const x = chosenColumn('x', leaves[0]);
  const y = chosenColumn('y', leaves[1]);
  const points = useMemo(() => pointsOf(board, x, y), [board, x?.id, y?.id]);
  const figure = useMemo(
    () => (x && y ? benchmarksFigure(points, [x, y], board) : undefined),
    [points],
  );
  if (filled.length < 2 || !figure) return null;
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
        {points.length} of {board.everybody.length} models have scores on both. Averages here count
        a missing benchmark as 0, as the leaderboard does.
      </p>
      <Chart title="Scatter" figure={figure}>
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

/** Models on both that make a picture. */
const ENOUGH = 4;

/** The first two benchmarks on which enough models have a score, else those with the most. */
function standardAxes(items: ComparedBoard['everybody'], columns: readonly Column[]): Column[] {
  const leaves = columns.filter(({ kind }) => kind === 'benchmark');
  const has = leaves.map((leaf) => items.map((item) => estimateOf(item, leaf)?.value != null));
  let [best, most] = [leaves.slice(0, 2), -1];
  for (const [i, x] of leaves.entries())
    for (let k = i + 1; k < leaves.length; k++) {
      const both = has[i].filter((one, item) => one && has[k][item]).length;
      if (both > most) [best, most] = [[x, leaves[k]], both];
      if (most >= ENOUGH) return best;
    }
  return best;
}

function pointsOf({ everybody, chosen }: ComparedBoard, x: Column, y: Column): PlacedModel[] {
  if (!x || !y) return [];
  return everybody.flatMap((item): PlacedModel[] => {
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

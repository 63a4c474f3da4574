import { answer, client, type Schemas } from '../../client/client.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { interval, value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { FeaturesChip, OriginChip, WeightsChip } from '../../parts/provenance.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';

type Benchmark = Schemas['Benchmark'];
type Item = Schemas['LeaderboardItem'];

const MOST = 50;

/** The models that were scored on a benchmark, best first, at its present version. */
export function ScoresOn({ one }: { readonly one: Benchmark }) {
  return (
    <>
      <p>
        Scores on the current version, {one.version}. The version increases whenever a change
        affects the score of any model; scores on different versions are not compared.
      </p>
      {one.benchmarks.map(({ id }) => (
        <ScoreTable key={id} one={one} column={one.upload ? columnOf(one, id) : id} name={id} />
      ))}
    </>
  );
}

/** The leaderboard knows an upload by its id, and one of its regions behind a point. */
function columnOf({ id, benchmarks }: Benchmark, name: string): string {
  const region = benchmarks.find((each) => each.id === name)?.region;
  return benchmarks.length > 1 && region ? `${id}.${region}` : id;
}

interface ScoreTableProps {
  readonly one: Benchmark;
  readonly column: string;
  readonly name: string;
}

function ScoreTable({ one, column, name }: ScoreTableProps) {
  const { simulated } = one;
  const { data, error } = useResource(
    (signal) =>
      answer(
        client.GET('/leaderboard', {
          params: {
            query: {
              benchmark: [column],
              simulated,
              layers: 'any',
              selection: 'include',
              brought: 'include',
              sort: `-${column}`,
              limit: MOST,
            },
          },
          signal,
        }),
      ),
    [column, simulated],
  );
  const board = new URLSearchParams({
    ...(simulated ? { simulated: 'true' } : {}),
    benchmark: column,
    open: 'all',
    layers: 'any',
    selection: 'include',
    brought: 'include',
  });
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading scores…</p>;
  const rows = data.items.filter(({ scores }) => scores[column]);
  if (rows.length === 0)
    return (
      <p>
        There are no scores on <bdi>{name}</bdi> that you may see.
      </p>
    );
  return (
    <>
      <Scroll label={`Scores on ${name}`}>
        <table>
          <caption>
            <bdi>{name}</bdi>
            <OriginChip origin={one.origin} />
          </caption>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col">95 % interval</th>
              <th scope="col">Job</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((item) => (
              <ScoreRow key={item.model} item={item} score={item.scores[column]} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <SpokenIntervals scores={data.columns.filter((each) => each.kind === 'benchmark')} />
      <p>
        <a href={`/?${board}`}>
          {data.models > rows.length ? `All ${data.models} models` : 'This column'} on the
          leaderboard
        </a>
      </p>
    </>
  );
}

function ScoreRow({
  item,
  score,
}: {
  readonly item: Item;
  readonly score: Schemas['LeaderboardScore'];
}) {
  return (
    <tr>
      <th scope="row">
        <a href={`/models/${encodeURIComponent(item.model)}`}>
          <bdi>{item.name}</bdi>
        </a>
        <WeightsChip weights={item.weights} />
        <FeaturesChip model={item.model} />
      </th>
      <td class="number">
        {value(score.value)}
        {score.selection && (
          <>
            {' '}
            <span class="badge" title="The layer was chosen on stimuli of this benchmark">
              selection
            </span>
          </>
        )}
        {score.brought && (
          <>
            {' '}
            <span class="badge" title="Computed elsewhere and submitted with a receipt">
              external
            </span>
          </>
        )}
      </td>
      <td>{interval(score.ci) || '–'}</td>
      <td>
        <a href={`/scores/${score.job}`} aria-label={`Job of ${item.name}`}>
          job
        </a>
      </td>
    </tr>
  );
}

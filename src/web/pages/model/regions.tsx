import { useEffect } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { pageOf } from '../../parts/board-column.js';
import { interval, value } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { OriginChip } from '../../parts/provenance.js';
import { BROUGHT } from '../../parts/score-words.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import './regions.css';
import { Spark } from './spark.js';

type Board = Schemas['ModelRegions'];
type Region = Board['regions'][number];
type Standing = Schemas['Standing'];
type RegionScore = Schemas['RegionScore'];

/** How soon it is asked again while places are computed. */
const SOON_MS = 2000;

/** Where the model stands, region by region: among all, against the ceiling, and by which layer. */
export function Regions({ model }: { readonly model: Schemas['Model'] }) {
  const { data, error, reload } = useResource(
    (signal) =>
      answer(
        client.GET('/models/{model}/regions', { params: { path: { model: model.id } }, signal }),
      ),
    [model.id, model.card],
  );
  const pending = data?.regions.some(({ standing, scores }) =>
    [standing, ...scores].some((each) => each?.ranksState === 'pending'),
  );
  useEffect(() => {
    if (!pending) return;
    const timer = setTimeout(reload, SOON_MS);
    return () => clearTimeout(timer);
  }, [data]);
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading regions…</p>;
  if (data.regions.length === 0) return null;
  const ends = data.regions.flatMap(({ standing, scores }) =>
    [standing, ...scores].flatMap((each) => [each?.value ?? 0, each?.best?.value ?? 0]),
  );
  const most = Math.max(...ends, 0.1);
  return (
    <>
      <h2 id="regions">Regions</h2>
      {data.simulated && (
        <p class="notice">
          <strong>Simulated benchmarks.</strong> {SIMULATED}
        </p>
      )}
      <Scroll label="Standing by region">
        <table class="regions">
          <caption class="quiet">
            Among {data.total} {data.total === 1 ? 'model' : 'models'} on the leaderboard. Bar: the
            score with its 95 % interval; grey line: the median; circle: the best.
          </caption>
          <thead>
            <tr>
              <th scope="col">Region, benchmark</th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col">Rank</th>
              <th scope="col">0 to {most.toFixed(2)}</th>
              <th scope="col" class="number">
                Ceiling
              </th>
              <th scope="col">Layer</th>
            </tr>
          </thead>
          {data.regions.map((region) => (
            <Rows key={region.region} region={region} most={most} />
          ))}
        </table>
      </Scroll>
      <Distributions regions={data.regions} />
    </>
  );
}

/** A region with its average, then its scores. */
function Rows({ region, most }: { readonly region: Region; readonly most: number }) {
  const { standing, scores } = region;
  return (
    <tbody>
      <tr class="region">
        <th scope="row">
          {region.region}
          {standing && (
            <small class="quiet">
              {' '}
              {standing.n} of {standing.m} {standing.m === 1 ? 'benchmark' : 'benchmarks'}
            </small>
          )}
        </th>
        <StandingCells of={standing} most={most} />
        <td class="number">{ceilingOf(scores)}</td>
        <td>
          <Layers region={region} />
        </td>
      </tr>
      {scores.map((score) => (
        <tr key={score.column}>
          <th scope="row">
            <a href={pageOf({ id: score.column })}>
              <bdi>{score.benchmark}</bdi>
            </a>
            <OriginChip origin={score.origin} />
            <Marks score={score} />
          </th>
          <StandingCells of={score} most={most} />
          <td class="number">{value(score.ceiling)}</td>
          <td>
            <bdi>{score.layer ?? '–'}</bdi>
          </td>
        </tr>
      ))}
    </tbody>
  );
}

function Marks({ score: { selection, brought } }: { readonly score: RegionScore }) {
  return (
    <>
      {selection && (
        <span class="badge" title="The layer was chosen on stimuli of this benchmark.">
          selection
        </span>
      )}
      {brought && (
        <span class="badge" title={BROUGHT}>
          external
        </span>
      )}
    </>
  );
}

/** Score, rank and bar. */
function StandingCells({ of, most }: { readonly of: Standing | null; readonly most: number }) {
  if (!of)
    return (
      <>
        <td class="number">–</td>
        <td class="quiet">not in any average</td>
        <td />
      </>
    );
  const { rank, ranks, of: models } = of;
  return (
    <>
      <td class="number">
        <strong>{value(of.value)}</strong>
        <small class="quiet"> {interval(of.ci)}</small>
      </td>
      <td>
        {rank === null ? '–' : `${rank} of ${models}`}
        {ranks && (
          <small
            class="quiet"
            title="95 % interval of the rank, simultaneous over all pairs of models"
          >
            {' '}
            ({ranks.join('–')})
          </small>
        )}
      </td>
      <td>
        <Bar of={of} most={most} />
      </td>
    </>
  );
}

const WIDTH = 160;
const HEIGHT = 16;

/** The score against median and best of the board; all bars of a page have one scale. */
function Bar({
  of: { value: own, ci, median, best },
  most,
}: {
  readonly of: Standing;
  readonly most: number;
}) {
  const x = (of: number) => (WIDTH * Math.min(Math.max(of, 0), most)) / most;
  const words = [
    `score ${value(own)}`,
    ...(median === null ? [] : [`median ${value(median)}`]),
    ...(best ? [`best ${value(best.value)}, ${best.name}`] : []),
  ].join('; ');
  return (
    <svg
      class="standing"
      role="img"
      aria-label={words}
      width={WIDTH}
      height={HEIGHT}
      viewBox={`-4 0 ${WIDTH + 8} ${HEIGHT}`}
    >
      <title>{words}</title>
      <rect class="room" x={0} y={4} width={WIDTH} height={8} />
      <rect class="own" x={0} y={4} width={x(own ?? 0)} height={8} />
      {ci && <line class="interval" x1={x(ci[0])} x2={x(ci[1])} y1={8} y2={8} />}
      {median !== null && <line class="median" x1={x(median)} x2={x(median)} y1={1} y2={15} />}
      {best && <circle class="best" cx={x(best.value)} cy={8} r={3.5} />}
    </svg>
  );
}

/** One ceiling, or those between which the ceilings lie. */
function ceilingOf(scores: readonly RegionScore[]): string {
  const known = scores.flatMap(({ ceiling }) => (ceiling === null ? [] : [ceiling]));
  if (known.length === 0) return '–';
  const [least, most] = [Math.min(...known), Math.max(...known)].map(value);
  return least === most ? least : `${least} to ${most}`;
}

/** The layer of the card, and what the latest layer map chose and could not tell from it. */
function Layers({ region: { layers, chosen } }: { readonly region: Region }) {
  return (
    <>
      {layers.length > 0 && (
        <span>
          card: <bdi>{layers.join(' + ')}</bdi>
        </span>
      )}
      {chosen.map(({ benchmark, layer, tied }) => (
        <small key={benchmark} class="chosen-layer">
          <a href="#layers">map</a> on <bdi>{benchmark}</bdi>: <bdi>{layer}</bdi>
          {tied.length > 0 ? (
            <>
              , tied with <bdi>{shortened(tied)}</bdi>
            </>
          ) : (
            ', no ties'
          )}
        </small>
      ))}
    </>
  );
}

/** Names that a cell has room for. */
const MOST_NAMED = 6;

const shortened = (names: readonly string[]) =>
  names.length > MOST_NAMED
    ? `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`
    : names.join(', ');

/** The distributions of single-neuron properties, small. */
function Distributions({ regions }: { readonly regions: readonly Region[] }) {
  const measured = regions
    .flatMap(({ scores }) => scores)
    .flatMap(({ distribution, column, value: score }) =>
      distribution ? [{ distribution, column, score }] : [],
    );
  if (measured.length === 0) return null;
  return (
    <>
      <h3>Single-neuron properties</h3>
      <p class="quiet">
        Grey: recorded neurons; line: units of the layer.{' '}
        <a href="#properties">Larger, with numbers</a>
      </p>
      <ul class="sparks">
        {measured.map(({ distribution, column, score }) => (
          <li key={column}>
            <Spark distribution={distribution} />
            <span>
              {distribution.property.replaceAll('_', ' ')} <strong>{value(score)}</strong>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

import { useCallback, useState } from 'preact/hooks';
import { factNames, facts } from '../../../figure/fact-words.js';
import { titleAmong, titleOf } from '../../parts/board-column.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { Problem } from '../../parts/problem.js';
import { useQuery } from '../../parts/query.js';
import { useTitle } from '../../parts/title.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import { AtDate, AtNote } from './at-date.js';
import { BoardTable } from './board-table.js';
import { ColumnChoice } from './column-choice.js';
import { Downloads } from './downloads.js';
import { Filters, RealOrSimulated, Search } from './filters.js';
import { Formulas } from './formulas.js';
import { Landing } from './landing.js';
import { Legend } from './legend.js';
import { ModelFilters } from './model-filters.js';
import { type Board, useBoard } from './use-board.js';
import { boardQuery, type Change, sortOf } from './view.js';
import './leaderboard.css';
import { Term } from '../../parts/words/term.js';

/** Models against benchmarks. The address is the whole view: what is asked, sorted, opened, hidden and chosen. */
export function LeaderboardPage() {
  useTitle('Leaderboard');
  const [address, changeAddress] = useQuery();
  const query = boardQuery(address);
  const [wanted, reached] = useState({ first: 0, last: 0 });
  const { board, error, loading } = useBoard(query, wanted);
  const asked = address.get('simulated');
  const simulated = asked === null ? (board?.simulated ?? false) : asked === 'true';
  // Where simulated scores stood in, whatever is changed next is changed of these.
  const change: Change = useCallback(
    (values) => changeAddress({ ...(simulated ? { simulated: 'true' } : {}), ...values }),
    [simulated, changeAddress],
  );
  const view = { address, change, simulated };
  return (
    <>
      <h1>Leaderboard</h1>
      <Landing board={board} />
      <div class="board-bar">
        <div class="controls">
          <RealOrSimulated {...view} />
          <Search {...view} />
          <AtDate {...view} />
        </div>
        <div class="panels">
          <Filters {...view} />
          <ModelFilters {...view} board={board} />
          <ColumnChoice {...view} columns={board?.columns ?? []} />
          <Formulas {...view} />
          <Downloads query={query} simulated={simulated} />
        </div>
      </div>
      <AtNote {...view} reconstructed={board?.reconstructed ?? false} />
      {board?.simulated && (
        <p class="notice">
          <strong>Simulated benchmarks.</strong> {SIMULATED}
        </p>
      )}
      {error && <Refused error={error} />}
      <Chosen {...view} board={board} />
      <p role="status" class="board-summary quiet">
        {loading ? 'Loading the leaderboard…' : board && board.total > 0 && summary(board, address)}
      </p>
      {board && board.models === 0 && <Empty query={query} simulated={simulated} />}
      {board && board.models > 0 && (
        <div aria-busy={loading}>
          <BoardTable {...view} board={board} chosen={address.getAll('pick')} reached={reached} />
          {board.groups && (
            <Groups groups={board.groups} column={titleAmong(board.columns, board.groups.column)} />
          )}
          <SpokenIntervals scores={board.columns.filter((each) => each.kind === 'benchmark')} />
          <Legend />
        </div>
      )}
    </>
  );
}

/** What the places in brackets say, and what the column can tell apart. */
function Groups({
  groups,
  column,
}: {
  readonly groups: NonNullable<Board['groups']>;
  /** What ranges of ranks are of, in words. */
  readonly column: string;
}) {
  const { state, level, compared, pairs, instrument } = groups;
  if (compared === null || !pairs)
    return <p class="quiet">Ranges of ranks by {column} are being computed.</p>;
  // One model has nothing to be told apart from.
  if (compared < 2) return null;
  const { reliability = null, ci = null, detectable = null } = instrument ?? {};
  const percent = `${Math.round(100 * level)} %`;
  const digits = (value: number) => value.toFixed(3);
  return (
    <p class="quiet">
      (1–2): {percent} <Term of="rank-interval">interval of the rank</Term> by {column},
      simultaneous over all pairs of {compared} models.
      {pairs.unpaired > 0 && ' *: errors are assumed to be independent.'}
      {reliability !== null && (
        <>
          {' '}
          <Term of="reliability">Reliability</Term> of the column among these models:{' '}
          {digits(reliability)}
          {ci && ` [${ci.map(digits).join(', ')}]`}.
        </>
      )}
      {detectable !== null &&
        ` Smallest detectable difference between two models: ${digits(detectable)}.`}
      {state === 'stale' && ' From earlier scores; an update is being computed.'}
    </p>
  );
}

function summary({ models, total, columns }: Board, address: URLSearchParams): string {
  const { by, descending } = sortOf(columns, address);
  const column = columns.find(({ id }) => id === by);
  const fact = factNames.find((name) => name === by);
  const order = column
    ? `by ${titleOf(column)}, ${descending ? 'highest' : 'lowest'} first`
    : `by ${fact ? facts[fact].title.toLowerCase() : 'name'}${descending ? ', descending' : ''}`;
  const count = (number: number) => number.toLocaleString('en');
  const shown =
    models < total
      ? `${count(models)} of ${count(total)} models shown`
      : `${count(models)} ${models === 1 ? 'model' : 'models'}`;
  return `${shown}, ${order}`;
}

/** A view that the service refuses, such as one whose formula is wrong, and the way out of it. */
function Refused({ error }: { readonly error: Error }) {
  return (
    <>
      <Problem error={error} />
      <p>
        <a href="/">Reset the filters</a>
      </p>
    </>
  );
}

const FEWEST = 2;
const MOST = 8;

/** The models that are chosen, and the way to compare them. */
function Chosen({
  board,
  address,
  change,
}: {
  readonly board: Board | undefined;
  readonly address: URLSearchParams;
  readonly change: Change;
}) {
  const chosen = address.getAll('pick');
  if (chosen.length === 0) return null;
  const nameOf = (id: string) => board?.items.find((item) => item?.model === id)?.name ?? id;
  const query = new URLSearchParams(chosen.map((model) => ['model', model]));
  // What they are compared on is what they were chosen on.
  for (const name of ['simulated', 'set', 'selection', 'brought', 'layers'])
    for (const value of address.getAll(name)) query.append(name, value);
  return (
    <section class="chosen" aria-label="Models to compare">
      <ul>
        {chosen.map((model) => (
          <li key={model}>
            <bdi>{nameOf(model)}</bdi>
            <button
              type="button"
              aria-label={`Remove ${nameOf(model)}`}
              onClick={() => change({ pick: chosen.filter((one) => one !== model) })}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {chosen.length < FEWEST && <span>Choose one more to compare.</span>}
      {chosen.length > MOST && <span>At most {MOST} models can be compared.</span>}
      {chosen.length >= FEWEST && chosen.length <= MOST && (
        <a class="button primary" href={`/compare?${query}`}>
          Compare {chosen.length} models
        </a>
      )}
      <button type="button" onClick={() => change({ pick: null })}>
        Clear selection
      </button>
    </section>
  );
}

function Empty({ query, simulated }: { readonly query: string; readonly simulated: boolean }) {
  const asked = [...new URLSearchParams(query).keys()].some((name) => name !== 'simulated');
  if (asked)
    return (
      <p>
        No model has a score that matches the filters.{' '}
        <a href={simulated ? '/?simulated=true' : '/'}>Show all models</a>.
      </p>
    );
  return (
    <p>
      No model has a score on {simulated ? 'a simulated' : 'a real'} benchmark yet.{' '}
      <a href="/submit">Score a model</a>
      {!simulated && (
        <>
          , once recordings are installed (<code>ventral data pull</code>) or{' '}
          <a href="/benchmarks">uploaded</a>, or{' '}
          <a href="/?simulated=true">show the simulated benchmarks</a>
        </>
      )}
      .
    </p>
  );
}

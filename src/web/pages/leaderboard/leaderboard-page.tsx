import { useCallback, useState } from 'preact/hooks';
import { titleOf } from '../../parts/board-column.js';
import { Problem } from '../../parts/problem.js';
import { useQuery } from '../../parts/query.js';
import { SIMULATED } from '../../parts/simulated-words.js';
import { useTitle } from '../../parts/title.js';
import { AtDate, AtNote } from './at-date.js';
import { BoardTable } from './board-table.js';
import { ColumnChoice } from './column-choice.js';
import { Downloads } from './downloads.js';
import { Filters, RealOrSimulated, Search } from './filters.js';
import { Formulas } from './formulas.js';
import { Legend } from './legend.js';
import { type Board, useBoard } from './use-board.js';
import { boardQuery, type Change, sortOf } from './view.js';
import './leaderboard.css';

/** Models against benchmarks. The address is the whole view: what is asked, sorted, opened, hidden and chosen. */
export function LeaderboardPage() {
  useTitle('Leaderboard');
  const [address, changeAddress] = useQuery();
  const query = boardQuery(address);
  const [wanted, reached] = useState(0);
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
      <div class="controls">
        <RealOrSimulated {...view} />
        <Search {...view} />
        <AtDate {...view} />
      </div>
      <AtNote {...view} reconstructed={board?.reconstructed ?? false} />
      {board?.simulated && (
        <p class="notice">
          <strong>Simulated benchmarks.</strong> {SIMULATED}
        </p>
      )}
      <div class="panels">
        <Filters {...view} />
        <ColumnChoice {...view} columns={board?.columns ?? []} />
        <Formulas {...view} />
        <Downloads query={query} simulated={simulated} />
      </div>
      {error && <Refused error={error} />}
      <Chosen {...view} board={board} />
      <p role="status" class="quiet">
        {loading ? 'Loading the leaderboard …' : board && summary(board, address)}
      </p>
      {board && board.models === 0 && <Empty query={query} simulated={simulated} />}
      {board && board.models > 0 && (
        <div aria-busy={loading}>
          <BoardTable {...view} board={board} chosen={address.getAll('pick')} reached={reached} />
          {board.groups && <Groups groups={board.groups} />}
          <Legend />
        </div>
      )}
    </>
  );
}

/** What the places in brackets say, and what the column can tell apart. */
function Groups({ groups }: { readonly groups: NonNullable<Board['groups']> }) {
  const { column, state, level, compared, pairs, instrument } = groups;
  if (compared === null || !pairs)
    return <p class="quiet">Places by {column} are being computed.</p>;
  const { reliability = null, ci = null, detectable = null } = instrument ?? {};
  const percent = `${Math.round(100 * level)} %`;
  const digits = (value: number) => value.toFixed(3);
  return (
    <p class="quiet">
      (1–7): places that a model may have by {column}, at {percent} for all pairs of {compared}{' '}
      models together.
      {pairs.unpaired > 0 && ' *: compared as if its errors were independent.'}
      {reliability !== null &&
        ` Reliability of the column among these models: ${digits(reliability)}${ci ? ` [${ci.map(digits).join(', ')}]` : ''}.`}
      {detectable !== null &&
        ` Smallest difference of a pair that it detects: ${digits(detectable)}.`}
      {state === 'stale' && ' Of earlier scores: new ones are being computed.'}
    </p>
  );
}

function summary({ models, total, columns }: Board, address: URLSearchParams): string {
  const { by, descending } = sortOf(columns, address);
  const column = columns.find(({ id }) => id === by);
  const order = column
    ? `by ${titleOf(column)}, ${descending ? 'highest' : 'lowest'} first`
    : `by name${descending ? ', from Z' : ''}`;
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
  const nameOf = (id: string) => board?.items.find(({ model }) => model === id)?.name ?? id;
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
        <a class="button" href={`/compare?${query}`}>
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

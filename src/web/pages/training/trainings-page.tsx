import { useEffect } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { duration, moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { WeightsChip } from '../../parts/provenance.js';
import { type ChangeQuery, useQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { RecipeForm } from './recipe-form.js';
import './training.css';
import { isOpen } from '../../parts/job-state.js';

type Listing = Schemas['TrainingListing'];

/** How often a list with a training under way is read again. */
const AGAIN_MS = 4000;
const PAGE = 50;

/** The trainings that one may see, and a form that starts another. */
export function TrainingsPage() {
  useTitle('Trainings');
  const { caller } = useSession();
  const [query, change] = useQuery();
  const before = query.get('before');
  const { data, error, loading, reload } = useResource(
    (signal) =>
      answer(
        client.GET('/trainings', {
          params: { query: { limit: PAGE, ...(before ? { cursor: before } : {}) } },
          signal,
        }),
      ),
    [before],
  );
  const going = data?.items.some(isOpen) ?? false;
  useEffect(() => {
    if (!going || loading) return;
    const timer = setTimeout(reload, AGAIN_MS);
    return () => clearTimeout(timer);
  }, [going, loading, reload]);
  return (
    <div class="trainings">
      <h1>Trainings</h1>
      {caller?.role === 'reader' ? (
        <p class="notice">This key is read-only. Starting a training requires a member key.</p>
      ) : (
        <>
          <h2>Start a training</h2>
          <p>
            A recipe trains a network in stages, attacks its checkpoints and scores them. Recipes
            cannot refer to files on the service: images are generated, and <code>model</code> is
            the id of a registered model with a card, a shipped model, or{' '}
            <code>NAME/untrained</code>.
          </p>
          <RecipeForm query={query} change={change} />
        </>
      )}
      <h2>Runs</h2>
      {error && <Problem error={error} />}
      {!data && !error && <p role="status">Loading trainings…</p>}
      {data && data.items.length === 0 && (
        <p>No trainings yet. Choose a recipe above and start one.</p>
      )}
      {data && data.items.length > 0 && <Runs items={data.items} query={query} change={change} />}
      {data?.next && (
        <p class="actions">
          <button type="button" onClick={() => change({ before: data.next })}>
            Earlier trainings
          </button>
        </p>
      )}
      {before && (
        <p class="actions">
          <button type="button" onClick={() => change({ before: null })}>
            Latest trainings
          </button>
        </p>
      )}
    </div>
  );
}

/** Maximum number of distinguishable curves. */
const MOST_COMPARED = 6;

interface RunsProps {
  readonly items: readonly Listing[];
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

function Runs({ items, query, change }: RunsProps) {
  const chosen = query.getAll('run').slice(0, MOST_COMPARED);
  const [first, ...others] = chosen;
  const toggle = (id: string, on: boolean) =>
    change({ run: on ? [...chosen, id] : chosen.filter((other) => other !== id) });
  return (
    <>
      <Scroll label="Trainings">
        <table>
          <thead>
            <tr>
              <th scope="col">Compare</th>
              <th scope="col">Training</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col">Model</th>
              <th scope="col">Submitted</th>
              <th scope="col">Duration</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={item.id}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`Compare ${item.name} (${item.id})`}
                    checked={chosen.includes(item.id)}
                    disabled={!chosen.includes(item.id) && chosen.length >= MOST_COMPARED}
                    onChange={({ currentTarget }) => toggle(item.id, currentTarget.checked)}
                  />
                </td>
                <th scope="row">
                  <a href={`/trainings/${item.id}`}>
                    <bdi>{item.name}</bdi>
                  </a>
                </th>
                <td>
                  <span class={`badge state-${item.state}`}>{item.state}</span>
                </td>
                <td class="words">{progressText(item)}</td>
                <td>
                  <bdi>{item.modelName}</bdi>
                  <WeightsChip weights={item.weights} />
                </td>
                <td>{moment(item.createdAt)}</td>
                <td>{tookText(item)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="actions">
        {chosen.length >= 2 ? (
          <a
            class="button primary"
            href={`/trainings/${first}?${others.map((id) => `with=${id}`).join('&')}`}
          >
            Compare {chosen.length} runs
          </a>
        ) : (
          <span class="quiet">Select two to six runs to compare their curves.</span>
        )}
      </p>
    </>
  );
}

function progressText({ progress, problem, reason, state }: Listing): string {
  if (problem) return problem.detail;
  if (!isOpen({ state })) return reason ?? '';
  if (!progress) return reason ?? 'waiting';
  const { stage, done, total } = progress;
  return `${stage}${total > 0 ? `, ${Math.floor((100 * done) / total)} %` : ''}`;
}

function tookText({ startedAt, finishedAt }: Listing): string {
  if (!startedAt) return '–';
  const end = finishedAt ? new Date(finishedAt) : new Date();
  return duration((end.getTime() - new Date(startedAt).getTime()) / 1000);
}

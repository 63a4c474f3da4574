import { answer, client, type Schemas } from '../../client/client.js';
import { moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { useQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { JobCells, OfService } from './job-cells.js';
import { OpenJobs } from './open-jobs.js';

type Kind = Schemas['QueuedJob']['kind'];
type State = Schemas['JobState'];
type Listed = Schemas['Job'] | Schemas['LayerMapListing'] | Schemas['TrainingListing'];
type EndedJob = Listed & { readonly kind: Kind; readonly ofService: boolean };

const ended: readonly State[] = ['succeeded', 'failed', 'cancelled'];
/** Of each kind. */
const MOST = 50;

/** Jobs of every kind: what runs and waits, or what has ended. */
export function Queue() {
  const [query, change] = useQuery();
  const asked = ended.find((state) => state === query.get('state'));
  return (
    <section aria-label="Queue">
      <h2>Jobs</h2>
      <div class="controls">
        <label>
          Show
          <select
            value={asked ?? ''}
            onChange={({ currentTarget: { value } }) => change({ state: value || null })}
          >
            <option value="">running and queued</option>
            {ended.map((state) => (
              <option key={state}>{state}</option>
            ))}
          </select>
        </label>
      </div>
      {asked ? <EndedJobs state={asked} /> : <OpenJobs />}
    </section>
  );
}

function EndedJobs({ state }: { readonly state: State }) {
  const { data, error } = useResource((signal) => readEnded(state, signal), [state]);
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading…</p>;
  if (data.length === 0) return <p class="quiet">No jobs.</p>;
  return (
    <Scroll label="Jobs">
      <table>
        <caption>Newest first, at most {MOST} of each kind</caption>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">State</th>
            <th scope="col">Model</th>
            <th scope="col">Benchmarks</th>
            <th scope="col">Ended</th>
          </tr>
        </thead>
        <tbody>
          {data.map((job) => (
            <tr key={job.id}>
              <JobCells job={job} state={job.state}>
                {job.ofService && <OfService />}
              </JobCells>
              <td>{moment(job.finishedAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

async function readEnded(state: State, signal: AbortSignal): Promise<EndedJob[]> {
  const query = { state, limit: MOST };
  const call = { params: { query }, signal };
  const ofService = { params: { query: { ...query, owner: 'ventral' } }, signal };
  const pages = await Promise.all([
    answer(client.GET('/scores', call)).then(({ items }) => ofKind('score', items)),
    answer(client.GET('/scores', ofService)).then(({ items }) => ofKind('score', items, true)),
    answer(client.GET('/layer-maps', call)).then(({ items }) => ofKind('layer-map', items)),
    answer(client.GET('/trainings', call)).then(({ items }) => ofKind('training', items)),
  ]);
  return pages.flat().sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

const ofKind = (kind: Kind, items: readonly Listed[], ofService = false): EndedJob[] =>
  items.map((job) => ({ ...job, kind, ofService }));

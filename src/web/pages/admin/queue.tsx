import { useEffect, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { useSession } from '../../client/session.js';
import { duration, moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { useQuery } from '../../parts/query.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';

type State = Schemas['JobState'];
type Listed = Schemas['Job'] | Schemas['LayerMapListing'] | Schemas['TrainingListing'];

interface QueuedJob extends Pick<Listed, 'id' | 'state' | 'model' | 'benchmarks' | 'createdAt'> {
  readonly kind: keyof typeof kinds;
  readonly progress: Listed['progress'];
}

const kinds = { scores: 'Scores', 'layer-maps': 'Layer map', trainings: 'Training' } as const;
const states: readonly State[] = ['running', 'queued', 'succeeded', 'failed', 'cancelled'];
/** How often the queue is read again while it is looked at. */
const LOOK_MS = 4000;
/** Of each kind. */
const MOST = 50;

/** Jobs of every kind: what runs, what waits, what has ended. */
export function Queue() {
  const { caller } = useSession();
  const [query, change] = useQuery();
  const asked = states.find((state) => state === query.get('state'));
  const [failed, setFailed] = useState<Error>();
  const { data, error, reload } = useResource((signal) => readQueue(asked, signal), [asked]);
  const { data: names } = useResource(readNames, []);
  useEffect(() => {
    const look = setInterval(() => document.visibilityState === 'visible' && reload(), LOOK_MS);
    return () => clearInterval(look);
  }, [reload]);
  const cancel = async (job: QueuedJob) => {
    setFailed(undefined);
    try {
      await cancelJob(job);
    } catch (thrown) {
      setFailed(thrown as Error);
    }
    reload();
  };
  return (
    <section aria-label="Queue">
      <h2>Jobs</h2>
      {error && <Problem error={error} />}
      {failed && <Problem error={failed} />}
      <div class="controls">
        <label>
          Show
          <select
            value={asked ?? ''}
            onChange={({ currentTarget: { value } }) => change({ state: value || null })}
          >
            <option value="">running and waiting</option>
            {states.map((state) => (
              <option key={state}>{state}</option>
            ))}
          </select>
        </label>
      </div>
      {data?.length === 0 && <p class="quiet">No jobs.</p>}
      {data && data.length > 0 && (
        <QueueTable
          jobs={data}
          names={names}
          cancel={caller?.role === 'reader' ? undefined : cancel}
        />
      )}
    </section>
  );
}

async function readQueue(asked: State | undefined, signal: AbortSignal): Promise<QueuedJob[]> {
  const wanted: readonly State[] = asked ? [asked] : ['running', 'queued'];
  const pages = await Promise.all(
    wanted.flatMap((state) => {
      const call = { params: { query: { state, limit: MOST } }, signal };
      return [
        answer(client.GET('/scores', call)).then(({ items }) => ofKind('scores', items)),
        answer(client.GET('/layer-maps', call)).then(({ items }) => ofKind('layer-maps', items)),
        answer(client.GET('/trainings', call)).then(({ items }) => ofKind('trainings', items)),
      ];
    }),
  );
  return pages.flat().sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

const ofKind = (kind: QueuedJob['kind'], items: readonly Listed[]): QueuedJob[] =>
  items.map(({ id, state, model, benchmarks, createdAt, progress }) => ({
    ...{ id, state, model, benchmarks, createdAt, progress },
    kind,
  }));

function cancelJob({ kind, id }: QueuedJob): Promise<unknown> {
  const params = { path: { job: id } };
  if (kind === 'scores') return answer(client.DELETE('/scores/{job}', { params }));
  if (kind === 'trainings') return answer(client.DELETE('/trainings/{job}', { params }));
  return answer(client.DELETE('/layer-maps/{job}', { params }));
}

/** What the latest models are called, by id. */
async function readNames(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const call = { params: { query: { limit: 200 } }, signal };
  const { items } = await answer(client.GET('/models', call));
  return new Map(items.map(({ id, name }) => [id, name]));
}

interface QueueTableProps {
  readonly names: ReadonlyMap<string, string> | undefined;
  readonly jobs: readonly QueuedJob[];
  readonly cancel: ((job: QueuedJob) => Promise<void>) | undefined;
}

function QueueTable({ jobs, names, cancel }: QueueTableProps) {
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
            <th scope="col">Submitted</th>
            <th scope="col">
              <span class="quiet">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.id}>
              <th scope="row">
                <a href={`/${job.kind}/${job.id}`}>{kinds[job.kind]}</a>{' '}
                <span class="quiet">{job.id}</span>
              </th>
              <td>
                {job.state}
                {job.progress && job.state === 'running' && <Progress progress={job.progress} />}
              </td>
              <td>
                <a class="model" href={`/models/${encodeURIComponent(job.model)}`}>
                  <bdi>{names?.get(job.model) ?? job.model}</bdi>
                </a>
              </td>
              <td>
                <bdi>{someOf(job.benchmarks)}</bdi>
              </td>
              <td>{moment(job.createdAt)}</td>
              <td>
                {cancel && (job.state === 'queued' || job.state === 'running') && (
                  <button
                    type="button"
                    aria-label={`Cancel ${job.id}`}
                    onClick={() => void cancel(job)}
                  >
                    Cancel
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function someOf(benchmarks: readonly string[]): string {
  if (benchmarks.length === 0) return '–';
  const more = benchmarks.length > 2 ? ` and ${benchmarks.length - 2} more` : '';
  return benchmarks.slice(0, 2).join(', ') + more;
}

function Progress({ progress }: { readonly progress: NonNullable<Listed['progress']> }) {
  const { stage, done, total, etaSeconds } = progress;
  return (
    <span class="quiet">
      {' '}
      {stage} {Math.round(done)} of {Math.round(total)}
      {etaSeconds !== null && `, ${duration(etaSeconds)} left`}
    </span>
  );
}

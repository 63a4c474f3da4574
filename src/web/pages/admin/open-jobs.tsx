import { useEffect, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { duration, moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { useResource } from '../../parts/use-resource.js';
import { JobCells, OfService } from './job-cells.js';
import { cancelJob } from './job-kinds.js';

type Job = Schemas['QueuedJob'];

/** How often the queue is read again while it is looked at. */
const LOOK_MS = 4000;
const PAGE = 50;

/** What runs and what waits: running jobs first, then in the order in which they start. */
export function OpenJobs() {
  const [from, setFrom] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [failed, setFailed] = useState<Error>();
  const { data, error, reload } = useResource(
    (signal) =>
      answer(
        client.GET('/queue', { params: { query: { limit: PAGE, cursor: String(from) } }, signal }),
      ),
    [from],
  );
  useEffect(() => {
    const look = setInterval(() => document.visibilityState === 'visible' && reload(), LOOK_MS);
    return () => clearInterval(look);
  }, [reload]);
  const items = data?.items ?? [];
  const mine = items.filter(({ mayCancel }) => mayCancel);
  const picked = mine.filter(({ id }) => chosen.has(id));
  const cancel = async (jobs: readonly Job[]) => {
    setFailed(undefined);
    try {
      for (const job of jobs) await cancelJob(job);
    } catch (thrown) {
      setFailed(thrown as Error);
    }
    setChosen(new Set());
    reload();
  };
  if (error) return <Problem error={error} />;
  if (!data) return <p aria-live="polite">Loading…</p>;
  const total = data.running + data.queued;
  if (total === 0) return <p class="quiet">No jobs.</p>;
  return (
    <>
      {failed && <Problem error={failed} />}
      <p role="status">
        {data.running} running, {data.queued} queued
      </p>
      {mine.length > 1 && (
        <p class="actions">
          <button type="button" onClick={() => setChosen(new Set(mine.map(({ id }) => id)))}>
            Select all
          </button>
          <button type="button" disabled={picked.length === 0} onClick={() => void cancel(picked)}>
            Cancel {picked.length} selected
          </button>
        </p>
      )}
      <Table
        items={items}
        chosen={chosen}
        choose={(id, on) =>
          setChosen(new Set([...chosen].filter((one) => one !== id).concat(on ? id : [])))
        }
        cancel={(job) => void cancel([job])}
      />
      {total > PAGE && (
        <p class="actions">
          <button type="button" disabled={from === 0} onClick={() => setFrom(from - PAGE)}>
            Previous
          </button>
          <span>
            {from + 1} to {from + items.length} of {total}
          </span>
          <button type="button" disabled={data.next === null} onClick={() => setFrom(from + PAGE)}>
            Next
          </button>
        </p>
      )}
    </>
  );
}

interface TableProps {
  readonly items: readonly Job[];
  readonly chosen: ReadonlySet<string>;
  readonly choose: (id: string, on: boolean) => void;
  readonly cancel: (job: Job) => void;
}

function Table({ items, chosen, choose, cancel }: TableProps) {
  return (
    <Scroll label="Jobs">
      <table>
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
          {items.map((job) => (
            <tr key={job.id}>
              <JobCells job={job} state={<Course job={job} />}>
                {job.ofService && <OfService />}
              </JobCells>
              <td>{moment(job.createdAt)}</td>
              <td>
                {job.mayCancel && (
                  <div class="actions">
                    <input
                      type="checkbox"
                      aria-label={`Select ${job.id}`}
                      checked={chosen.has(job.id)}
                      onChange={({ currentTarget }) => choose(job.id, currentTarget.checked)}
                    />
                    <button
                      type="button"
                      aria-label={`Cancel ${job.id}`}
                      onClick={() => cancel(job)}
                    >
                      Cancel
                    </button>
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** How far a job is, or when it starts. */
function Course({ job: { state, progress, position, startsInSeconds } }: { readonly job: Job }) {
  if (position !== null)
    return (
      <>
        {state}, position {position}
        {startsInSeconds !== null && (
          <span class="quiet">, starts in about {duration(startsInSeconds)}</span>
        )}
      </>
    );
  if (!progress) return <>{state}</>;
  const { stage, done, total, share, etaSeconds } = progress;
  return (
    <>
      {state}, {Math.floor(100 * share)} %
      <span class="quiet">
        {' '}
        {stage} {Math.round(done)} of {Math.round(total)}
        {etaSeconds !== null && `, ${duration(etaSeconds)} left`}
      </span>
    </>
  );
}

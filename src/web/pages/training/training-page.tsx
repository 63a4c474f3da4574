import { Fragment } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { answer, client, ProblemError } from '../../client/client.js';
import { Swatch } from '../../parts/charts/series.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { duration, moment, value } from '../../parts/format.js';
import { JobProgress } from '../../parts/job-progress.js';
import { Problem } from '../../parts/problem.js';
import { WeightsChip } from '../../parts/provenance.js';
import { type ChangeQuery, useQuery } from '../../parts/query.js';
import { saveFile } from '../../parts/save.js';
import { Scroll } from '../../parts/scroll.js';
import { Stages } from '../../parts/stages.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { Checkpoints } from './checkpoints.js';
import { CurveCharts } from './curve-charts.js';
import { summaryOf } from './curves.js';
import { Outcomes } from './outcomes.js';
import { writeRecipe } from './recipe-text.js';
import './training.css';
import { isOpen } from '../../parts/job-state.js';
import { type Run, type Training, useRuns } from './use-runs.js';

/** Maximum number of runs in the charts. */
const MOST_RUNS = 6;

/** A live training, with other runs from the URL. */
export function TrainingPage() {
  const { params } = useRoute();
  const id = params.job ?? '';
  const [query, change] = useQuery();
  const ids = useMemo(
    () => [...new Set([id, ...query.getAll('with')])].slice(0, MOST_RUNS),
    [id, query],
  );
  const runs = useRuns(ids);
  const names = useNames(runs);
  const [run] = runs;
  const { job } = run;
  useTitle(job ? `Training ${job.name}` : 'Training');
  return (
    <div class="training">
      <h1>
        Training <bdi>{job?.name ?? id}</bdi>
      </h1>
      {run.error && <Problem error={run.error} />}
      {!job && !run.error && <p role="status">Loading the training…</p>}
      {job && <State run={run} job={job} />}
      {job && (
        <>
          <h2>Curves</h2>
          <Compared runs={runs} names={names} query={query} change={change} />
          <CurveCharts runs={runs} names={names} query={query} change={change} />
          <Outcomes runs={runs} names={names} />
          <h2>Checkpoints</h2>
          <Checkpoints run={run} job={job} />
          <p>
            <a href={`/compare?series=${job.id}`}>Scores by epoch</a> of the checkpoints on the
            leaderboard
          </p>
          <Provenance job={job} />
        </>
      )}
    </div>
  );
}

/** Names of runs; ids distinguish equal names. */
function useNames(runs: readonly Run[]): readonly string[] {
  const bare = runs.map(({ id, job }) => job?.name ?? id);
  return useMemo(
    () =>
      bare.map((name, i) =>
        bare.filter((other) => other === name).length > 1 ? `${name} (${runs[i].id})` : name,
      ),
    [bare.join('\n')],
  );
}

function State({ run, job }: { readonly run: Run; readonly job: Training }) {
  const { progress, lost } = run;
  const open = isOpen(job);
  return (
    <>
      <p role="status">
        <span class={`badge state-${job.state}`}>{job.state}</span>{' '}
        {open && !progress && (job.reason ?? 'waiting for a worker')}
        {!open && job.finishedAt && `on ${moment(job.finishedAt)}`}
        {lost && ' · connection lost; reconnecting'}
      </p>
      {open && progress && <JobProgress progress={progress} />}
      {job.problem && <Problem error={new ProblemError(job.problem)} />}
      {!job.problem && job.reason && <p class="notice">{job.reason}</p>}
      <dl class="facts">
        <dt>Model</dt>
        <dd>
          {job.links.model ? (
            <a href={`/models/${job.model}`}>
              <bdi>{job.modelName}</bdi>
            </a>
          ) : (
            <bdi>{job.model}</bdi>
          )}
          <WeightsChip weights={job.weights} />
        </dd>
        <dt>Submitted</dt>
        <dd>{moment(job.createdAt)}</dd>
        <dt>Started</dt>
        <dd>
          {moment(job.startedAt)}
          {job.attempt > 1 && `, attempt ${job.attempt}`}
        </dd>
        {job.finishedAt && job.startedAt && (
          <>
            <dt>Duration</dt>
            <dd>{duration((Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000)}</dd>
          </>
        )}
      </dl>
      {!open && <Stages job={job} />}
      <Actions job={job} />
      {job.log.length > 0 && (
        <details>
          <summary>Log</summary>
          <Scroll label="Log">
            <pre>{job.log.join('\n')}</pre>
          </Scroll>
        </details>
      )}
    </>
  );
}

function Actions({ job }: { readonly job: Training }) {
  const [sure, setSure] = useState(false);
  const [failed, setFailed] = useState<Error>();
  const path = { job: job.id };
  const attempt = (work: () => Promise<unknown>) => {
    setFailed(undefined);
    work().catch(setFailed);
  };
  const stop = () => answer(client.DELETE('/trainings/{job}', { params: { path } }));
  const report = async () => {
    const page = await answer(
      client.GET('/trainings/{job}/report', { params: { path }, parseAs: 'text' }),
    );
    saveFile(`${job.name}.html`, page, 'text/html');
  };
  return (
    <>
      <div class="actions">
        {isOpen(job) && job.mayCancel && !sure && (
          <button type="button" onClick={() => setSure(true)}>
            Stop the training
          </button>
        )}
        {isOpen(job) && sure && (
          <>
            <button type="button" class="primary" onClick={() => attempt(stop)}>
              Stop it and remove its checkpoints
            </button>
            <button type="button" onClick={() => setSure(false)}>
              Keep it running
            </button>
          </>
        )}
        <ExportMenu of="the training" items={[{ label: 'Report (HTML)', save: report }]} />
        <a class="button" href={`/trainings?recipe=${job.id}`}>
          Start a new training with this recipe
        </a>
      </div>
      {failed && <Problem error={failed} />}
    </>
  );
}

interface ComparedProps {
  readonly runs: readonly Run[];
  readonly names: readonly string[];
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** The runs that are drawn, with the best of each, and which others may join. */
function Compared({ runs, names, query, change }: ComparedProps) {
  const { data } = useResource(
    async (signal) => (await answer(client.GET('/trainings', { signal }))).items,
    [],
  );
  const shown = runs.map(({ id }) => id);
  const others = (data ?? []).filter(({ id }) => !shown.includes(id));
  const without = (id: string) => query.getAll('with').filter((other) => other !== id);
  return (
    <>
      <Scroll label="Runs in the charts">
        <table>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Epochs
              </th>
              <th scope="col" class="number">
                Last loss
              </th>
              <th scope="col" class="number">
                Minimum loss
              </th>
              <th scope="col">Best validation accuracy</th>
              <th scope="col">Best accuracy under attack</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run, i) => (
              <tr key={run.id}>
                <th scope="row">
                  <Swatch place={i} /> <bdi>{names[i]}</bdi>{' '}
                  {i > 0 && (
                    <button
                      type="button"
                      aria-label={`Remove ${names[i]}`}
                      onClick={() => change({ with: without(run.id) })}
                    >
                      ✕
                    </button>
                  )}
                </th>
                <RunCells run={run} />
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {others.length > 0 && runs.length < MOST_RUNS && (
        <div class="controls">
          <label>
            Add run
            <select
              value=""
              onChange={({ currentTarget }) =>
                change({ with: [...query.getAll('with'), currentTarget.value] })
              }
            >
              <option value="">choose…</option>
              {others.map(({ id, name, createdAt }) => (
                <option key={id} value={id}>
                  {name}, {moment(createdAt)}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
    </>
  );
}

function RunCells({ run }: { readonly run: Run }) {
  const { epochs, lastLoss, leastLoss, bestAccuracy, bestRobust } = useMemo(
    () => summaryOf(run.events),
    [run.events],
  );
  if (run.error)
    return (
      <td colSpan={6} class="words">
        {run.error.message}
      </td>
    );
  return (
    <>
      <td>{run.job?.state ?? '…'}</td>
      <td class="number">{epochs}</td>
      <td class="number">{value(lastLoss)}</td>
      <td class="number">{value(leastLoss)}</td>
      <td>
        {value(bestAccuracy?.validation.accuracy)} {bestAccuracy?.checkpoint}
      </td>
      <td>
        {value(bestRobust?.validation.robustAccuracy)} {bestRobust?.checkpoint}
      </td>
    </>
  );
}

function Provenance({ job }: { readonly job: Training }) {
  const { data } = useResource(() => writeRecipe(job.recipe), [job.id]);
  const { digests = {}, versions = {} } = job.provenance ?? {};
  return (
    <>
      <h2>Provenance</h2>
      <dl class="facts">
        <dt>Seed</dt>
        <dd>{String(job.recipe.seed)}</dd>
        {Object.entries(versions).map(([what, version]) => (
          <Fragment key={what}>
            <dt>{what}</dt>
            <dd>{version}</dd>
          </Fragment>
        ))}
        {Object.entries(digests).map(([what, digest]) => (
          <Fragment key={what}>
            <dt>Digest of {what}</dt>
            <dd>
              <code>{digest}</code>
            </dd>
          </Fragment>
        ))}
      </dl>
      {!job.provenance && (
        <p class="quiet">Digests and versions are listed once the training has started.</p>
      )}
      <details>
        <summary>Recipe with all defaults</summary>
        <Scroll label="Recipe with all defaults">
          <pre>{data}</pre>
        </Scroll>
      </details>
    </>
  );
}

import { moment, secondsBetween } from '../../parts/format.js';
import { JobProgress } from '../../parts/job-progress.js';
import { Problem } from '../../parts/problem.js';
import { FeaturesChip, WeightsChip } from '../../parts/provenance.js';
import { Scroll } from '../../parts/scroll.js';
import { Stages } from '../../parts/stages.js';
import { useTitle } from '../../parts/title.js';
import { Failures } from './failures.js';
import './job.css';
import { isOpen } from '../../parts/job-state.js';
import { MapResult } from './map-result.js';
import { Onward } from './onward.js';
import { ScoreResults } from './score-results.js';
import { type JobKind, type MapJob, type ScoreJob, useJob } from './use-job.js';

/** `/scores/{job}`. The kind is the route's, for the address is the next page's before this one is gone. */
export const ScoreJobPage = ({ job }: { readonly job: string }) => (
  <JobPage kind="scores" job={job} />
);

/** `/layer-maps/{job}`. */
export const MapJobPage = ({ job }: { readonly job: string }) => (
  <JobPage kind="layer-maps" job={job} />
);

/** One job as it goes, and what it came to. */
function JobPage({ kind, job: id }: { readonly kind: JobKind; readonly job: string }) {
  const { job, map, error, lost, cancel } = useJob(kind, id);
  const name = job && nameOf(job);
  const what = kind === 'scores' ? 'Scores' : 'Layer map';
  useTitle(name ? `${what} of ${name}` : what);
  return (
    <div class="job">
      <h1>
        {what}
        {name && (
          <>
            {' of '}
            <bdi>{name}</bdi>
            <WeightsChip weights={job?.weights} />
            <FeaturesChip model={job?.model} />
          </>
        )}
      </h1>
      {error && <Problem error={error} />}
      {job && <Course job={job} lost={lost} cancel={cancel} />}
      {job && 'results' in job && <ScoreResults job={job} />}
      {job && 'result' in job && <MapResult job={job} map={job.result ?? map} />}
      {job && <Failures job={job} />}
      {job && <Onward kind={kind} job={job} />}
      {job && <Log job={job} />}
    </div>
  );
}

/** The model as people call it: a result says so, which may be of another name than at the submission. */
const nameOf = (job: ScoreJob | MapJob): string =>
  ('results' in job ? job.results[0]?.name : job.result?.name) ?? job.modelName;

const words = {
  queued: 'Queued',
  running: 'Running',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

function stateOf(job: ScoreJob | MapJob): string {
  const part = job.state === 'failed' && ('results' in job ? job.results.length > 0 : job.result);
  return part ? 'Partly failed' : words[job.state];
}

/** The sizes that differ from those of the card. */
const inputText = ({ resize, crop }: NonNullable<ScoreJob['input']>): string =>
  [
    ...(resize === undefined ? [] : [`resized to ${resize} pixels`]),
    ...(crop === undefined ? [] : [`centre-cropped to ${crop} pixels`]),
  ].join(', ');

interface CourseProps {
  readonly job: ScoreJob | MapJob;
  readonly lost: boolean;
  readonly cancel: () => Promise<void>;
}

function Course({ job, lost, cancel }: CourseProps) {
  const open = isOpen(job);
  return (
    <section aria-label="Status">
      <p class={`job-state ${job.state}`} role="status">
        <strong>{stateOf(job)}</strong>
        {job.attempt > 1 && ` (attempt ${job.attempt})`}
        {job.reason && <span class="quiet"> {job.reason}</span>}
        {job.ofService && (
          <span class="badge" title="Started by the service; paused while other jobs run.">
            background
          </span>
        )}
      </p>
      {open && job.progress && <JobProgress progress={job.progress} />}
      {open && lost && (
        <p class="notice" role="status">
          Connection lost. The job continues; reconnecting…
        </p>
      )}
      <dl class="facts">
        <dt>Submitted</dt>
        <dd>{moment(job.createdAt)}</dd>
        {job.startedAt && (
          <>
            <dt>Started</dt>
            <dd>{moment(job.startedAt)}</dd>
          </>
        )}
        {job.finishedAt && (
          <>
            <dt>Ended</dt>
            <dd>
              {moment(job.finishedAt)}
              {job.startedAt && `, after ${secondsBetween(job.startedAt, job.finishedAt)}`}
            </dd>
          </>
        )}
        {job.input && (
          <>
            <dt>Input size</dt>
            <dd>{inputText(job.input)}</dd>
          </>
        )}
      </dl>
      {!open && <Stages job={job} />}
      {open && job.mayCancel && (
        <p class="actions">
          <button type="button" onClick={() => void cancel()}>
            Cancel the job
          </button>
        </p>
      )}
      {'brought' in job && job.state === 'succeeded' && job.mayCancel && (
        <p class="actions">
          <button type="button" onClick={() => void cancel()}>
            Withdraw the scores
          </button>
        </p>
      )}
    </section>
  );
}

function Log({ job }: { readonly job: ScoreJob | MapJob }) {
  if (job.log.length === 0) return null;
  return (
    <details open={isOpen(job)}>
      <summary>Log</summary>
      <Scroll label="Log">
        <pre>{job.log.join('\n')}</pre>
      </Scroll>
    </details>
  );
}

import type { ComponentChildren } from 'preact';
import type { Schemas } from '../../client/client.js';
import { FeaturesChip, WeightsChip } from '../../parts/provenance.js';
import { kindNames, kindPaths, someOf } from './job-kinds.js';

interface ListedJob extends Pick<Schemas['QueuedJob'], 'id' | 'kind' | 'model' | 'modelName'> {
  readonly weights: Schemas['QueuedJob']['weights'];
  readonly benchmarks: readonly string[];
}

/** That a job is the service's own, a space behind its id. */
export const OfService = () => (
  <>
    {' '}
    <span class="badge" title="Started by the service; paused while other jobs run.">
      background
    </span>
  </>
);

/** The first cells of a job in any list: itself, its state, its model, its benchmarks. */
export function JobCells({
  job,
  state,
  children,
}: {
  readonly job: ListedJob;
  readonly state: ComponentChildren;
  /** Behind the job's id. */
  readonly children?: ComponentChildren;
}) {
  return (
    <>
      <th scope="row">
        <a href={`/${kindPaths[job.kind]}/${job.id}`}>{kindNames[job.kind]}</a>{' '}
        <span class="quiet">{job.id}</span>
        {children}
      </th>
      <td>{state}</td>
      <td>
        <a class="model" href={`/models/${encodeURIComponent(job.model)}`}>
          <bdi>{job.modelName}</bdi>
        </a>
        <WeightsChip weights={job.weights} />
        <FeaturesChip model={job.model} />
      </td>
      <td>
        <bdi>{someOf(job.benchmarks)}</bdi>
      </td>
    </>
  );
}

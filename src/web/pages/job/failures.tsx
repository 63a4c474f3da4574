import type { ComponentChildren } from 'preact';
import type { Schemas } from '../../client/client.js';
import type { MapJob, ScoreJob } from './use-job.js';

type Failure = Schemas['JobFailures'][number];

/** Benchmarks without a result: why, and what to do. Equal reasons stand once. */
export function Failures({ job }: { readonly job: ScoreJob | MapJob }) {
  if (job.failures.length === 0) return null;
  const byReason = new Map<string, Failure[]>();
  for (const failure of job.failures) {
    const { detail } = failure.problem;
    byReason.set(detail, [...(byReason.get(detail) ?? []), failure]);
  }
  return (
    <section aria-label="Failures">
      <h2>Failures</h2>
      {[...byReason].map(([detail, failures]) => (
        <div key={detail} class="problem">
          <p>
            <strong>
              {failures.map(({ benchmark }, i) => (
                <span key={benchmark}>
                  {i > 0 && ', '}
                  <bdi>{benchmark}</bdi>
                </span>
              ))}
            </strong>
          </p>
          <p>
            {failures[0].problem.title}. {detail}
          </p>
          <Advice failure={failures[0]} model={job.model} />
        </div>
      ))}
    </section>
  );
}

/** What to do about a problem, where there is more to say than the problem itself does. */
function Advice({ failure, model }: { readonly failure: Failure; readonly model: string }) {
  const code = failure.problem.type.replace('/problems/', '');
  const advice = adviceOf(model)[code];
  return advice ? <p>{advice}</p> : null;
}

function adviceOf(model: string): Readonly<Record<string, ComponentChildren>> {
  const card = model.startsWith('mdl_') ? (
    <a href={`/submit?model=${encodeURIComponent(model)}`}>the model’s card</a>
  ) : (
    'the model’s card'
  );
  const layers = (
    <>Set a layer in {card}. A layer map of the model shows which layer represents each region.</>
  );
  return {
    'layer-unset': layers,
    'layer-unknown': layers,
    'layer-folded': layers,
    'layer-unsteady': layers,
    'units-too-few': layers,
    'labels-uncovered': <>Set the logits output and its classes in {card}.</>,
    'input-mismatch': <>Correct the input size in {card}.</>,
    'card-missing': <>Complete {card}.</>,
    'data-missing': (
      <>
        The administrator of this service can install the data with <code>ventral data pull</code>.
        Simulated benchmarks need no data.
      </>
    ),
    'memory-exceeded': (
      <>
        Score a smaller input or fewer layers, or ask the administrator of this service to raise{' '}
        <code>--max-memory</code>.
      </>
    ),
    'process-died': 'Start the job again. If it fails again, see the log of the service.',
    'worker-lost': 'Start the job again.',
    internal: 'Start the job again. If it fails again, see the log of the service.',
  };
}

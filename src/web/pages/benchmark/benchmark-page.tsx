import { useRoute } from 'preact-iso';
import { answer, client, type Schemas } from '../../client/client.js';
import { visibleTo } from '../../parts/model-facts.js';
import { Problem } from '../../parts/problem.js';
import { OriginChip } from '../../parts/provenance.js';
import { useTitle } from '../../parts/title.js';
import { useResource } from '../../parts/use-resource.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import './benchmark.css';
import { Citation } from './citation.js';
import { DeleteBenchmark } from './delete-benchmark.js';
import { Measured } from './measured.js';
import { Recorded } from './recorded.js';
import { ScoreModel } from './score-model.js';
import { ScoresOn } from './scores-on.js';
import { Shown } from './shown.js';

type Benchmark = Schemas['Benchmark'];
type Data = Schemas['BenchmarkData'];

/** One benchmark: what was shown, what was recorded, how they are compared, who scored on it. */
export function BenchmarkPage() {
  const { benchmark } = useRoute().params;
  const { data, error } = useResource(
    (signal) =>
      answer(client.GET('/benchmarks/{benchmark}', { params: { path: { benchmark } }, signal })),
    [benchmark],
  );
  const name = data?.upload ? data.benchmarks.map(({ id }) => id).join(', ') : benchmark;
  useTitle(name);
  if (error) return <Problem error={error} />;
  return (
    <>
      <p class="quiet">
        <a href="/benchmarks">Benchmarks</a>
      </p>
      <h1>
        <bdi>{name}</bdi>
        <OriginChip origin={data?.origin} />
      </h1>
      {data ? <Sections one={data} /> : <p aria-live="polite">Loading…</p>}
    </>
  );
}

function Sections({ one }: { readonly one: Benchmark }) {
  const { data, error } = useResource(
    (signal) =>
      answer(
        client.GET('/benchmarks/{benchmark}/data', {
          params: { path: { benchmark: one.id } },
          signal,
        }),
      ),
    [one.id],
  );
  const items = data?.items ?? [];
  return (
    <>
      <About one={one} items={items} />
      <h2>Stimuli</h2>
      <Pictures one={one} items={items} />
      {error && <Problem error={error} />}
      {!data && !error && <p aria-live="polite">Loading recordings and computing their ceiling…</p>}
      {data && (
        <div class="side-by-side">
          <section>
            <h2>Recordings</h2>
            <Recorded items={items} />
          </section>
          <section>
            <h2>Metric</h2>
            <Measured items={items} />
          </section>
        </div>
      )}
      <div class="side-by-side">
        <section>
          <h2>Scores</h2>
          <ScoresOn one={one} />
          {(one.upload || one.simulated || one.ready) && <ScoreModel one={one} />}
        </section>
        <section>
          <h2>How to cite</h2>
          <Citation one={one} bibtex={items[0]?.bibtex ?? null} />
        </section>
      </div>
      {one.upload && <DeleteBenchmark id={one.id} owner={one.upload.owner} />}
    </>
  );
}

/** The stimuli, if they may be shown: requests known to be refused are not sent. */
function Pictures({ one, items }: { readonly one: Benchmark; readonly items: readonly Data[] }) {
  if (one.ready === false) return <p>The stimuli are not installed on this service.</p>;
  if (!one.upload && !one.simulated && items.length === 0)
    return <p aria-live="polite">Loading…</p>;
  if (items.some(({ access }) => access === 'private'))
    return <p>The stimuli are private: they are reserved for evaluation and not shown.</p>;
  const hasFitting = items.some(({ fittingStimuli }) => fittingStimuli !== null);
  return <Shown benchmark={one.id} hasFitting={hasFitting} />;
}

function About({ one, items }: { readonly one: Benchmark; readonly items: readonly Data[] }) {
  const { upload, simulated, version } = one;
  const title = items[0]?.title;
  return (
    <>
      {title && (
        <p>
          <bdi>{title}</bdi>
        </p>
      )}
      <p>
        <span class="badge">version {version}</span>{' '}
        {items[0]?.verified && <span class="badge">verified here</span>}{' '}
        {items[0]?.access === 'private' && <span class="badge">private data</span>}
      </p>
      {simulated && <p class="notice">Simulated benchmark. {SIMULATED}</p>}
      {upload && (
        <dl class="facts">
          <dt>Id</dt>
          <dd>
            <code>{one.id}</code>
          </dd>
          <dt>Owner</dt>
          <dd>
            <bdi>{upload.owner}</bdi>
          </dd>
          <dt>Visible to</dt>
          <dd>
            {visibleTo[upload.visibility]}
            {upload.group && (
              <>
                {' '}
                <bdi>{upload.group}</bdi>
              </>
            )}
          </dd>
          <dt>Digest</dt>
          <dd>
            <code>{upload.digest}</code>
          </dd>
        </dl>
      )}
    </>
  );
}

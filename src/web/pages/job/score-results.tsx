import type { Schemas } from '../../client/client.js';
import { BenchmarkName } from '../../parts/benchmark-name.js';
import {
  type BenchmarkPages,
  type PlacedBenchmark,
  useBenchmarkPages,
} from '../../parts/benchmark-pages.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { duration, interval, value } from '../../parts/format.js';
import { isOpen } from '../../parts/job-state.js';
import {
  BROUGHT,
  errorOfRaw,
  errorOfValue,
  floorLines,
  selectionOf,
} from '../../parts/score-words.js';
import { Scroll } from '../../parts/scroll.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import { Term } from '../../parts/words/term.js';
import type { ScoreJob } from './use-job.js';

type Score = Schemas['Score'];

/** The scores of a job as they arrive, real ones apart from simulated ones. */
export function ScoreResults({ job }: { readonly job: ScoreJob }) {
  const { results, failures } = job;
  const pages = useBenchmarkPages();
  const ended = new Set([...results, ...failures].map(({ benchmark }) => benchmark));
  const waiting = isOpen(job) ? job.benchmarks.filter((id) => !ended.has(id)) : [];
  return (
    <section aria-label="Scores">
      <h2>
        Scores{' '}
        <span class="quiet">
          {results.length} of {job.benchmarks.length}
        </span>
      </h2>
      <Scores
        title="Recorded benchmarks"
        scores={results.filter(({ simulated }) => !simulated)}
        pages={pages}
      />
      <Scores
        title={`Simulated benchmarks. ${SIMULATED}`}
        scores={results.filter(({ simulated }) => simulated)}
        pages={pages}
      />
      {waiting.length > 0 && (
        <p class="quiet">
          Pending:{' '}
          {waiting.map((id, i) => (
            <span key={id}>
              {i > 0 && ', '}
              <bdi>{id}</bdi>
            </span>
          ))}
        </p>
      )}
      {job.brought && <Origin brought={job.brought} />}
      <SpokenIntervals scores={results} />
      {results.some(({ selection }) => selection) && (
        <p class="quiet">
          †: a <Term of="selection">selection</Term>; the layer was chosen on stimuli of this
          benchmark.
        </p>
      )}
    </section>
  );
}

/** Where scores come from that no worker of this service computed. */
function Origin({ brought }: { readonly brought: Schemas['Brought'] }) {
  const { ventral, runtime, unchecked } = brought;
  return (
    <p class="notice">
      ‡ External: {BROUGHT}, by ventral {ventral} on <bdi>{runtime.platform}</bdi>.{' '}
      {unchecked.length > 0 && (
        <>
          The inputs could not be compared on <bdi>{unchecked.join(', ')}</bdi>, whose data are not
          installed here.
        </>
      )}
    </p>
  );
}

interface ScoresProps {
  readonly pages: BenchmarkPages | undefined;
  readonly title: string;
  readonly scores: readonly Score[];
}

function Scores({ title, scores, pages }: ScoresProps) {
  if (scores.length === 0) return null;
  return (
    <Scroll label={title}>
      <table class="scores">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            <th scope="col" class="number">
              <Term of="score">Score</Term>
            </th>
            <th scope="col">
              95 % <Term of="interval">interval</Term>
            </th>
            <th scope="col">
              <Term of="layer">Layer</Term>
            </th>
            <th scope="col" class="number">
              <Term of="raw">Raw</Term>
            </th>
            <th scope="col" class="number">
              <Term of="ceiling">Ceiling</Term>
            </th>
            <th scope="col" class="number">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {scores.map((score) => (
            <Row key={score.benchmark} score={score} of={pages?.get(score.benchmark)} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** How often each image was shown, and how much the layer varied. */
const trialsText = ({ count, spread }: NonNullable<Score['provenance']['trials']>) =>
  spread === null
    ? `${count} ${count === 1 ? 'trial' : 'trials'}`
    : `${count} trials, spread ${(100 * spread).toFixed(spread < 0.1 ? 1 : 0)} %`;

function Row({ score, of }: { readonly score: Score; readonly of: PlacedBenchmark | undefined }) {
  const { benchmark, layer, selection, warnings, provenance, raw, ceiling } = score;
  const { seconds } = provenance;
  return (
    <tr>
      <th scope="row">
        <BenchmarkName id={benchmark} simulated={score.simulated} of={of} />
        {warnings.map(({ code, detail }) => (
          <span key={code} class="warning">
            {detail}
          </span>
        ))}
      </th>
      <td class="number">
        <strong>{value(score.value)}</strong>
        {selection && <abbr title={selectionOf(score)}>†</abbr>}
        <span class="quiet"> {errorOfValue(score)}</span>
        {floorLines(score.floors).map((line) => (
          <small class="quiet" key={line}>
            {line}
          </small>
        ))}
      </td>
      <td>{interval(score.ci) || '–'}</td>
      <td>
        <bdi class="layer">{layer}</bdi>
        {selection && <small class="quiet">{selectionOf(score)}</small>}
        {provenance.trials && <small class="quiet">{trialsText(provenance.trials)}</small>}
      </td>
      <td class="number">
        {value(raw.value)}
        <span class="quiet"> {errorOfRaw(score)}</span>
      </td>
      <td class="number">{value(ceiling?.value)}</td>
      <td class="number">{typeof seconds === 'number' ? duration(seconds) : '–'}</td>
    </tr>
  );
}

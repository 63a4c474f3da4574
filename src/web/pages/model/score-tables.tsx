import type { Schemas } from '../../client/client.js';
import { BenchmarkName } from '../../parts/benchmark-name.js';
import type { BenchmarkPages, PlacedBenchmark } from '../../parts/benchmark-pages.js';
import { SpokenIntervals } from '../../parts/charts/spoken-intervals.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { interval, moment, value } from '../../parts/format.js';
import { saveFile } from '../../parts/save.js';
import {
  BROUGHT,
  choiceOf,
  errorOfRaw,
  errorOfValue,
  selectionOf,
} from '../../parts/score-words.js';
import { Scroll } from '../../parts/scroll.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import { Term } from '../../parts/words/term.js';
import type { ModelScores, ScoreOfJob } from './use-scores.js';

type Part = Schemas['ScorePart'];

/** The scores of a model, recorded ones apart from simulated ones; what failed says why. */
export function ScoreTables({
  model,
  scores: { present, others, failures, open },
  pages,
}: {
  readonly model: Schemas['Model'];
  readonly scores: ModelScores;
  readonly pages: BenchmarkPages;
}) {
  const recorded = present.filter(({ score }) => !score.simulated);
  const simulated = present.filter(({ score }) => score.simulated);
  return (
    <>
      {open.map(({ id, state, benchmarks }) => (
        <p class="notice" key={id}>
          <a href={`/scores/${id}`}>A job</a> on {benchmarks.length}{' '}
          {benchmarks.length === 1 ? 'benchmark' : 'benchmarks'} is {state}.
        </p>
      ))}
      {present.length === 0 && failures.length === 0 && (
        <p>No scores yet. Choose benchmarks below.</p>
      )}
      <ScoreTable caption="Recorded benchmarks" scores={recorded} pages={pages} />
      <ScoreTable caption={`Simulated benchmarks. ${SIMULATED}`} scores={simulated} pages={pages} />
      <SpokenIntervals scores={present.map(({ score }) => score)} />
      {failures.map(({ benchmark, problem, job }) => (
        <div class="problem" key={benchmark}>
          <p>
            <strong>
              <bdi>{benchmark}</bdi>: {problem.title}
            </strong>{' '}
            (<a href={`/scores/${job}`}>job</a>)
          </p>
          <p>{problem.detail}</p>
        </div>
      ))}
      {others.length > 0 && (
        <details>
          <summary>
            {others.length} earlier or other {others.length === 1 ? 'score' : 'scores'}
          </summary>
          <ScoreTable
            caption="Earlier scores, and scores of other layers or inputs"
            scores={others}
            pages={pages}
          />
        </details>
      )}
      {present.length > 0 && (
        <div class="actions">
          <ExportMenu
            of="the scores"
            items={[
              {
                label: 'JSON',
                save: () =>
                  saveFile(
                    `${model.name}-scores.json`,
                    JSON.stringify(
                      [...present, ...others].map(({ score }) => score),
                      null,
                      2,
                    ),
                    'application/json',
                  ),
              },
            ]}
          />
          <a class="button" href={`/compare?model=${encodeURIComponent(model.id)}`}>
            Compare with other models
          </a>
        </div>
      )}
    </>
  );
}

function ScoreTable({
  caption,
  scores,
  pages,
}: {
  readonly caption: string;
  readonly scores: readonly ScoreOfJob[];
  readonly pages: BenchmarkPages;
}) {
  if (scores.length === 0) return null;
  return (
    <Scroll label={caption}>
      <table class="scores">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Benchmark</th>
            <th scope="col" class="number">
              <Term of="score">Score</Term>
            </th>
            <th scope="col">
              95 % <Term of="interval">interval</Term>
            </th>
            <th scope="col" class="number">
              <Term of="raw">Raw</Term>
            </th>
            <th scope="col" class="number">
              <Term of="ceiling">Ceiling</Term>
            </th>
            <th scope="col">
              <Term of="layer">Layer</Term>
            </th>
            <th scope="col">Scored</th>
          </tr>
        </thead>
        <tbody>
          {scores.map(({ score, job }) => (
            <Row
              key={job.id + score.benchmark}
              score={score}
              job={job}
              of={pages.get(score.benchmark)}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface RowProps extends ScoreOfJob {
  readonly of: PlacedBenchmark | undefined;
}

function Row({ score, job, of }: RowProps) {
  const { benchmark, version, verified, selection, layer, warnings, raw, ceiling, formula } = score;
  return (
    <tr>
      <th scope="row">
        <BenchmarkName id={benchmark} simulated={score.simulated} of={of} />{' '}
        <span class="quiet">
          v{version}
          {of && of.version !== version && `; the current version is v${of.version}`}
        </span>
        {verified && <span class="badge">verified</span>}
        {warnings.map(({ code, detail }) => (
          <small class="warning" key={code + detail}>
            {detail}
          </small>
        ))}
      </th>
      <td class="number">
        <strong>{value(score.value)}</strong>
        {selection && (
          <span class="badge" title={selectionOf(score)}>
            selection
          </span>
        )}
        {job.brought && (
          <span class="badge" title={BROUGHT}>
            external
          </span>
        )}
        <small class="quiet" title={`${score.errorKind}; ${formula}`}>
          {errorOfValue(score)}
        </small>
      </td>
      <td>{interval(score.ci) || '–'}</td>
      <td class="number">
        {value(raw.value)}
        <small class="quiet" title={score.errorKind}>
          {errorOfRaw(score)}
        </small>
      </td>
      <CeilingCell part={ceiling} />
      <td>
        <bdi>{layer}</bdi>
        <small class="quiet">{selection ? selectionOf(score) : choiceOf(score)}</small>
      </td>
      <td>
        <a href={`/scores/${job.id}`}>{moment(job.finishedAt ?? job.createdAt)}</a>
        {job.input && <small>at a different input size</small>}
      </td>
    </tr>
  );
}

function CeilingCell({ part }: { readonly part: Part | null }) {
  return (
    <td class="number">
      {value(part?.value)}
      {part && part.error !== null && <small class="quiet">± {value(part.error)}</small>}
    </td>
  );
}

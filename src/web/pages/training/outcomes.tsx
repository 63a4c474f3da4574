import { useMemo } from 'preact/hooks';
import { originOf, useBenchmarkPages } from '../../parts/benchmark-pages.js';
import { Chart } from '../../parts/charts/chart.js';
import { interval, value } from '../../parts/format.js';
import { OriginChip } from '../../parts/provenance.js';
import { Scroll } from '../../parts/scroll.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import { eventsOf } from './curves.js';
import { checkpointsFigure, type Outcome, robustnessFigure } from './figures.js';
import type { Run } from './use-runs.js';

interface OutcomesProps {
  readonly runs: readonly Run[];
  readonly names: readonly string[];
}

/** @param found events of each run */
function outcomesOf<E extends { readonly checkpoint: string }>(
  found: readonly (readonly E[])[],
  names: readonly string[],
) {
  const several = found.filter(({ length }) => length > 0).length > 1;
  return found.flatMap((events, run) =>
    events.map((event) => ({
      ...{ run, event },
      who: several ? `${event.checkpoint} of ${names[run]}` : event.checkpoint,
    })),
  );
}

/** What came out of a training: accuracy under attack, scores beside the baselines, seeds compared, notes. */
export function Outcomes({ runs, names }: OutcomesProps) {
  const { robustness, scores } = useMemo(
    () => ({
      robustness: outcomesOf(
        runs.map(({ events }) => eventsOf(events, 'robustness')),
        names,
      ),
      scores: outcomesOf(
        runs.map(({ events }) => eventsOf(events, 'score')),
        names,
      ),
    }),
    [runs.map(({ id, events }) => `${id} ${events.length}`).join(' ')],
  );
  const norms = [...new Set(robustness.map(({ event }) => event.norm))];
  const worlds = [true, false].filter((simulated) =>
    scores.some(({ event }) => event.simulated === simulated),
  );
  return (
    <>
      {norms.length > 0 && <h2>Accuracy under attack</h2>}
      {norms.map((norm) => (
        <Robustness key={norm} norm={norm} all={robustness} />
      ))}
      {worlds.length > 0 && <h2>Scores of the checkpoints</h2>}
      {worlds.map((simulated) => (
        <Scores
          key={String(simulated)}
          simulated={simulated}
          all={scores.filter(({ event }) => event.simulated === simulated)}
        />
      ))}
      <Seeds runs={runs} names={names} />
      <Notes runs={runs} names={names} />
    </>
  );
}

interface RobustnessProps {
  readonly norm: 'Linf' | 'L2';
  readonly all: readonly Outcome<'robustness'>[];
}

function Robustness({ norm, all }: RobustnessProps) {
  const mine = useMemo(() => all.filter(({ event }) => event.norm === norm), [all, norm]);
  const figure = useMemo(() => robustnessFigure(mine, norm), [mine, norm]);
  return (
    <Chart title={`Accuracy against epsilon, ${norm}`} figure={figure}>
      <Scroll label={`Accuracy under attack, ${norm}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Checkpoint</th>
              <th scope="col">Attack</th>
              <th scope="col" class="number">
                Epsilon
              </th>
              <th scope="col">Correct</th>
              <th scope="col" class="number">
                Share
              </th>
              <th scope="col">95 % interval</th>
            </tr>
          </thead>
          <tbody>
            {mine.map(({ who, event }) => (
              <tr key={`${who} ${event.attack} ${event.epsilon}`}>
                <th scope="row">
                  <bdi>{who}</bdi>
                </th>
                <td>{event.attack === 'worst' ? 'worst of all attacks' : event.attack}</td>
                <td class="number">{Number(event.epsilon.toPrecision(4))}</td>
                <td>
                  {event.correct} of {event.count}
                </td>
                <td class="number">{value(event.correct / event.count)}</td>
                <td>{interval(event.interval)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Chart>
  );
}

interface ScoresProps {
  readonly simulated: boolean;
  readonly all: readonly Outcome<'score'>[];
}

function Scores({ simulated, all }: ScoresProps) {
  const pages = useBenchmarkPages();
  const figure = useMemo(() => checkpointsFigure(all, simulated), [all.length, simulated]);
  const title = simulated ? 'Scores on simulated benchmarks' : 'Scores on real recordings';
  return (
    <>
      {simulated && (
        <p class="notice">
          <strong>Simulated benchmarks.</strong> {SIMULATED}
        </p>
      )}
      <Chart title={title} figure={figure}>
        <p>The table below has the values.</p>
      </Chart>
      <Scroll label={title}>
        <table>
          <caption>
            Compared with the untrained network (untrained) and the image pixels (pixels)
          </caption>
          <thead>
            <tr>
              <th scope="col">Benchmark</th>
              <th scope="col">Checkpoint</th>
              <th scope="col" class="number">
                Score
              </th>
              <th scope="col">95 % interval</th>
            </tr>
          </thead>
          <tbody>
            {all.map(({ who, event }) => (
              <tr key={`${who} ${event.benchmark}`}>
                <td>
                  <bdi>{event.benchmark}</bdi>
                  <OriginChip origin={originOf({ benchmark: event.benchmark, simulated }, pages)} />
                </td>
                <th scope="row">
                  <bdi>{who}</bdi>
                </th>
                <td class="number">{value(event.value)}</td>
                <td class={event.value === null ? 'words' : undefined}>
                  {event.value === null ? event.reason : interval(event.ci)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Seeds({ runs, names }: OutcomesProps) {
  const found = runs.flatMap(({ events }, run) =>
    eventsOf(events, 'comparison').map((event) => ({ run, event })),
  );
  if (found.length === 0) return null;
  return (
    <>
      <h2>Across seeds</h2>
      <Scroll label="Stages compared over seeds">
        <table>
          <caption>Differences between stages, each retrained; intervals across seeds</caption>
          <thead>
            <tr>
              {runs.length > 1 && <th scope="col">Run</th>}
              <th scope="col">Difference from the previous stage</th>
              <th scope="col">Measure</th>
              <th scope="col" class="number">
                Mean difference
              </th>
              <th scope="col">95 % interval</th>
              <th scope="col">Seeds</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ run, event }) => (
              <tr key={`${run} ${event.stage} ${event.with} ${event.measure}`}>
                {runs.length > 1 && (
                  <td>
                    <bdi>{names[run]}</bdi>
                  </td>
                )}
                <th scope="row">
                  {event.stage} − {event.with}
                </th>
                <td>
                  {event.measure}
                  {event.simulated && ' (simulated)'}
                </td>
                <td class="number">{value(event.mean)}</td>
                <td>{interval(event.interval)}</td>
                <td>{event.seeds.join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Notes({ runs, names }: OutcomesProps) {
  const notes = runs.flatMap(({ events }, run) =>
    eventsOf(events, 'note').map((event) => ({ run, event })),
  );
  if (notes.length === 0) return null;
  return (
    <>
      <h2>Run notes</h2>
      <ul>
        {notes.map(({ run, event }) => (
          <li key={`${run} ${event.stage} ${event.text}`}>
            {runs.length > 1 && <bdi>{names[run]}, </bdi>}
            {event.stage}: {event.text}
          </li>
        ))}
      </ul>
    </>
  );
}

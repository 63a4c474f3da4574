import type { PlotOptions } from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { originOf, useBenchmarkPages } from '../../parts/benchmark-pages.js';
import { Chart, type Plot } from '../../parts/charts/chart.js';
import { drawingKey, seriesStyles, shortened } from '../../parts/charts/series.js';
import { interval, value } from '../../parts/format.js';
import { OriginChip } from '../../parts/provenance.js';
import { Scroll } from '../../parts/scroll.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import { type EventOf, eventsOf, isBaseline } from './curves.js';
import type { Run } from './use-runs.js';

interface OutcomesProps {
  readonly runs: readonly Run[];
  readonly names: readonly string[];
}

/** A figure of a run's checkpoint. */
interface Of<K extends 'robustness' | 'score'> {
  readonly run: number;
  /** The checkpoint, with its run where there are several. */
  readonly who: string;
  readonly event: EventOf<K>;
}

function figuresOf<K extends 'robustness' | 'score'>(
  { runs, names }: OutcomesProps,
  kind: K,
): Of<K>[] {
  const found = runs.map(({ events }) => eventsOf(events, kind));
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
      robustness: figuresOf({ runs, names }, 'robustness'),
      scores: figuresOf({ runs, names }, 'score'),
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
  readonly all: readonly Of<'robustness'>[];
}

function Robustness({ norm, all }: RobustnessProps) {
  const mine = useMemo(() => all.filter(({ event }) => event.norm === norm), [all, norm]);
  const drawing = useMemo(() => (plot: Plot) => robustnessChart(plot, mine, norm), [mine, norm]);
  return (
    <Chart title={`Accuracy against epsilon, ${norm}`} options={drawing}>
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

/** The worst case of each checkpoint, from its accuracy without an attack on. */
function robustnessChart(
  plot: Plot,
  figures: readonly Of<'robustness'>[],
  norm: string,
): PlotOptions {
  const shown = figures.filter(({ event }) => event.attack === 'clean' || event.attack === 'worst');
  const whos = [...new Set(shown.map(({ who }) => who))].slice(0, seriesStyles.length);
  const key = drawingKey(
    plot,
    whos.map((label, i) => ({ label, ...seriesStyles[i] })),
  );
  return {
    ...{ height: 260 + key.marginTop, grid: true },
    ...{ marginTop: key.marginTop, marginLeft: 50, marginBottom: 40 },
    x: { label: `epsilon, ${norm}` },
    y: { label: null, domain: [0, 1] },
    marks: [
      ...key.marks,
      ...whos.flatMap((who, i) => {
        const { colour, symbol } = seriesStyles[i];
        const points = shown
          .filter((figure) => figure.who === who)
          .map(({ event }) => ({ ...event, share: event.correct / event.count }))
          .sort((a, b) => a.epsilon - b.epsilon);
        const at = { x: 'epsilon', y: 'share' } as const;
        return [
          plot.ruleX(points, {
            ...{
              x: 'epsilon',
              y1: ({ interval: [low] }) => low,
              y2: ({ interval: [, high] }) => high,
            },
            ...{ stroke: colour, strokeOpacity: 0.6 },
          }),
          plot.lineY(points, { ...at, stroke: colour, strokeWidth: 2 }),
          plot.dot(points, {
            ...{ ...at, symbol, fill: colour, r: 4 },
            title: ({ epsilon, correct, count, share, interval: ci }) =>
              `${who}, epsilon ${Number(epsilon.toPrecision(4))}: ${correct} of ${count}, ${value(share)} ${interval(ci)}`,
          }),
        ];
      }),
    ],
  };
}

interface ScoresProps {
  readonly simulated: boolean;
  readonly all: readonly Of<'score'>[];
}

function Scores({ simulated, all }: ScoresProps) {
  const pages = useBenchmarkPages();
  const drawing = useMemo(
    () => (plot: Plot, width: number) => scoreChart(plot, width, all),
    [all.length],
  );
  const title = simulated ? 'Scores on simulated benchmarks' : 'Scores on real recordings';
  return (
    <>
      {simulated && (
        <p class="notice">
          <strong>Simulated benchmarks.</strong> {SIMULATED}
        </p>
      )}
      <Chart title={title} options={drawing}>
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

function scoreChart(plot: Plot, width: number, figures: readonly Of<'score'>[]): PlotOptions {
  const scored = figures.filter(({ event }) => event.value !== null);
  const whos = [...new Set(figures.map(({ who }) => who))];
  const benchmarks = [...new Set(figures.map(({ event }) => event.benchmark))];
  const marginLeft = Math.min(150, 0.35 * width);
  const place = {
    y: 'who',
    fy: ({ event }: Of<'score'>) => event.benchmark,
  } as const;
  const at = { ...place, x: ({ event }: Of<'score'>) => event.value };
  const title = ({ who, event }: Of<'score'>) =>
    `${who}, ${event.benchmark}: ${value(event.value)} ${interval(event.ci)}`;
  return {
    ...{ height: 60 + benchmarks.length * (22 * whos.length + 26), marginLeft },
    ...{ marginBottom: 40, grid: true },
    x: { label: 'score', nice: true, zero: true },
    y: { label: null, domain: whos, tickFormat: (who: string) => shortened(who, marginLeft / 7) },
    fy: { domain: benchmarks, axis: null },
    marks: [
      plot.frame({ stroke: 'currentColor', strokeOpacity: 0.2 }),
      plot.text(benchmarks, {
        ...{ fy: (benchmark: string) => benchmark, text: (benchmark: string) => benchmark },
        ...{ frameAnchor: 'top-left', dy: -10, dx: 2, fontWeight: 'bold', fill: 'currentColor' },
      } as const),
      plot.ruleY(
        scored.filter(({ event }) => event.ci),
        {
          ...place,
          x1: ({ event }) => event.ci?.[0],
          x2: ({ event }) => event.ci?.[1],
          stroke: ({ run }) => seriesStyles[run].colour,
          strokeWidth: 2,
        },
      ),
      plot.dot(scored, {
        ...at,
        r: 5,
        symbol: ({ run }) => seriesStyles[run].symbol,
        stroke: ({ run }) => seriesStyles[run].colour,
        strokeWidth: 2,
        fill: ({ run, event }) =>
          isBaseline(event.checkpoint) ? 'none' : seriesStyles[run].colour,
        title,
      }),
    ],
  };
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

import { useMemo } from 'preact/hooks';
import { seriesStyles } from '../../../figure/symbols.js';
import {
  type CurvePoint,
  curvesFigure,
  type TrainingLine,
} from '../../../figure/training-figure.js';
import { Chart } from '../../parts/charts/chart.js';
import { csvText } from '../../parts/csv.js';
import { ExportMenu } from '../../parts/export-menu.js';
import type { ChangeQuery } from '../../parts/query.js';
import { saveFile } from '../../parts/save.js';
import { Scroll } from '../../parts/scroll.js';
import { curvesOf, eventsOf, type RunCurves, smoothed } from './curves.js';
import type { Run } from './use-runs.js';

interface CurveChartsProps {
  readonly runs: readonly Run[];
  /** What runs are called, in their order. */
  readonly names: readonly string[];
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** Loss, accuracy and rate of one run or several over their steps. */
export function CurveCharts({ runs, names, query, change }: CurveChartsProps) {
  const smoothing = Math.min(0.99, Math.max(0, Number(query.get('smooth') ?? 0) || 0));
  const log = query.get('log') === '1';
  const stages = [
    ...new Set(
      runs.flatMap(({ events }) =>
        events.flatMap((event) =>
          event.kind === 'step' || event.kind === 'epoch' ? event.stage : [],
        ),
      ),
    ),
  ];
  const stage = stages.find((name) => name === query.get('stage')) ?? null;
  const curves = useMemo(
    () => runs.map(({ events }) => curvesOf(events, stage)),
    [stage, ...padded(runs)],
  );
  if (stages.length === 0) return <p class="quiet">Curves appear after the first step.</p>;
  const charts = { curves, names, log };
  return (
    <>
      <div class="controls">
        <label>
          Smoothing of steps: {smoothing.toFixed(2)}
          <input
            type="range"
            min="0"
            max="0.99"
            step="0.01"
            value={smoothing}
            onInput={({ currentTarget }) =>
              change({ smooth: Number(currentTarget.value) === 0 ? null : currentTarget.value })
            }
          />
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={log}
            onChange={({ currentTarget }) => change({ log: currentTarget.checked ? '1' : null })}
          />
          Logarithmic loss and learning rate
        </label>
        {stages.length > 1 && (
          <label>
            Stage
            <select
              value={stage ?? ''}
              onChange={({ currentTarget }) => change({ stage: currentTarget.value || null })}
            >
              <option value="">all, in sequence</option>
              {stages.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <ExportMenu
          of="the curves"
          items={[
            {
              label: 'Epochs (CSV)',
              save: () => saveFile('epochs.csv', epochsCsv(runs), 'text/csv'),
            },
            { label: 'Steps (CSV)', save: () => saveFile('steps.csv', stepsCsv(runs), 'text/csv') },
          ]}
        />
      </div>
      <div class="charts">
        <CurveChart
          {...charts}
          title="Loss"
          runs={runs}
          lines={(curve, run) => [
            ...stepLines(curve.loss, run, 'training', smoothing),
            { run, what: 'validation', points: curve.validationLoss, kind: 'dashed' },
          ]}
          smoothing={smoothing}
        />
        <CurveChart
          {...charts}
          log={false}
          title="Accuracy"
          runs={runs}
          lines={(curve, run) => [
            { run, what: 'training', points: curve.accuracy, kind: 'solid' },
            { run, what: 'validation', points: curve.validationAccuracy, kind: 'dashed' },
            { run, what: 'under attack', points: curve.robustAccuracy, kind: 'dotted' },
          ]}
          smoothing={0}
        />
        <CurveChart
          {...charts}
          title="Learning rate"
          runs={runs}
          lines={(curve, run) => [{ run, what: 'rate', points: curve.rate, kind: 'solid' }]}
          smoothing={0}
        />
        <CurveChart
          {...charts}
          log={false}
          title="Attack radius"
          runs={runs}
          lines={(curve, run) => [{ run, what: 'epsilon', points: curve.epsilon, kind: 'solid' }]}
          smoothing={0}
        />
      </div>
    </>
  );
}

/** The number of inputs of a hook does not change: those of runs that are not there are empty. */
const padded = (runs: readonly Run[]) =>
  Array.from({ length: seriesStyles.length }, (_, i) => runs[i]?.events);

const stepLines = (
  points: readonly CurvePoint[],
  run: number,
  what: string,
  smoothing: number,
): TrainingLine[] => [{ run, what, points: smoothed(points, smoothing), kind: 'solid' }];

interface CurveChartProps {
  readonly title: string;
  readonly runs: readonly Run[];
  readonly curves: readonly RunCurves[];
  readonly names: readonly string[];
  readonly lines: (curve: RunCurves, run: number) => readonly TrainingLine[];
  readonly log: boolean;
  readonly smoothing: number;
}

function CurveChart({ title, curves, names, lines, log, smoothing }: CurveChartProps) {
  const drawn = useMemo(
    () =>
      curves.flatMap((curve, run) => lines(curve, run)).filter(({ points }) => points.length > 0),
    [curves, smoothing],
  );
  const figure = useMemo(
    () => curvesFigure({ title, lines: drawn, names, log, stretches: curves[0].stretches }),
    [title, drawn, names, log],
  );
  if (drawn.length === 0) return null;
  return (
    <Chart title={title} figure={figure}>
      <Scroll label={`${title} by step`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Curve</th>
              <th scope="col" class="number">
                Step
              </th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col" class="number">
                Minimum
              </th>
              <th scope="col" class="number">
                Maximum
              </th>
            </tr>
          </thead>
          <tbody>
            {drawn.flatMap(({ run, what, points }) =>
              points.map(({ x, y, low, high }) => (
                <tr key={`${run} ${what} ${x}`}>
                  <td>
                    <bdi>{names[run]}</bdi>
                  </td>
                  <td>{what}</td>
                  <td class="number">{Math.round(x)}</td>
                  <td class="number">{digits(y)}</td>
                  <td class="number">{digits(low)}</td>
                  <td class="number">{digits(high)}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </Scroll>
    </Chart>
  );
}

const digits = (number: number) => String(Number(number.toPrecision(4)));

function epochsCsv(runs: readonly Run[]): string {
  const head =
    'run name stage epoch loss accuracy validation_loss validation_accuracy robust_accuracy checkpoint';
  return csvText([
    head.split(' '),
    ...runs.flatMap(({ id, job, events }) =>
      eventsOf(events, 'epoch').map(({ stage, epoch, loss, accuracy, validation, checkpoint }) => [
        ...[id, job?.name, stage, epoch, loss, accuracy],
        ...[validation.loss, validation.accuracy, validation.robustAccuracy, checkpoint],
      ]),
    ),
  ]);
}

const stepsCsv = (runs: readonly Run[]): string =>
  csvText([
    'run name stage epoch step loss rate epsilon'.split(' '),
    ...runs.flatMap(({ id, job, events }) =>
      eventsOf(events, 'step').map(({ stage, epoch, step, loss, rate, epsilon }) => [
        ...[id, job?.name, stage, epoch, step, loss, rate, epsilon],
      ]),
    ),
  ]);

import { type Figure, fileNameOf, namesInName } from '../../../figure/figure.js';
import { endsOf, missingNotes } from '../../../figure/map-figure.js';
import { type EventOf, isBaseline } from './curves.js';

/** A figure of a run's checkpoint. */
export interface Outcome<K extends 'robustness' | 'score'> {
  readonly run: number;
  /** The checkpoint, with its run where there are several. */
  readonly who: string;
  readonly event: EventOf<K>;
}

/** Accuracy under the worst of the attacks against their radius, a curve a checkpoint. */
export function robustnessFigure(outcomes: readonly Outcome<'robustness'>[], norm: string): Figure {
  const shown = outcomes.filter(
    ({ event }) => event.attack === 'clean' || event.attack === 'worst',
  );
  const whos = [...new Set(shown.map(({ who }) => who))];
  return {
    title: `Accuracy against epsilon, ${norm}`,
    fileName: fileNameOf('robustness', norm, ...namesInName(whos)),
    panels: [
      {
        ...{ kind: 'curves', title: '', about: '', ceilings: null, simulated: false },
        ...{ xTitle: `epsilon, ${norm}`, valueTitle: 'share of images classified correctly' },
        curves: whos.map((who, series) => ({
          ...{ name: who, series },
          points: shown
            .filter((outcome) => outcome.who === who)
            .map(({ event: { epsilon, correct, count, interval } }) => ({
              ...{ x: epsilon, value: correct / count, ci: endsOf(interval) },
            }))
            .sort((a, b) => a.x - b.x),
        })),
      },
    ],
    sharedRows: false,
    legend: whos.map((text, series) => ({ sign: { series, line: 'solid' }, text })),
    notes: [
      'The worst of all attacks at each radius; at 0 without an attack. Bands are 95 % intervals.',
    ],
    table: [
      ['checkpoint', 'attack', 'norm', 'epsilon', 'correct', 'count', 'ci_low', 'ci_high'],
      ...outcomes.map(({ who, event: { attack, epsilon, correct, count, interval } }) => [
        ...[who, attack, norm, epsilon, correct, count, interval[0], interval[1]],
      ]),
    ],
  };
}

/** Scores of checkpoints, a panel a benchmark; what they are compared with is an outline. */
export function checkpointsFigure(
  outcomes: readonly Outcome<'score'>[],
  simulated: boolean,
): Figure {
  const benchmarks = [...new Set(outcomes.map(({ event }) => event.benchmark))];
  const baselines = outcomes.some(({ event }) => isBaseline(event.checkpoint));
  return {
    title: `Scores of checkpoints on ${simulated ? 'simulated benchmarks' : 'real recordings'}`,
    fileName: fileNameOf('checkpoints', simulated ? 'simulated' : '', benchmarks[0] ?? ''),
    panels: benchmarks.map((benchmark) => ({
      ...{ kind: 'rows', title: benchmark, about: benchmark, ceilings: null, simulated },
      valueTitle: 'score',
      rows: outcomes
        .filter(({ event }) => event.benchmark === benchmark)
        .map(({ run, who, event: { checkpoint, value, ci } }) => ({
          ...{ label: who, value, ci: endsOf(ci), series: run, open: isBaseline(checkpoint) },
        })),
    })),
    sharedRows: false,
    legend: [
      { sign: 'value', text: 'value, 95 % interval' },
      ...(baselines ? ([{ sign: { series: 0, open: true }, text: 'reference' }] as const) : []),
    ],
    notes: missingNotes(
      outcomes.map(({ event }) =>
        event.value === null ? (event.reason ?? 'not a finite number') : undefined,
      ),
    ),
    table: [
      ['checkpoint', 'benchmark', 'value', 'ci_low', 'ci_high', 'simulated'],
      ...outcomes.map(({ who, event: { benchmark, value, ci } }) => [
        ...[who, benchmark, value, ci?.[0] ?? null, ci?.[1] ?? null, String(simulated)],
      ]),
    ],
  };
}

import { type Html, html } from '../../report/html.js';
import { linePlot, type PlotPoint } from '../../report/map-charts.js';
import { named } from '../../report/map-page.js';
import { interval, threeDigits } from '../../report/map-text.js';
import { visibleName } from '../../report/visible-name.js';
import type { TrainingEvent } from './training-event.js';

/** Events of one kind. */
export type EventOf<K extends TrainingEvent['kind']> = Extract<TrainingEvent, { readonly kind: K }>;

/** More points than these are drawn as means of neighbours. */
const POINTS = 150;
const NAME_IN_PICTURE = 14;
/** Number of curves that colours and dashes distinguish. */
const TOLD_APART = 3;

const finiteOrNull = (value: number | undefined) =>
  value !== undefined && Number.isFinite(value) ? value : null;

const point = (x: number, value: number | undefined, words: string): PlotPoint => {
  const y = finiteOrNull(value);
  return { x, y, ci: null, title: `${words}: ${y === null ? 'none' : Number(y.toPrecision(5))}` };
};

/** Loss, accuracies, rate and radius of one stage. */
export function stageFigures(
  steps: readonly EventOf<'step'>[],
  epochs: readonly EventOf<'epoch'>[],
): Html[] {
  const lastStep = (epoch: number) =>
    steps.reduce((last, step) => (step.epoch <= epoch ? Math.max(last, step.step) : last), 0);
  const loss = [
    { name: 'training', points: stepPoints(steps, ({ loss }) => loss) },
    {
      name: 'validation',
      points: epochs.map(({ epoch, validation }) =>
        point(lastStep(epoch), validation.loss, `validation loss of epoch ${epoch}`),
      ),
    },
  ];
  const accuracy = (
    [
      ['training', ({ accuracy }) => accuracy],
      ['validation', ({ validation }) => validation.accuracy],
      ['under attack', ({ validation }) => validation.robustAccuracy],
    ] as const satisfies readonly [string, (event: EventOf<'epoch'>) => number | undefined][]
  ).map(([name, of]) => ({
    name,
    points: epochs.flatMap((event) =>
      of(event) === undefined ? [] : [point(event.epoch, of(event), `epoch ${event.epoch}`)],
    ),
  }));
  const rate = [{ name: 'rate', points: stepPoints(steps, (step) => step.rate) }];
  const radius = steps.filter(({ epsilon }) => epsilon !== undefined);
  const epsilon = [{ name: 'epsilon', points: stepPoints(radius, (step) => step.epsilon) }];
  return [
    ...curves('Loss', 'step', loss),
    ...curves('Accuracy', 'epoch', accuracy),
    ...curves('Learning rate', 'step', rate),
    ...curves('Radius of the attack', 'step', epsilon),
  ];
}

interface Curve {
  readonly name: string;
  readonly points: readonly PlotPoint[];
}

/** A figure, where there is anything to draw. */
function curves(title: string, xTitle: string, all: readonly Curve[]): Html[] {
  const drawn = all.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return [];
  const label = `${title} over ${xTitle}s; the numbers of each epoch stand in the table below`;
  const plot = linePlot({ label, xTitle, yTitle: '', curves: drawn });
  return [html`<figure><h3>${title}</h3>${plot}</figure>`];
}

/** Maximum number of drawn steps. */
function stepPoints(
  steps: readonly EventOf<'step'>[],
  of: (step: EventOf<'step'>) => number | undefined,
): PlotPoint[] {
  const each = Math.max(1, Math.ceil(steps.length / POINTS));
  const groups = Array.from({ length: Math.ceil(steps.length / each) }, (_, i) =>
    steps.slice(i * each, (i + 1) * each),
  );
  return groups.map((group) => {
    const [first, last] = [group[0].step, group[group.length - 1].step];
    const sum = group.reduce((total, step) => total + (of(step) ?? Number.NaN), 0);
    const words = first === last ? `step ${first}` : `mean of steps ${first} to ${last}`;
    return point((first + last) / 2, sum / group.length, words);
  });
}

/** Accuracy in the worst case against epsilon, a figure for each norm and every three checkpoints. */
export function robustnessFigures(events: readonly EventOf<'robustness'>[]): Html[] {
  const shown = events.filter(({ attack }) => attack === 'clean' || attack === 'worst');
  const norms = [...new Set(shown.map(({ norm }) => norm))];
  return norms.flatMap((norm) => {
    const all = shown.filter((event) => event.norm === norm);
    const checkpoints = [...new Set(all.map(({ checkpoint }) => checkpoint))];
    return chunks(checkpoints, TOLD_APART).map((some) => {
      const drawn = some.map((checkpoint) => ({
        name: visibleName(checkpoint, NAME_IN_PICTURE),
        points: all.filter((event) => event.checkpoint === checkpoint).map(robustPoint),
      }));
      const plot = linePlot({
        label: `Robust accuracy against epsilon in ${norm}; the numbers stand in the table below`,
        xTitle: `epsilon in ${norm}`,
        yTitle: '',
        curves: drawn.map((curve) => ({
          ...curve,
          points: [...curve.points].sort((a, b) => a.x - b.x),
        })),
      });
      const who = some.map((name, i) => html`${i > 0 && ', '}${named(name)}`);
      return html`<figure><h3>Accuracy against epsilon, ${norm} <small>${who}</small></h3>${plot}</figure>`;
    });
  });
}

function robustPoint(event: EventOf<'robustness'>): PlotPoint {
  const { checkpoint, attack, epsilon, correct, count, interval: ci } = event;
  const share = correct / count;
  const words = `${visibleName(checkpoint)}, ${visibleName(attack)}, epsilon ${Number(epsilon.toPrecision(4))}`;
  const found = `${correct} of ${count}, ${threeDigits(share)}, 95 % interval ${interval([ci[0], ci[1]])}`;
  return { x: epsilon, y: finiteOrNull(share), ci, title: `${words}\n${found}` };
}

/** A benchmark over the checkpoints, numbered as in the table, with the value of the pixels as a line. */
export function scoreFigure(
  events: readonly EventOf<'score'>[],
  checkpoints: readonly string[],
  baseline: string,
): Html {
  const [{ benchmark, simulated }] = events;
  const points = events
    .filter(({ checkpoint }) => checkpoint !== baseline)
    .map(({ checkpoint, value, ci, reason }): PlotPoint => {
      const found =
        value === null
          ? visibleName(reason ?? '', 300)
          : `${threeDigits(value)}, 95 % interval ${interval(ci ? [ci[0], ci[1]] : null)}`;
      const x = checkpoints.indexOf(checkpoint) + 1;
      return { x, y: value, ci: ci ?? null, title: `${visibleName(checkpoint)}\n${found}` };
    })
    .sort((a, b) => a.x - b.x);
  const floor = events.find(({ checkpoint }) => checkpoint === baseline)?.value ?? null;
  const line = [1, checkpoints.length].map((x) => point(x, floor ?? undefined, baseline));
  const plot = linePlot({
    label: `${visibleName(benchmark)} of each checkpoint; the numbers stand in the table below`,
    xTitle: 'checkpoint',
    yTitle: '',
    curves: [
      { name: 'checkpoints', points },
      ...(floor === null ? [] : [{ name: baseline, points: line }]),
    ],
  });
  const tag = simulated && html` <span class="tag">simulated</span>`;
  return html`<figure><h3>${named(benchmark)}${tag}</h3>${plot}</figure>`;
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );

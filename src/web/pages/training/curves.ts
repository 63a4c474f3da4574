import type { components } from '../../../api/schema.js';
import type { CurvePoint } from '../../../figure/training-figure.js';

type TrainingEvent = components['schemas']['TrainingEvent'];

export type EventOf<K extends TrainingEvent['kind']> = Extract<TrainingEvent, { readonly kind: K }>;

/** Events of one kind, in order. */
export const eventsOf = <K extends TrainingEvent['kind']>(
  events: readonly TrainingEvent[],
  kind: K,
): EventOf<K>[] => events.filter((event): event is EventOf<K> => event.kind === kind);

/** The stretch of a run that a stage took. */
export interface Stretch {
  readonly stage: string;
  readonly from: number;
  readonly steps: number;
}

/** What is drawn of a run. */
export interface RunCurves {
  readonly stretches: readonly Stretch[];
  readonly loss: readonly CurvePoint[];
  readonly validationLoss: readonly CurvePoint[];
  readonly accuracy: readonly CurvePoint[];
  readonly validationAccuracy: readonly CurvePoint[];
  readonly robustAccuracy: readonly CurvePoint[];
  readonly rate: readonly CurvePoint[];
  readonly epsilon: readonly CurvePoint[];
}

/** More points than these are drawn as means of neighbours. */
const MOST_POINTS = 400;

/**
 * The curves of a run over its steps, one stage behind the other. What a run that started again told twice
 * stands as it was told last.
 * @param stage one alone
 */
export function curvesOf(events: readonly TrainingEvent[], stage: string | null): RunCurves {
  const wanted = <T extends { readonly stage: string }>(all: readonly T[]) =>
    stage === null ? all : all.filter((event) => event.stage === stage);
  const steps = latest(wanted(eventsOf(events, 'step')), (event) => event.step);
  const epochs = latest(wanted(eventsOf(events, 'epoch')), (event) => event.epoch);
  const endOf = epochEnds(steps);
  const stretches = stretchesOf([...steps, ...epochs], endOf);
  const start = new Map(stretches.map(({ stage, from }) => [stage, from]));
  const atStep = (of: (event: EventOf<'step'>) => number | null | undefined, what: string) =>
    thinned(
      steps.flatMap((event) =>
        point((start.get(event.stage) ?? 0) + event.step, of(event), [
          `${event.stage}, epoch ${event.epoch}, step ${event.step}`,
          what,
        ]),
      ),
    );
  const atEpoch = (of: (event: EventOf<'epoch'>) => number | null | undefined, what: string) =>
    epochs.flatMap((event) =>
      point((start.get(event.stage) ?? 0) + endOf(event), of(event), [
        `${event.stage}, epoch ${event.epoch}`,
        what,
      ]),
    );
  return {
    stretches,
    loss: atStep(({ loss }) => loss, 'loss'),
    validationLoss: atEpoch(({ validation }) => validation.loss, 'validation loss'),
    accuracy: atEpoch(({ accuracy }) => accuracy, 'accuracy'),
    validationAccuracy: atEpoch(({ validation }) => validation.accuracy, 'validation accuracy'),
    robustAccuracy: atEpoch(({ validation }) => validation.robustAccuracy, 'accuracy under attack'),
    rate: atStep(({ rate }) => rate, 'rate'),
    epsilon: atStep(({ epsilon }) => epsilon, 'epsilon'),
  };
}

/** Events in order, the last of each place in its stage. */
function latest<T extends { readonly stage: string }>(
  events: readonly T[],
  placeOf: (event: T) => number,
): T[] {
  const stages = [...new Set(events.map(({ stage }) => stage))];
  const found = new Map(events.map((event) => [`${event.stage} ${placeOf(event)}`, event]));
  return [...found.values()].sort(
    (a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage) || placeOf(a) - placeOf(b),
  );
}

function stretchesOf(
  events: readonly (EventOf<'step'> | EventOf<'epoch'>)[],
  endOf: (event: EventOf<'epoch'>) => number,
): Stretch[] {
  let from = 0;
  return [...new Set(events.map(({ stage }) => stage))].map((stage) => {
    const ends = events
      .filter((event) => event.stage === stage)
      .map((event) => (event.kind === 'step' ? event.step + 1 : endOf(event)));
    const stretch = { stage, from, steps: Math.max(...ends) };
    from += stretch.steps;
    return stretch;
  });
}

/**
 * How many steps of its stage there were by the end of an epoch. No event says how many an epoch has, and not
 * all steps are told; each that is says that so many there are at least.
 */
function epochEnds(steps: readonly EventOf<'step'>[]): (event: EventOf<'epoch'>) => number {
  const ofEpoch = new Map<string, number>();
  for (const { stage, epoch, step } of steps)
    ofEpoch.set(stage, Math.max(ofEpoch.get(stage) ?? 1, Math.ceil((step + 1) / (epoch + 1))));
  return ({ stage, epoch }) => (epoch + 1) * (ofEpoch.get(stage) ?? 1);
}

function point(x: number, y: number | null | undefined, words: readonly string[]): CurvePoint[] {
  if (y === null || y === undefined) return [];
  const title = `${words.join('\n')} ${Number(y.toPrecision(5))}`;
  return [{ x, y, low: y, high: y, title }];
}

/** So few points that they can be drawn, each the mean of neighbours with the least and the greatest of them. */
function thinned(points: readonly CurvePoint[]): readonly CurvePoint[] {
  const each = Math.ceil(points.length / MOST_POINTS);
  if (each <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i) => {
    const group = points.slice(i * each, (i + 1) * each);
    const mean = (of: (point: CurvePoint) => number) =>
      group.reduce((sum, point) => sum + of(point), 0) / group.length;
    return {
      x: mean(({ x }) => x),
      y: mean(({ y }) => y),
      low: Math.min(...group.map(({ low }) => low)),
      high: Math.max(...group.map(({ high }) => high)),
      title: `mean of ${group.length} steps from ${group[0].title}`,
    };
  });
}

/**
 * An exponential moving average, corrected for its beginning as TensorBoard's is.
 * @param weight of what came before, from 0 (nothing is smoothed) to below 1
 */
export function smoothed(points: readonly CurvePoint[], weight: number): readonly CurvePoint[] {
  if (weight === 0) return points;
  let sum = 0;
  return points.map((point, i) => {
    sum = weight * sum + (1 - weight) * point.y;
    return { ...point, y: sum / (1 - weight ** (i + 1)) };
  });
}

/** The best and last figures of a run, for a table of runs. */
export interface RunSummary {
  readonly epochs: number;
  readonly lastLoss: number | null;
  readonly leastLoss: number | null;
  readonly bestAccuracy: EventOf<'epoch'> | undefined;
  readonly bestRobust: EventOf<'epoch'> | undefined;
}

export function summaryOf(events: readonly TrainingEvent[]): RunSummary {
  const epochs = eventsOf(events, 'epoch');
  const losses = eventsOf(events, 'step').flatMap(({ loss }) => loss ?? []);
  const highest = (of: (event: EventOf<'epoch'>) => number | undefined) =>
    epochs.reduce<EventOf<'epoch'> | undefined>((best, event) => {
      const value = of(event);
      if (value === undefined) return best;
      return best === undefined || value > (of(best) as number) ? event : best;
    }, undefined);
  return {
    epochs: epochs.length,
    lastLoss: losses.at(-1) ?? null,
    leastLoss: losses.length > 0 ? losses.reduce((a, b) => Math.min(a, b)) : null,
    bestAccuracy: highest(({ validation }) => validation.accuracy),
    bestRobust: highest(({ validation }) => validation.robustAccuracy),
  };
}

/** Whether a training's name of a checkpoint is one to compare others with. */
export const isBaseline = (checkpoint: string): boolean =>
  checkpoint === 'untrained' || checkpoint === 'pixels';

import { type Figure, fileNameOf, type LineStyle, namesInName } from './figure.js';

/** A place on a curve of a training. */
export interface CurvePoint {
  /** Steps since the run started, or since the stage did where one was chosen. */
  readonly x: number;
  readonly y: number;
  /** Least and greatest value of what the point stands for. */
  readonly low: number;
  readonly high: number;
  readonly title: string;
}

/** A curve of one run. */
export interface TrainingLine {
  readonly run: number;
  readonly what: string;
  readonly points: readonly CurvePoint[];
  readonly kind: LineStyle;
}

interface CurvesToDraw {
  readonly title: string;
  readonly lines: readonly TrainingLine[];
  /** What runs are called, in their order. */
  readonly names: readonly string[];
  readonly log: boolean;
  /** The stretches that stages took. */
  readonly stretches: readonly {
    readonly stage: string;
    readonly from: number;
    readonly steps: number;
  }[];
}

/** Curves of one training or several over their steps; of one alone with the starts of its stages. */
export function curvesFigure({ title, lines, names, log, stretches }: CurvesToDraw): Figure {
  const runs = new Set(lines.map(({ run }) => run));
  const nameOf = ({ run, what }: TrainingLine) => (runs.size > 1 ? `${names[run]}: ${what}` : what);
  const borders = stretches.filter(({ steps }) => steps > 0);
  const spread = lines.some(({ points }) => points.some(({ low, high }) => high > low));
  return {
    title: `${title} of ${[...runs].map((run) => names[run]).join(', ')}`,
    fileName: fileNameOf('training', title, ...namesInName([...runs].map((run) => names[run]))),
    panels: [
      {
        ...{ kind: 'curves', title: '', about: '', ceilings: null, simulated: false, log },
        ...{ xTitle: 'step', valueTitle: title.toLowerCase() },
        borders:
          runs.size > 1 || borders.length < 2
            ? []
            : borders.map(({ stage, from }) => ({ x: from, name: stage })),
        curves: lines.map((line) => ({
          ...{ name: nameOf(line), series: line.run, line: line.kind },
          points: line.points.map(({ x, y, low, high, title: tip }) => ({
            ...{ x, value: y, ci: high > low ? ([low, high] as const) : null },
            tip: runs.size > 1 ? `${names[line.run]}: ${tip}` : tip,
          })),
        })),
      },
    ],
    sharedRows: false,
    legend: lines.map((line) => ({
      sign: { series: line.run, line: line.kind, open: line.kind !== 'solid' },
      text: nameOf(line),
    })),
    notes: spread ? ['Each point is the mean of neighbouring steps; bands are their extent.'] : [],
    table: [
      ['run', 'curve', 'step', 'value', 'minimum', 'maximum'],
      ...lines.flatMap(({ run, what, points }) =>
        points.map(({ x, y, low, high }) => [names[run], what, x, y, low, high]),
      ),
    ],
  };
}

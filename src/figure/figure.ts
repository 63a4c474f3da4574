/** A number with its 95 % interval, at a place of a row or of a curve. */
export interface Estimate {
  /** null if there is none: a cross. */
  readonly value: number | null;
  readonly ci: readonly [number, number] | null;
}

/** A row of a panel: a layer, or a model. */
export interface FigureRow extends Estimate {
  readonly label: string;
  /** Under the label: at which layer. */
  readonly note?: string;
  readonly mark?: 'chosen' | 'tied' | '';
  /** What a null reaches, in the unit of the value, and whether the estimate is inside it. */
  readonly floor?: { readonly value: number | null; readonly inside: boolean };
  /** Which of several models or runs it is of. */
  readonly series?: number;
  /** Drawn as an outline: what others are compared with. */
  readonly open?: boolean;
  /** The numbers in words, right of the axis. */
  readonly words?: string;
  /** What is said of it where its label says too little. */
  readonly tip?: string;
  /** Single values that the estimate sums up: of splits, or of neuroids. */
  readonly samples?: readonly number[];
  /** Between which values the ceiling lies, and its mean. */
  readonly band?: { readonly low: number; readonly high: number; readonly mean: number | null };
}

/** A curve of a panel. */
export interface FigureCurve {
  readonly name: string;
  readonly points: readonly (Estimate & { readonly x: number; readonly tip?: string })[];
  /** Colour and symbol; without it those of its place among the curves. */
  readonly series?: number;
  readonly line?: LineStyle;
}

/** What tells curves of one colour apart. */
export type LineStyle = 'solid' | 'dashed' | 'dotted';

interface PanelHead {
  /** The region, or what the benchmark is called in short. */
  readonly title: string;
  /** Identifier of the benchmark. */
  readonly about: string;
  /** Values of the ceilings by which scores are divided, empty without one; null where they are those of several benchmarks. */
  readonly ceilings: readonly number[] | null;
  readonly simulated: boolean;
  /** Names what is measured, with its unit. */
  readonly valueTitle: string;
}

/** Rows with a value each, along a common horizontal axis. */
export interface RowsPanel extends PanelHead {
  readonly kind: 'rows';
  readonly rows: readonly FigureRow[];
  /** Whether values are differences, which have no ceiling and are read against 0. */
  readonly differences?: boolean;
}

/** Curves over a horizontal axis. */
export interface CurvesPanel extends PanelHead {
  readonly kind: 'curves';
  readonly xTitle: string;
  readonly curves: readonly FigureCurve[];
  /** Whether the axis of values is logarithmic; values that are not positive are left out then. */
  readonly log?: boolean;
  /** Where something begins, such as a stage of a training. */
  readonly borders?: readonly { readonly x: number; readonly name: string }[];
}

/** A distribution of neurons and one of units over the same bins. */
export interface BinsPanel extends PanelHead {
  readonly kind: 'bins';
  readonly xTitle: string;
  /** One more than counts, ascending. */
  readonly edges: readonly number[];
  readonly neurons: readonly number[];
  readonly units: readonly number[];
}

/** A model on two benchmarks, or one value predicted and measured. */
export interface ScatterPoint {
  readonly label: string;
  readonly x: Estimate;
  readonly y: Estimate;
  /** Which of those that the legend names; null for the others. */
  readonly series: number | null;
}

/** Points over two axes. */
export interface ScatterPanel extends PanelHead {
  readonly kind: 'scatter';
  readonly xTitle: string;
  readonly points: readonly ScatterPoint[];
  /** What is said of them all: correlations, and how many there are. */
  readonly statistics: readonly string[];
  /** Whether both axes are one scale, with the line of equal values. */
  readonly diagonal: boolean;
}

/** Values over the layers of a network, in its order: a curve a benchmark. */
export interface ProfilePanel extends PanelHead {
  readonly kind: 'profile';
  readonly xTitle: string;
  readonly layers: readonly string[];
  readonly curves: readonly {
    readonly name: string;
    readonly series: number;
    /** One a layer. */
    readonly points: readonly (Estimate & Pick<FigureRow, 'mark' | 'floor'>)[];
  }[];
}

/** Values as colours, rows by columns; each column has a scale of its own. */
export interface HeatPanel extends PanelHead {
  readonly kind: 'heat';
  readonly rows: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly simulated: boolean;
    /** One a row. */
    readonly cells: readonly {
      readonly value: number | null;
      readonly mark?: 'chosen' | 'tied' | '';
    }[];
  }[];
}

/** A part of a figure with axes of its own. */
export type Panel = RowsPanel | CurvesPanel | BinsPanel | ScatterPanel | ProfilePanel | HeatPanel;

/** What a figure shows, without its layout; the command line and the pages make the same. */
export interface Figure {
  readonly title: string;
  /** Name of its file without ending, which says what it is. */
  readonly fileName: string;
  /** Of one kind, one a benchmark. */
  readonly panels: readonly Panel[];
  /** Whether all panels are rows, the same ones, which are labelled once. */
  readonly sharedRows: boolean;
  /** Which signs mean what. */
  readonly legend: readonly LegendEntry[];
  /** Sentences below the panels. */
  readonly notes: readonly string[];
  /** The values as a table: the heading, then a line a value. */
  readonly table: readonly (readonly (string | number | null)[])[];
}

/** A sign of the legend. */
export interface LegendEntry {
  readonly sign:
    | 'value'
    | 'chosen'
    | 'tied'
    | 'missing'
    | 'ceiling'
    | 'floor'
    | 'floor-line'
    | 'neurons'
    | 'chosen-ring'
    | 'tied-ring'
    | 'other'
    | 'equal'
    | 'sample'
    | 'band'
    | 'heat'
    | 'chosen-cell'
    | 'tied-cell'
    | 0
    | 1
    | 2
    | { readonly series: number; readonly line?: LineStyle; readonly open?: boolean };
  readonly text: string;
}

/** Widths of one and two columns of a journal in mm; 85 is the narrowest column in use. */
export const figureWidths = { single: 85, double: 180 } as const;
export type FigureWidth = keyof typeof figureWidths;

/** More characters of a part than anybody reads in a list of files. */
const LONGEST_PART = 60;
const LONGEST_NAME = 120;

/**
 * A name of a file that says what it is, from words of anybody: each part in letters, digits, points and hyphens, and
 * `_` between the parts, as `layer-map_resnet-20_V4-pls`.
 */
export const fileNameOf = (...parts: readonly string[]): string =>
  parts
    .map((part) => trimmed([...trimmed(part)].slice(0, LONGEST_PART).join('')))
    .filter((part) => part !== '')
    .join('_')
    .slice(0, LONGEST_NAME) || 'figure';

const trimmed = (part: string): string =>
  part
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}.]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '');

/** Names in the name of a file: the first three, and how many more. */
export const namesInName = (names: readonly string[]): readonly string[] =>
  names.length <= 3 ? names : [...names.slice(0, 3), `and-${names.length - 3}-more`];

/** Benchmarks in the name of a file: `V4-pls` of one, the regions of a few, else how many. */
export function benchmarksInName(benchmarks: readonly string[], titles: readonly string[]): string {
  if (benchmarks.length === 1) return benchmarks[0].split('.').at(-1) ?? '';
  return benchmarks.length <= 4 ? titles.join('-') : `${benchmarks.length}-benchmarks`;
}

/** What is said under every figure with simulated data. */
export const SIMULATED_NOTE =
  'simulated: stimuli and recordings are generated by equations; evidence about the pipeline, never about a brain.';

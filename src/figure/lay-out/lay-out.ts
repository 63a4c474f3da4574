import { type Drawing, ink, type Shape, type Tip } from '../drawing.js';
import {
  type Figure,
  type FigureWidth,
  figureWidths,
  type HeatPanel,
  type Panel,
  type RowsPanel,
  SIMULATED_NOTE,
} from '../figure.js';
import { signAt } from '../signs.js';
import { textWidth, wrapText } from '../text-width.js';
import { visibleName } from '../visible-name.js';
import { binsPanel } from './bins-panel.js';
import { curvesPanel } from './curves-panel.js';
import { heatColumns, heatPanel } from './heat-panel.js';
import { profilePanel } from './profile-panel.js';
import { labelWidth, rowsPanel } from './rows-panel.js';
import { scatterPanel } from './scatter-panel.js';

const MARGIN = 3;
const GAP = 10;
const TEXT = 7;
/** Less width than this a panel does not get beside another one. */
const NARROWEST = {
  ...{ shared: 56, rows: 220, curves: 110, bins: 110 },
  ...{ scatter: 200, profile: 500, heat: 500 },
};

/** A part of a drawing from 0 down, and how high it is. */
interface Block {
  readonly shapes: readonly (Shape | Tip)[];
  readonly height: number;
}

/** Longer names than anybody gives to a layer lose their middle. */
const LONGEST = 400;

/**
 * Lays a figure out at the width of one or two columns of a journal, or at one in points. Names are whole: long ones are
 * broken over lines. Numbers that are not finite are missing.
 * @param write how a text is written in the characters that the file can have
 * @returns a drawing as high as it needs to be
 */
export function layOut(
  given: Figure,
  width: FigureWidth | number,
  write: (text: string) => string = (text) => text,
): Drawing {
  const figure = written({ ...given, table: [] }, (text) => write(visibleName(text, LONGEST)));
  const whole = typeof width === 'number' ? width : (figureWidths[width] / 25.4) * 72;
  const inner = whole - 2 * MARGIN;
  const blocks = [
    lines(figure.title, 8, inner, ink.text),
    legendOf(figure, inner),
    ...panelBlocks(figure, inner),
    ...notesOf(figure).map((note) => lines(note, 6, inner, ink.faint)),
  ];
  let y = MARGIN;
  const placed = blocks.flatMap((block) => {
    const moved = block.shapes.map((shape) => movedBy(shape, MARGIN, y));
    y += block.height + 3;
    return moved;
  });
  const { title } = figure;
  return {
    ...{ width: whole, height: y + MARGIN, title, description: descriptionOf(figure) },
    shapes: placed.filter((each): each is Shape => each.kind !== 'tip'),
    tips: placed.filter((each): each is Tip => each.kind === 'tip'),
  };
}

/** A figure is data alone, so that a copy as JSON is the figure; its numbers that are not finite are null. */
const written = (figure: Figure, write: (text: string) => string): Figure =>
  JSON.parse(JSON.stringify(figure), (key, value: unknown) => {
    if (typeof value === 'string') return write(value);
    if (key === 'ci' && Array.isArray(value) && value.includes(null)) return null;
    if (key === 'samples') return (value as (number | null)[]).filter((each) => each !== null);
    if (key === 'band') {
      const { low, high } = value as { readonly low: number | null; readonly high: number | null };
      return low === null || high === null ? undefined : value;
    }
    return value;
  });

function descriptionOf({ panels }: Figure): string {
  const words = panels.map((panel) => {
    const about = [panel.about, ...(panel.simulated ? ['simulated'] : [])].filter(Boolean);
    const said = panel.kind === 'scatter' ? `: ${panel.statistics.join('; ')}` : '';
    return `${[panel.title, about.length > 0 ? `(${about.join(', ')})` : ''].filter(Boolean).join(' ')}${said}`;
  });
  return `Values with 95 % intervals: ${words.join('; ')}.`;
}

function notesOf({ notes, panels }: Figure): string[] {
  const simulated = [...panels].some((panel) => panel.simulated);
  return [...notes, ...(simulated ? [SIMULATED_NOTE] : [])];
}

function lines(text: string, size: number, width: number, fill: string): Block {
  const wrapped = wrapText(text, size, width);
  return {
    shapes: wrapped.map((line, i) => ({
      ...{ kind: 'text', at: [0, size + i * size * 1.2], text: line, size, fill },
    })),
    height: wrapped.length * size * 1.2,
  };
}

/** The signs with their words, in as many lines as they need. */
function legendOf({ legend }: Figure, width: number): Block {
  const shapes: Shape[] = [];
  let [x, y] = [0, 6];
  for (const { sign, text } of legend) {
    const words = wrapText(text, TEXT, width - 18);
    const needed = 20 + Math.max(...words.map((line) => textWidth(line, TEXT)));
    if (x > 0 && x + needed > width) [x, y] = [0, y + 10];
    shapes.push(...signAt(sign, [x + 8, y - 2.4]));
    for (const [i, line] of words.entries()) {
      if (i > 0) y += 8.4;
      const at = [x + 18, y] as const;
      shapes.push({ kind: 'text', at, text: line, size: TEXT, fill: ink.text });
    }
    x += needed + 8;
  }
  return { shapes, height: legend.length === 0 ? 0 : y + 4 };
}

/** The panels in rows of as many as fit; those of one row are equally high. */
function panelBlocks(figure: Figure, width: number): Block[] {
  const panels = figure.panels.flatMap((panel): readonly Panel[] =>
    panel.kind === 'heat' ? narrowed(panel, width) : [panel],
  );
  if (panels.length === 0) return [];
  const shared = figure.sharedRows
    ? labelWidth(
        panels.filter((panel): panel is RowsPanel => panel.kind === 'rows'),
        Math.min(Math.max(110, 0.3 * width), 0.5 * width),
      )
    : 0;
  const narrowest = NARROWEST[figure.sharedRows ? 'shared' : panels[0].kind];
  const most = Math.max(1, Math.floor((width - shared + GAP) / (narrowest + GAP)));
  const rows = Math.ceil(panels.length / most);
  const across = Math.ceil(panels.length / rows);
  const each = (width - shared - GAP * (across - 1)) / across;
  return Array.from({ length: rows }, (_, row) => {
    const group = panels.slice(row * across, (row + 1) * across);
    return side(group, { shared, each, sharedRows: figure.sharedRows });
  });
}

/** A heat map of more columns than fit is continued below. */
function narrowed(panel: HeatPanel, width: number): HeatPanel[] {
  const most = heatColumns(panel, width);
  const parts = Math.max(1, Math.ceil(panel.columns.length / most));
  const each = Math.ceil(panel.columns.length / parts);
  return Array.from({ length: parts }, (_, part) => ({
    ...panel,
    columns: panel.columns.slice(part * each, (part + 1) * each),
  }));
}

interface Side {
  readonly shared: number;
  readonly each: number;
  readonly sharedRows: boolean;
}

/** Panels side by side, their heads equally high. */
function side(panels: readonly Panel[], { shared, each, sharedRows }: Side): Block {
  const heads = panels.map((panel) => headOf(panel, each));
  const head = Math.max(...heads.map(({ height }) => height));
  const stamped = panels.some(({ simulated }) => simulated);
  const bodies = panels.map((panel, i): Block => {
    if (panel.kind === 'curves') return curvesPanel(panel, { width: each, stamped });
    if (panel.kind === 'bins') return binsPanel(panel, { width: each, stamped });
    if (panel.kind === 'scatter') return scatterPanel(panel, { width: each, stamped });
    if (panel.kind === 'profile') return profilePanel(panel, { width: each, stamped });
    if (panel.kind === 'heat') return heatPanel(panel, { width: each });
    return rowsPanel(panel, {
      ...{ width: each, stamped },
      labels: sharedRows ? (i === 0 ? 'beside' : 'none') : 'within',
      labelWidth: sharedRows ? shared : labelWidth([panel], each * 0.5),
    });
  });
  return {
    shapes: panels.flatMap((_, i) => {
      const x = shared + i * (each + GAP);
      return [
        ...heads[i].shapes.map((shape) => movedBy(shape, x, 0)),
        ...bodies[i].shapes.map((shape) => movedBy(shape, x, head)),
      ];
    }),
    height: head + Math.max(...bodies.map(({ height }) => height)) + 4,
  };
}

/** The region, the benchmark and its ceiling. */
function headOf({ title, about, ceilings }: Panel, width: number): Block {
  const parts = [
    ...(title === '' ? [] : [lines(title, 7.5, width, ink.text)]),
    ...(about === title ? [] : [lines(about, 6, width, ink.faint)]),
    ...(ceilings === null ? [] : [lines(ceilingText(ceilings), 6, width, ink.faint)]),
  ];
  let y = 0;
  const shapes = parts.flatMap((part) => {
    const moved = part.shapes.map((shape) => movedBy(shape, 0, y));
    y += part.height;
    return moved;
  });
  return { shapes, height: y === 0 ? 0 : y + 3 };
}

function ceilingText(ceilings: readonly number[]): string {
  if (ceilings.length === 0) return 'no ceiling';
  const [low, high] = [Math.min(...ceilings), Math.max(...ceilings)].map((each) => each.toFixed(3));
  return `ceiling ${low === high ? low : `${low} to ${high}`}`;
}

function movedBy<T extends Shape | Tip>(shape: T, dx: number, dy: number): T {
  const move = ([x, y]: readonly [number, number]) => [x + dx, y + dy] as const;
  return 'at' in shape
    ? { ...shape, at: move(shape.at) }
    : { ...shape, points: shape.points.map(move) };
}

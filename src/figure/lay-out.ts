import { type Drawing, ink, type Shape } from './drawing.js';
import {
  type BinsPanel,
  type CurvesPanel,
  type Figure,
  type FigureWidth,
  figureWidths,
  type RowsPanel,
  SIMULATED_NOTE,
} from './figure.js';
import { binsPanel } from './lay-out-bins.js';
import { curvesPanel } from './lay-out-curves.js';
import { labelWidth, rowsPanel } from './lay-out-rows.js';
import { signAt } from './signs.js';
import { textWidth, wrapText } from './text-width.js';
import { visibleName } from './visible-name.js';

const MARGIN = 3;
const GAP = 10;
const TEXT = 7;
const NARROWEST = { rows: 56, curves: 110 };

type Panel = RowsPanel | CurvesPanel | BinsPanel;

/** A part of a drawing from 0 down, and how high it is. */
interface Block {
  readonly shapes: readonly Shape[];
  readonly height: number;
}

/** Longer names than anybody gives to a layer lose their middle. */
const LONGEST = 400;

/**
 * Lays a figure out at the width of one or two columns of a journal. Names are whole: long ones are broken over lines.
 * @param write how a text is written in the characters that the file can have
 * @returns a drawing as high as it needs to be
 */
export function layOut(
  given: Figure,
  width: FigureWidth,
  write: (text: string) => string = (text) => text,
): Drawing {
  const figure = written({ ...given, table: [] }, (text) => write(visibleName(text, LONGEST)));
  const whole = (figureWidths[width] / 25.4) * 72;
  const inner = whole - 2 * MARGIN;
  const blocks = [
    lines(figure.title, 8, inner, ink.text),
    legendOf(figure, inner),
    ...panelBlocks(figure, inner),
    ...notesOf(figure).map((note) => lines(note, 6, inner, ink.faint)),
  ];
  let y = MARGIN;
  const shapes = blocks.flatMap((block) => {
    const moved = block.shapes.map((shape) => movedBy(shape, MARGIN, y));
    y += block.height + 3;
    return moved;
  });
  const { title } = figure;
  return { width: whole, height: y + MARGIN, title, description: descriptionOf(figure), shapes };
}

/** A figure is data alone, so that a copy as JSON is the figure. */
const written = (figure: Figure, write: (text: string) => string): Figure =>
  JSON.parse(
    JSON.stringify(figure, (_, value: unknown) =>
      typeof value === 'string' ? write(value) : value,
    ),
  );

function descriptionOf({ panels }: Figure): string {
  const words = panels.map(({ title, about, simulated }) => {
    return `${title} (${about}${simulated ? ', simulated' : ''})`;
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
    const needed = 20 + textWidth(text, TEXT);
    if (x > 0 && x + needed > width) [x, y] = [0, y + 10];
    shapes.push(...signAt(sign, [x + 8, y - 2.4]), {
      ...{ kind: 'text', at: [x + 18, y], text, size: TEXT, fill: ink.text },
    });
    x += needed + 8;
  }
  return { shapes, height: legend.length === 0 ? 0 : y + 4 };
}

/** The panels in rows of as many as fit; those of one row are equally high. */
function panelBlocks(figure: Figure, width: number): Block[] {
  const panels: readonly Panel[] = figure.panels;
  if (panels.length === 0) return [];
  const shared = figure.sharedRows
    ? labelWidth(panels as readonly RowsPanel[], Math.max(110, 0.3 * width))
    : 0;
  const narrowest = figure.sharedRows
    ? NARROWEST.rows
    : panels[0].kind !== 'rows'
      ? NARROWEST.curves
      : 220;
  const most = Math.max(1, Math.floor((width - shared + GAP) / (narrowest + GAP)));
  const rows = Math.ceil(panels.length / most);
  const across = Math.ceil(panels.length / rows);
  const each = (width - shared - GAP * (across - 1)) / across;
  return Array.from({ length: rows }, (_, row) => {
    const group = panels.slice(row * across, (row + 1) * across);
    return side(group, { shared, each, sharedRows: figure.sharedRows });
  });
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
  const bodies = panels.map((panel, i) => {
    if (panel.kind === 'curves') return curvesPanel(panel, { width: each, stamped });
    if (panel.kind === 'bins') return binsPanel(panel, { width: each, stamped });
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
    lines(title, 7.5, width, ink.text),
    ...(about === title ? [] : [lines(about, 6, width, ink.faint)]),
    ...(ceilings === null ? [] : [lines(ceilingText(ceilings), 6, width, ink.faint)]),
  ];
  let y = 0;
  const shapes = parts.flatMap((part) => {
    const moved = part.shapes.map((shape) => movedBy(shape, 0, y));
    y += part.height;
    return moved;
  });
  return { shapes, height: y + 3 };
}

function ceilingText(ceilings: readonly number[]): string {
  if (ceilings.length === 0) return 'no ceiling';
  const [low, high] = [Math.min(...ceilings), Math.max(...ceilings)].map((each) => each.toFixed(3));
  return `ceiling ${low === high ? low : `${low} to ${high}`}`;
}

function movedBy<T extends Shape>(shape: T, dx: number, dy: number): T {
  const move = ([x, y]: readonly [number, number]) => [x + dx, y + dy] as const;
  return 'at' in shape
    ? { ...shape, at: move(shape.at) }
    : { ...shape, points: shape.points.map(move) };
}

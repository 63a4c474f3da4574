import { type Figure, type FigureWidth, figureWidths } from '../../../figure/figure.js';
import type { ExportItem } from '../export-menu.js';

const words = { single: 'one column', double: 'two columns' } satisfies Record<FigureWidth, string>;
const widths = Object.keys(figureWidths) as FigureWidth[];

/** What writes figures loads with the first that is saved. */
async function saveFigure(
  figure: Figure,
  kind: 'svg' | 'png' | 'csv',
  width: FigureWidth,
): Promise<void> {
  const { writeFigure } = await import('./figure-files.js');
  await writeFigure(figure, kind, width);
}

/**
 * What can be saved of a figure for a journal, as the command line draws it: SVG and PNG at the width of one column
 * and two, and its values.
 * @param make the figure, made only when it is asked for
 * @param what tells it from another one in the same menu
 */
export const figureItems = (make: () => Figure, what = 'Figure'): ExportItem[] => [
  ...widths.map((width) => ({
    label: `${what}, ${words[width]} (SVG)`,
    save: () => saveFigure(make(), 'svg', width),
  })),
  ...widths.map((width) => ({
    label: `${what}, ${words[width]} (PNG)`,
    save: () => saveFigure(make(), 'png', width),
  })),
  {
    label: `${what}, values (CSV)`,
    save: () => saveFigure(make(), 'csv', 'double'),
  },
];

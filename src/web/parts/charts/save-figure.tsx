import { type Figure, type FigureWidth, figureWidths } from '../../../figure/figure.js';
import { layOut } from '../../../figure/lay-out.js';
import { drawingSvg } from '../../../figure/svg.js';
import type { ExportItem } from '../export-menu.js';
import { saveFile } from '../save.js';

const words = { single: 'one column', double: 'two columns' } satisfies Record<FigureWidth, string>;

/**
 * What an Export menu has of a figure for a journal, as the command line draws it: both widths.
 * @param make the figure, drawn only when it is asked for
 */
export const figureItems = (make: () => Figure): ExportItem[] =>
  (Object.keys(figureWidths) as FigureWidth[]).map((width) => ({
    label: `Figure, ${words[width]} (SVG)`,
    save: () => {
      const figure = make();
      saveFile(`${figure.fileName}.svg`, drawingSvg(layOut(figure, width)), 'image/svg+xml');
    },
  }));

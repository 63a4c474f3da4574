import { readFile } from 'node:fs/promises';
import type { Figure, FigureWidth } from '../figure/figure.js';
import { layOut } from '../figure/lay-out/lay-out.js';
import { drawingSvg } from '../figure/svg.js';
import { fontFile } from './figure-font.js';

/** A figure as the bytes of a file of its own. The same figure gives the same bytes. */
export async function figureFile(
  figure: Figure,
  kind: 'svg' | 'pdf',
  width: FigureWidth,
): Promise<string | Uint8Array> {
  if (kind === 'svg') return drawingSvg(layOut(figure, width), await readFile(fontFile));
  // Only a PDF needs the library and the font.
  const { figurePdf } = await import('./figure-pdf.js');
  return figurePdf(figure, width);
}

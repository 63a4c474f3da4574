import fontAddress from '@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf?url';
import type { Figure, FigureWidth } from '../../../figure/figure.js';
import { layOut } from '../../../figure/lay-out/lay-out.js';
import { drawingSvg } from '../../../figure/svg.js';
import { csvText } from '../csv.js';
import { saveFile } from '../save.js';
import { drawingPng } from './drawing-png.js';

/**
 * Gives the reader a figure as a file, whose name says what it is and of which day.
 * @throws Error if the font does not come, or the browser cannot make the picture
 */
export async function writeFigure(
  figure: Figure,
  kind: 'svg' | 'png' | 'csv',
  width: FigureWidth,
): Promise<void> {
  const name = `${figure.fileName}_${dayOf(new Date())}.${kind}`;
  if (kind === 'csv') return saveFile(name, csvText(figure.table), 'text/csv');
  const drawing = layOut(figure, width);
  const font = await loadFont();
  if (kind === 'svg') saveFile(name, drawingSvg(drawing, font), 'image/svg+xml');
  else saveFile(name, await drawingPng(drawing, font));
}

/** The reader's own day, as `2026-12-01`. */
function dayOf(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

let loaded: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** Arimo, whole; asked for once, and again after a failure. */
function loadFont(): Promise<Uint8Array<ArrayBuffer>> {
  loaded ??= fetchFont().catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function fetchFont(): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(fontAddress).catch(() => undefined);
  if (!answer?.ok)
    throw new Error(
      'The font of the figure could not be loaded. Check the connection and try again.',
    );
  return new Uint8Array(await answer.arrayBuffer());
}

import sharp from 'sharp';
import type { BatchFeed } from './batch-feed.js';
import type { TrainingBatch } from './training-batch.js';

/** Images of a feed with their labels under them: what the network will see, to look at before it does. */

/** How much of a feed a sheet shows. */
export interface SheetSize {
  readonly epoch: number;
  /** At most this many images (with all views of each), the first of the epoch. */
  readonly pictures: number;
}

/** Pixels, of the sheet. */
const LEAST_CELL = 96;
const WIDTH = 1200;
const GAP = 8;
const FONT = 11;
const LINE = FONT + 2;
/** Two lines, and room below them. */
const CAPTION = 2 * LINE + 4;
/** Roughly, of a sans serif. */
const LETTER = FONT * 0.6;

/** An image on the sheet: its views side by side. */
interface Cell {
  readonly batch: TrainingBatch;
  /** Of the batch. */
  readonly number: number;
  /** A line for each class that the target names, two at the most. */
  readonly caption: readonly string[];
}

/** Where everything goes. */
interface Layout {
  readonly side: number;
  /** Pixels of the sheet for one of the image. */
  readonly zoom: number;
  readonly views: number;
  readonly columns: number;
  readonly width: number;
  readonly height: number;
}

/** Draws a sheet as a PNG: the class under each image, or the classes and shares of a mixture. */
export async function contactSheet(feed: BatchFeed, size: SheetSize): Promise<Buffer> {
  const cells: Cell[] = [];
  for await (const batch of feed.epoch(size.epoch)) {
    for (let number = 0; number < batch.labels.length && cells.length < size.pictures; number++)
      cells.push({ batch, number, caption: captionOf(feed, batch, number) });
    if (cells.length === size.pictures) break;
  }
  const layout = layoutOf(feed.spec.side, cells);
  const { width, height } = layout;
  const pixels = Buffer.alloc(width * height * 3, 255);
  cells.forEach((cell, i) => {
    drawPictures(pixels, layout, cell, i);
  });
  const captions = cells.map(({ caption }, i) => captionAt(layout, caption, i));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="${FONT}">${captions.join('')}</svg>`;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
}

function layoutOf(side: number, cells: readonly Cell[]): Layout {
  const zoom = Math.max(1, Math.round(LEAST_CELL / side));
  const views = cells[0]?.batch.views ?? 1;
  const cell = views * side * zoom + GAP;
  const columns = Math.max(1, Math.min(cells.length, Math.floor((WIDTH - GAP) / cell)));
  const rows = Math.max(1, Math.ceil(cells.length / columns));
  return {
    side,
    zoom,
    views,
    columns,
    width: GAP + columns * cell,
    height: GAP + rows * (side * zoom + CAPTION + GAP),
  };
}

function cornerOf({ side, zoom, views, columns }: Layout, i: number): [number, number] {
  const [column, row] = [i % columns, Math.floor(i / columns)];
  return [GAP + column * (views * side * zoom + GAP), GAP + row * (side * zoom + CAPTION + GAP)];
}

function drawPictures(pixels: Buffer, layout: Layout, { batch, number }: Cell, i: number): void {
  const { side, zoom, views, width } = layout;
  const [left, top] = cornerOf(layout, i);
  const area = side * side;
  for (let view = 0; view < views; view++) {
    const picture = (view * batch.labels.length + number) * 3 * area;
    for (let y = 0; y < side * zoom; y++) {
      for (let x = 0; x < side * zoom; x++) {
        const from = picture + Math.floor(y / zoom) * side + Math.floor(x / zoom);
        const to = ((top + y) * width + left + view * side * zoom + x) * 3;
        for (let c = 0; c < 3; c++)
          pixels[to + c] = Math.round(255 * batch.pictures[from + c * area]);
      }
    }
  }
}

/** The classes of a target with their shares, smoothing taken off; a share of less than half a percent is none. */
function captionOf(feed: BatchFeed, { targets }: TrainingBatch, number: number): string[] {
  const { classes } = feed.set;
  const { label_smoothing: smoothing } = feed.spec;
  const row = targets.subarray(number * classes.length, (number + 1) * classes.length);
  const shares = Array.from(row, (target, i) => ({
    name: classes[i],
    percent: Math.round((100 * (target - smoothing / classes.length)) / (1 - smoothing)),
  }));
  const seen = shares.filter(({ percent }) => percent > 0).sort((a, b) => b.percent - a.percent);
  if (seen.length === 1) return [seen[0].name];
  return seen.slice(0, 2).map(({ name, percent }) => `${percent} % ${name}`);
}

function captionAt(layout: Layout, caption: readonly string[], i: number): string {
  const [x, top] = cornerOf(layout, i);
  const { side, zoom, views } = layout;
  const letters = Math.max(4, Math.floor((views * side * zoom) / LETTER));
  return caption
    .map((line, k) => {
      const text = line.length > letters ? `${line.slice(0, letters - 1)}…` : line;
      const y = top + side * zoom + (k + 1) * LINE;
      return `<text x="${x}" y="${y}">${escaped(text)}</text>`;
    })
    .join('');
}

/** As XML takes it: signs of markup by number, what XML has no place for left out. */
function escaped(text: string): string {
  return Array.from(text, (sign) => {
    if (/[&<>]/.test(sign)) return `&#${sign.charCodeAt(0)};`;
    return /[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(sign) ? sign : '';
  }).join('');
}

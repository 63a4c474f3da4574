import type { Drawing, Shape } from '../../../figure/drawing.js';
import { family } from '../../../figure/svg.js';
import { fittedWidth } from '../../../figure/text-width.js';

/** What journals ask for of drawings with text; less where the picture would be too large for a browser. */
const DOTS_PER_INCH = 600;
const [MOST_PIXELS, LONGEST_SIDE] = [64_000_000, 16_000];

/**
 * A drawing as a PNG file that knows its size in millimetres.
 * @param font Arimo
 * @throws Error if the browser has no room for the picture
 */
export async function drawingPng(drawing: Drawing, font: Uint8Array<ArrayBuffer>): Promise<Blob> {
  await new FontFace('Arimo', font).load().then((face) => document.fonts.add(face));
  const { width, height } = drawing;
  const scale = Math.min(
    DOTS_PER_INCH / 72,
    LONGEST_SIDE / Math.max(width, height),
    Math.sqrt(MOST_PIXELS / (width * height)),
  );
  const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The browser has no memory left for the image.');
  context.scale(scale, scale);
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  for (const shape of drawing.shapes) draw(context, shape);
  const png = await canvas.convertToBlob({ type: 'image/png' });
  return withDensity(new Uint8Array(await png.arrayBuffer()), scale * 72);
}

function draw(context: OffscreenCanvasRenderingContext2D, shape: Shape): void {
  context.save();
  if (shape.kind === 'text') drawText(context, shape);
  else {
    context.beginPath();
    if (shape.kind === 'circle') context.arc(...shape.at, shape.radius, 0, 2 * Math.PI);
    else for (const point of shape.points) context.lineTo(...point);
    if (shape.kind === 'line') {
      context.lineWidth = shape.width;
      context.lineJoin = 'round';
      context.setLineDash([...(shape.dash ?? [])]);
      context.strokeStyle = shape.stroke;
      context.stroke();
    } else {
      if (shape.kind === 'area') context.closePath();
      context.globalAlpha = shape.kind === 'area' ? (shape.opacity ?? 1) : 1;
      context.fillStyle = shape.fill;
      context.fill();
      context.globalAlpha = 1;
      context.lineWidth = 0.75;
      if (shape.stroke !== undefined) {
        context.strokeStyle = shape.stroke;
        context.stroke();
      }
    }
  }
  context.restore();
}

const aligned = { start: 'left', middle: 'center', end: 'right' } as const;

function drawText(
  context: OffscreenCanvasRenderingContext2D,
  { at, text, size, fill, anchor = 'start', upward }: Extract<Shape, { kind: 'text' }>,
): void {
  // Larger than it stands, since browsers round small sizes of type.
  context.font = `${10 * size}px ${family}`;
  context.textAlign = aligned[anchor];
  context.fillStyle = fill;
  context.translate(...at);
  if (upward) context.rotate(-Math.PI / 2);
  const fitted = fittedWidth(text, size);
  const own = context.measureText(text).width / 10;
  context.scale((fitted === undefined || own === 0 ? 1 : fitted / own) / 10, 0.1);
  context.fillText(text, 0, 0);
}

/** Behind the header of a PNG file: how many pixels there are to a metre. */
function withDensity(png: Uint8Array<ArrayBuffer>, dotsPerInch: number): Blob {
  const chunk = new DataView(new ArrayBuffer(21));
  chunk.setUint32(0, 9);
  for (const [i, letter] of [...'pHYs'].entries()) chunk.setUint8(4 + i, letter.charCodeAt(0));
  const perMetre = Math.round(dotsPerInch / 0.0254);
  chunk.setUint32(8, perMetre);
  chunk.setUint32(12, perMetre);
  chunk.setUint8(16, 1);
  chunk.setUint32(17, crc(new Uint8Array(chunk.buffer, 4, 13)));
  const head = 33;
  return new Blob([png.subarray(0, head), chunk, png.subarray(head)], { type: 'image/png' });
}

/** The check of a chunk (ISO/IEC 15948, annex D). */
function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

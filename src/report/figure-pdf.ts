import PDFDocument from 'pdfkit';
import type { Drawing, Shape } from '../figure/drawing.js';
import type { Figure, FigureWidth } from '../figure/figure.js';
import { layOut } from '../figure/lay-out/lay-out.js';
import { inFont } from '../figure/text-width.js';
import { fontFile } from './figure-font.js';

/**
 * A figure as a PDF file of one page, as large as the figure, its font embedded. The same figure gives the same bytes.
 * Characters that the font lacks are written as their number, `‹U+6F22›`.
 */
export function figurePdf(figure: Figure, width: FigureWidth): Promise<Uint8Array> {
  return drawingPdf(layOut(figure, width, inCharactersOfFont));
}

const inCharactersOfFont = (text: string): string =>
  Array.from(text.replaceAll('⟨', '‹').replaceAll('⟩', '›'), (character) => {
    if (inFont(character)) return character;
    return `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`;
  }).join('');

async function drawingPdf(drawing: Drawing): Promise<Uint8Array> {
  const document = new PDFDocument({
    size: [drawing.width, drawing.height],
    margin: 0,
    font: fontFile,
    lang: 'en',
    displayTitle: true,
    // A time of its own would make other bytes each time.
    info: {
      ...{ Title: drawing.title, Subject: drawing.description },
      ...{ Creator: 'ventral', Producer: 'ventral', CreationDate: new Date(0) },
    },
  });
  const parts: Uint8Array[] = [];
  document.on('data', (part: Uint8Array) => parts.push(part));
  const ended = new Promise((resolve, reject) => {
    document.once('end', resolve);
    document.once('error', reject);
  });
  for (const shape of drawing.shapes) draw(document, shape);
  document.end();
  await ended;
  return Buffer.concat(parts);
}

function draw(document: PDFKit.PDFDocument, shape: Shape): void {
  document.save();
  if (shape.kind === 'text') drawText(document, shape);
  else if (shape.kind === 'circle') {
    document.circle(...shape.at, shape.radius);
    paint(document, shape);
  } else if (shape.kind === 'area') {
    document.polygon(...shape.points.map((point) => [...point]));
    if (shape.opacity !== undefined) document.fillOpacity(shape.opacity);
    paint(document, shape);
  } else {
    const [[x, y], ...others] = shape.points;
    document.moveTo(x, y);
    for (const [toX, toY] of others) document.lineTo(toX, toY);
    if (shape.dash) document.dash(shape.dash[0], { space: shape.dash[1] });
    document.lineJoin('round').lineWidth(shape.width).stroke(shape.stroke);
  }
  document.restore();
}

function paint(
  document: PDFKit.PDFDocument,
  { fill, stroke }: { readonly fill: string; readonly stroke?: string },
): void {
  if (stroke === undefined) document.fill(fill);
  else document.lineWidth(0.75).fillAndStroke(fill, stroke);
}

function drawText(document: PDFKit.PDFDocument, shape: Extract<Shape, { kind: 'text' }>): void {
  const { at, text, size, fill, anchor, upward } = shape;
  document.fontSize(size).fillColor(fill);
  const width = document.widthOfString(text);
  const start = anchor === 'end' ? width : anchor === 'middle' ? width / 2 : 0;
  document.translate(...at);
  if (upward) document.rotate(-90);
  document.text(text, -start, 0, { lineBreak: false, baseline: 'alphabetic' });
}

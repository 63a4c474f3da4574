import type { Drawing, Point, Shape } from './drawing.js';
import { subsetFont } from './subset-font.js';
import { fittedWidth } from './text-width.js';
import { visibleName } from './visible-name.js';

/** Arimo has the widths of Arial, so that text fits wherever one of these is. */
export const family = "Arimo, Arial, Helvetica, 'Liberation Sans', sans-serif";

/**
 * A drawing as an SVG file, in points with its size in millimetres. Every word in it is text, whatever characters it
 * is made of; the same drawing gives the same bytes.
 * @param font Arimo as a TrueType file, of which the characters of the drawing are embedded
 */
export function drawingSvg(
  { width, height, title, description, shapes }: Drawing,
  font?: Uint8Array,
): string {
  const [w, h] = [number(width), number(height)];
  const millimetres = (points: number) => number((points * 25.4) / 72);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${millimetres(width)}mm" height="${millimetres(height)}mm" viewBox="0 0 ${w} ${h}" font-family="${family}" text-rendering="geometricPrecision" role="img">
<title>${escaped(title)}</title>
<desc>${escaped(description)}</desc>
${font ? `<style>${fontFace(font, shapes)}</style>\n` : ''}<rect width="${w}" height="${h}" fill="#ffffff"/>
${shapes.map(markup).join('\n')}
</svg>
`;
}

function fontFace(font: Uint8Array, shapes: readonly Shape[]): string {
  const texts = shapes.flatMap((shape) => (shape.kind === 'text' ? [escaped(shape.text)] : []));
  const bytes = subsetFont(font, texts.join(''));
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `@font-face{font-family:Arimo;src:url(data:font/ttf;base64,${btoa(binary)})}`;
}

function markup(shape: Shape): string {
  if (shape.kind === 'text') {
    const [x, y] = shape.at.map(number);
    const turn = shape.upward ? ` transform="rotate(-90 ${x} ${y})"` : '';
    const anchor = shape.anchor === undefined ? '' : ` text-anchor="${shape.anchor}"`;
    return `<text x="${x}" y="${y}" font-size="${number(shape.size)}" fill="${shape.fill}"${anchor}${turn}${fitted(shape)} unicode-bidi="isolate" xml:space="preserve">${escaped(shape.text)}</text>`;
  }
  if (shape.kind === 'circle') {
    const [x, y] = shape.at.map(number);
    const edge = shape.stroke === undefined ? '' : ` stroke="${shape.stroke}" stroke-width="0.75"`;
    return `<circle cx="${x}" cy="${y}" r="${number(shape.radius)}" fill="${shape.fill}"${edge}/>`;
  }
  if (shape.kind === 'area') {
    const edge = shape.stroke === undefined ? '' : ` stroke="${shape.stroke}" stroke-width="0.75"`;
    const opacity = shape.opacity === undefined ? '' : ` fill-opacity="${number(shape.opacity)}"`;
    return `<polygon points="${list(shape.points)}" fill="${shape.fill}"${opacity}${edge}/>`;
  }
  const dash = shape.dash === undefined ? '' : ` stroke-dasharray="${shape.dash.join(' ')}"`;
  return `<polyline points="${list(shape.points)}" fill="none" stroke="${shape.stroke}" stroke-width="${number(shape.width)}" stroke-linejoin="round"${dash}/>`;
}

/** The width that the layout knows, so that another font does not make a name longer than its place. */
function fitted({ text, size }: Extract<Shape, { kind: 'text' }>): string {
  const length = fittedWidth(text, size);
  return length === undefined
    ? ''
    : ` textLength="${number(length)}" lengthAdjust="spacingAndGlyphs"`;
}

const number = (value: number) => String(Math.round(value * 100) / 100);
const list = (points: readonly Point[]) => points.map((point) => point.map(number)).join(' ');

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as XML allows it: its two forbidden characters that `visibleName` keeps are replaced. */
const escaped = (text: string): string =>
  visibleName(text)
    .replaceAll(/[\ufffe\uffff]/g, '\ufffd')
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character]);

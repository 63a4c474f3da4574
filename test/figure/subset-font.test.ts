import { readFileSync } from 'node:fs';
import PDFDocument from 'pdfkit';
import { expect, test } from 'vitest';
import { subsetFont } from '../../src/figure/subset-font.js';
import { drawingSvg } from '../../src/figure/svg.js';
import { textWidth } from '../../src/figure/text-width.js';
import { fontFile } from '../../src/report/figure-font.js';

const whole = readFileSync(fontFile);
// Composed letters, Greek and Cyrillic, a character that the font lacks.
const text = 'r² = −0.62 [é Å ö], ρ, Слой, 漢';

test('a part of a font is a font: the same outlines and widths, its licence in it, and small', () => {
  const part = subsetFont(whole, text);
  expect(subsetFont(whole, text)).toEqual(part);
  expect(part.length).toBeLessThan(12_000);
  expect(Buffer.from(part).toString('latin1').replaceAll('\0', '')).toContain('Open Font License');
  const [own, given] = [part, whole].map((font) => {
    const document = new PDFDocument({ font: Buffer.from(font) as unknown as string });
    return document.fontSize(10);
  });
  for (const character of text.replace('漢', '')) {
    expect([character, own.widthOfString(character)]).toEqual([
      character,
      given.widthOfString(character),
    ]);
    expect(textWidth(character, 10)).toBeCloseTo(own.widthOfString(character), 6);
  }
});

test('a figure as SVG has the characters of its texts embedded, and no others', () => {
  const shapes = [{ kind: 'text', at: [1, 9], text: 'V4 ρ', size: 7, fill: '#000000' } as const];
  const drawing = { width: 50, height: 20, title: 'made', description: '', shapes, tips: [] };
  const svg = drawingSvg(drawing, whole);
  const [, base64] = /url\(data:font\/ttf;base64,([A-Za-z0-9+/=]+)\)/.exec(svg) ?? [];
  expect(Buffer.from(base64, 'base64')).toEqual(Buffer.from(subsetFont(whole, 'V4 ρ')));
  expect(svg).toContain('>V4 ρ</text>');
  expect(drawingSvg(drawing)).not.toContain('@font-face');
});

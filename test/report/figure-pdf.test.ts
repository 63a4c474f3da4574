import { createRequire } from 'node:module';
import PDFDocument from 'pdfkit';
import { describe, expect, test } from 'vitest';
import { mapFigure } from '../../src/figure/map-figure.js';
import { inFont, textWidth } from '../../src/figure/text-width.js';
import { figureFile } from '../../src/report/write-figure.js';
import { madeMap } from '../cli/made-map.js';

const pdfOf = async (width: 'single' | 'double', map = madeMap()) =>
  Buffer.from((await figureFile(mapFigure(map), 'pdf', width)) as Uint8Array).toString('latin1');

describe('a figure as PDF', () => {
  test.each([
    ['single', 85],
    ['double', 180],
  ] as const)('is one page of a width of %s column, fonts embedded', async (width, millimetres) => {
    const pdf = await pdfOf(width);
    expect(pdf).toMatch(/^%PDF-1\./);
    const [, points] = /\/MediaBox \[0 0 ([\d.]+) [\d.]+\]/.exec(pdf) ?? [];
    expect((Number(points) * 25.4) / 72).toBeCloseTo(millimetres, 1);
    expect(pdf.match(/\/Type \/Page\b/g)).toHaveLength(1);
    expect(pdf).toContain('/FontFile2');
    expect(pdf).toContain('Arimo');
    expect(pdf).not.toMatch(/\/BaseFont \/Helvetica/);
    expect(pdf.length).toBeLessThan(80_000);
  });

  test('has the same bytes each time, and no time of its own', async () => {
    const pdf = await pdfOf('double');
    expect(await pdfOf('double')).toBe(pdf);
    expect(pdf).toContain('D:19700101000000Z');
  });

  test('takes names that are markup, or have characters that the font lacks', async () => {
    expect(await pdfOf('single', madeMap({ hostile: true }))).toMatch(/%%EOF\s*$/);
    expect(await pdfOf('single', { ...madeMap(), name: '漢字 😀 \u202e' })).toMatch(/%%EOF\s*$/);
  });
});

test('texts are as wide as the layout takes them to be', () => {
  const require = createRequire(import.meta.url);
  const font = require.resolve('@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf');
  const document = new PDFDocument({ font });
  document.fontSize(10);
  for (let code = 0x20; code < 0x2300; code++) {
    const character = String.fromCodePoint(code);
    if (inFont(character))
      expect([character, textWidth(character, 10)]).toEqual([
        character,
        expect.closeTo(document.widthOfString(character), 6),
      ]);
  }
});

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { shadeBounds, shadeOf } from '../../src/figure/score-shade.js';

const root = resolve(import.meta.dirname, '../../src/web');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const theme = read('theme.css');

interface Declaration {
  readonly where: string;
  readonly property: string;
  readonly value: string;
}

/** What every style sheet of the pages declares; tokens themselves are left out. */
const declarations: readonly Declaration[] = files
  .filter((name) => name.endsWith('.css'))
  .flatMap((name) =>
    [
      ...read(name)
        .replaceAll(/\/\*.*?\*\//gs, '')
        .matchAll(/[{;]\s*([a-z-]+)\s*:\s*([^;{}]+)(?=;)/g),
    ].map(([, property, value]) => ({ where: name, property, value: value.trim() })),
  )
  .filter(({ property }) => !property.startsWith('--'));

const strays = (properties: RegExp, allowed: RegExp) =>
  declarations
    .filter(({ property, value }) => properties.test(property) && !allowed.test(value))
    .map(({ where, property, value }) => `${where}: ${property}: ${value}`);

const one = String.raw`(?:0|auto|-?1px|var\(--(?:space-[1-6]|page-edge)\)|calc\([^;]*var\(--space-[1-6]\)[^;]*\))`;

describe('every style sheet is made of the tokens of theme.css', () => {
  it('has five sizes of text', () => {
    expect(theme.match(/--text-\w+: /g)).toHaveLength(5);
    expect(declarations.length).toBeGreaterThan(300);
    expect(strays(/^font-size$/, /^(?:var\(--text-(?:xs|s|m|l|xl)\)|inherit)$/)).toEqual([]);
    expect(strays(/^font$/, /^(?:inherit|var\(--text-m\).*)$/)).toEqual([]);
  });

  it('has six steps of space', () => {
    expect(theme.match(/--space-\d: /g)).toHaveLength(6);
    const space = /^(?:margin|padding|gap|row-gap|column-gap)(?:-\w+)?$/;
    expect(strays(space, new RegExp(`^${one}(?:\\s+${one}){0,3}$`))).toEqual([]);
  });

  it('has its colours in one place', () => {
    const colour = /#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/i;
    const found = declarations.filter(
      ({ where, value }) => where !== 'theme.css' && colour.test(value),
    );
    expect(found).toEqual([]);
  });

  it('has no style in a page', () => {
    const pages = files.filter((name) => name.endsWith('.tsx'));
    const inline = pages.filter((name) =>
      /\b(?:fontSize|margin|padding)(?:\w+)?: ['"`]/.test(read(name)),
    );
    expect(inline).toEqual([]);
  });
});

type Rgb = readonly [number, number, number];

/** Linear light. */
const rgbOf = (hex: string): Rgb =>
  [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((s) => (s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;

const luminance = ([red, green, blue]: Rgb) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
const product = (matrix: readonly Rgb[], of: Rgb): Rgb =>
  matrix.map((row) => row.reduce((sum, each, i) => sum + each * of[i], 0)) as unknown as Rgb;

/** Oklab (B. Ottosson 2020). */
function oklab(colour: Rgb): Rgb {
  const cones = product(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour,
  );
  return product(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones.map(Math.cbrt) as unknown as Rgb,
  );
}

/** Complete forms of colour blindness (Machado, Oliveira and Fernandes 2009). */
const vision: Readonly<Record<string, readonly Rgb[]>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const [light, dark] = theme.split('prefers-color-scheme: dark');
const token = (text: string, name: string) => {
  const found = new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(text)?.[1];
  return found ? rgbOf(found) : undefined;
};

describe.each([
  ['light', light],
  ['dark', dark],
])('the scale of scores on %s ground', (_theme, text) => {
  const steps = Array.from({ length: 9 }, (_, i) => token(text, `q${i}`) as Rgb);

  it.each(Object.keys(vision))('tells neighbours apart evenly with %s vision', (kind) => {
    const seen = steps.map((step) =>
      oklab(product(vision[kind], step).map((part) => Math.min(1, Math.max(0, part))) as never),
    );
    const apart = seen
      .slice(1)
      .map((step, i) => Math.hypot(...step.map((part, k) => part - seen[i][k])));
    // Oklab's unit: 0.02 is about what one just sees side by side.
    expect(Math.min(...apart)).toBeGreaterThan(0.06);
    expect(Math.max(...apart) / Math.min(...apart)).toBeLessThan(1.6);
    const lightness = seen.map(([each]) => each);
    const sorted = lightness.toSorted((a, b) => a - b);
    expect(lightness).toEqual(_theme === 'light' ? sorted.toReversed() : sorted);
  });

  it('has text that can be read on each', () => {
    const inks = ['low', 'low', 'low', 'low', 'middle', 'middle', 'high', 'high', 'high'];
    const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    for (const [i, step] of steps.entries()) {
      const name = `q-${inks[i]}-ink`;
      const ink = token(text, name) ?? (token(light, name) as Rgb);
      expect(contrast(luminance(ink), luminance(step))).toBeGreaterThanOrEqual(4.5);
    }
  });
});

test('low scores, where most models are, have most of the shades', () => {
  expect(shadeBounds.filter((bound) => bound <= 0.3)).toHaveLength(5);
  expect([-1, 0, 0.0494, 0.0496, 0.12, 0.31, 0.69, 0.7, 3].map(shadeOf)).toEqual([
    0, 0, 0, 1, 2, 5, 7, 8, 8,
  ]);
});

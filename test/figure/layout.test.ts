import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { differencesFigure } from '../../src/figure/differences-figure.js';
import type { Drawing, Shape } from '../../src/figure/drawing.js';
import type { Estimate, Figure, Panel } from '../../src/figure/figure.js';
import { layOut } from '../../src/figure/lay-out/lay-out.js';
import type { CellToDraw, MapToDraw } from '../../src/figure/map-figure.js';
import { mapFigure } from '../../src/figure/map-figure.js';
import { heatFigure, profileFigure } from '../../src/figure/map-views.js';
import { scatterFigure } from '../../src/figure/scatter-figure.js';
import { splitsFigure } from '../../src/figure/splits-figure.js';
import { textWidth } from '../../src/figure/text-width.js';

/** A phone, one and two columns, a wide screen: in points. */
const widths = [167, 'single', 'double', 611] as const;

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where the letters of a text are: from the height of capitals to what hangs below the line. */
function boxOf({ at: [x, y], text, size, anchor, upward }: Extract<Shape, { kind: 'text' }>): Box {
  const length = textWidth(text, size);
  const before = anchor === 'end' ? length : anchor === 'middle' ? length / 2 : 0;
  const [up, down] = [0.72 * size, 0.2 * size];
  return upward
    ? { text, left: x - up, right: x + down, top: y + before - length, bottom: y + before }
    : { text, left: x - before, right: x - before + length, top: y - up, bottom: y + down };
}

const textsOf = ({ shapes }: Drawing): Box[] =>
  shapes.flatMap((shape) => (shape.kind === 'text' && shape.text !== '' ? [boxOf(shape)] : []));

function pointsOf(shape: Shape): readonly (readonly [number, number])[] {
  if ('points' in shape) return shape.points;
  if (shape.kind === 'text') return [];
  const [x, y] = shape.at;
  const { radius } = shape;
  return [
    [x - radius, y - radius],
    [x + radius, y + radius],
  ];
}

const SLACK = 0.01;
const outside = ({ width, height }: Drawing, x: number, y: number) =>
  !(x >= -SLACK && x <= width + SLACK && y >= -SLACK && y <= height + SLACK);

/** What is outside of the frame, and which texts cover each other. */
function faultsOf(drawing: Drawing): string[] {
  const texts = textsOf(drawing);
  const beyond = drawing.shapes.filter((shape) =>
    pointsOf(shape).some(([x, y]) => outside(drawing, x, y)),
  );
  const cut = texts.filter(
    ({ left, right, top, bottom }) =>
      outside(drawing, left, top) || outside(drawing, right, bottom),
  );
  const sorted = texts.toSorted((a, b) => a.top - b.top);
  const covered = sorted.flatMap((one, i) => {
    const found: string[] = [];
    for (let k = i + 1; k < sorted.length && sorted[k].top < one.bottom - SLACK; k++) {
      const other = sorted[k];
      if (other.left < one.right - SLACK && one.left < other.right - SLACK)
        found.push(`“${one.text}” covers “${other.text}”`);
    }
    return found;
  });
  return [
    ...beyond.map((shape) => `outside: ${JSON.stringify(shape)}`),
    ...cut.map(({ text }) => `cut: ${text}`),
    ...covered,
  ];
}

const unlucky = fc.oneof(
  fc.double({ min: -3, max: 3, noNaN: true }),
  fc.constantFrom(0, 1, 1e-9, -1e-7, 12_345_678, Number.NaN, Number.POSITIVE_INFINITY),
);
const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 30 }),
  fc.constantFrom(
    'blocks.3.conv_pwl',
    `model.${'encoder.block_12.'.repeat(11)}conv`,
    'x'.repeat(200),
    'שכבה־ראשונה',
    'الطبقة الأولى',
    '🐒🧠👩‍🔬 layer',
    '漢字層',
    '<script>"&\'',
    'safe\u202egpj.exe',
    '=1+1',
  ),
);
const estimate: fc.Arbitrary<Estimate> = fc.record({
  value: fc.oneof({ weight: 5, arbitrary: unlucky }, { weight: 1, arbitrary: fc.constant(null) }),
  ci: fc.option(fc.tuple(unlucky, unlucky)),
});
const count = fc.constantFrom(0, 1, 2, 7, 40);

const score = ({ value, ci }: Estimate, simulated: boolean): CellToDraw => ({
  ...{ region: null, simulated, value, ci, formula: 'raw^2/ceiling', warnings: [] },
  ...{ raw: { value: 0.5 }, ceiling: { value: 0.8 } },
});
const floorOf = (made: { readonly value: number | null; readonly above: number } | null) =>
  made ? { rows: { value: { floor: made.value }, raw: { above: made.above } } } : {};
const map: fc.Arbitrary<MapToDraw> = fc
  .record({
    name,
    benchmarks: fc.uniqueArray(name, { maxLength: 9 }),
    layers: count.chain((length) => fc.uniqueArray(name, { minLength: 0, maxLength: length })),
    estimate: fc.infiniteStream(estimate),
    floor: fc.infiniteStream(fc.option(fc.record({ value: fc.option(unlucky), above: unlucky }))),
    simulated: fc.boolean(),
  })
  .map(({ name, benchmarks, layers, estimate, floor, simulated }) => ({
    ...{ name, benchmarks },
    layers: layers.map((layer) => ({
      layer,
      cells: Object.fromEntries(
        benchmarks.map((id, i) => [id, score(estimate.next().value, simulated && i % 2 === 0)]),
      ),
      floors: Object.fromEntries(benchmarks.map((id) => [id, floorOf(floor.next().value)])),
    })),
    chosen: Object.fromEntries(
      benchmarks.map((id) => [id, { layer: layers.at(-1) ?? '', tied: layers.slice(0, 2) }]),
    ),
  }));

const panelFigure = (panel: Panel): Figure => ({
  ...{ title: 'made', fileName: 'made', panels: [panel, panel], sharedRows: false },
  ...{ legend: [{ sign: { series: 3, line: 'dashed' }, text: 'y'.repeat(200) }], notes: [] },
  table: [],
});
const head = fc.record({
  ...{ title: name, about: name, valueTitle: name, simulated: fc.boolean() },
  ceilings: fc.constantFrom(null, [], [0.8], [0.2, 0.9]),
});

const kinds: Record<string, fc.Arbitrary<Figure>> = {
  'layer maps': map.map(mapFigure),
  'depth profiles': map.map(profileFigure),
  'heat maps': map.map(heatFigure),
  scatters: fc
    .record({
      ...{ x: name, y: name, simulated: fc.boolean(), diagonal: fc.boolean() },
      named: fc.array(name, { maxLength: 8 }),
      points: count.chain((length) =>
        fc.array(
          fc.record({
            ...{ label: name, x: estimate, y: estimate },
            series: fc.option(fc.nat({ max: 7 })),
          }),
          { maxLength: length },
        ),
      ),
    })
    .map((made) => scatterFigure({ ...made, title: 'made', name: 'made', of: 'models' })),
  'forest plots': fc
    .record({
      names: fc.array(name, { minLength: 2, maxLength: 8 }),
      rows: fc.array(
        fc.record({
          ...{ title: name, simulated: fc.boolean() },
          differences: fc.array(
            fc.option(
              fc.record({
                value: unlucky,
                ci: fc.option(fc.tuple(unlucky, unlucky)),
                paired: fc.boolean(),
              }),
              { nil: undefined },
            ),
            { maxLength: 8 },
          ),
        }),
        { maxLength: 6 },
      ),
    })
    .map(({ names, rows }) =>
      differencesFigure(
        rows.map((row) => ({ ...row, differences: row.differences.slice(0, names.length) })),
        names,
        0,
      ),
    ),
  'values of splits': fc
    .array(
      fc.record({
        benchmark: name,
        raw: fc.array(fc.option(unlucky), { maxLength: 12 }),
        mean: fc.option(unlucky),
        ceiling: fc.array(fc.option(unlucky), { maxLength: 12 }),
        ceilingMean: fc.option(unlucky),
      }),
      { maxLength: 4 },
    )
    .map((strips) =>
      splitsFigure(
        'made',
        strips.map((strip) => ({ ...strip, names: strip.raw.map(String), band: [0, 1] })),
        'split',
        true,
      ),
    ),
  curves: fc
    .record({
      head,
      ...{ xTitle: name, log: fc.boolean() },
      curves: fc.array(
        fc.record({
          ...{ name, series: fc.nat({ max: 7 }) },
          points: fc.array(
            fc.record({ x: unlucky, value: unlucky, ci: fc.option(fc.tuple(unlucky, unlucky)) }),
            { maxLength: 12 },
          ),
        }),
        { maxLength: 4 },
      ),
      borders: fc.array(fc.record({ x: fc.nat({ max: 9 }), name }), { maxLength: 4 }),
    })
    .map(({ head, ...made }) => panelFigure({ kind: 'curves', ...head, ...made })),
  distributions: fc
    .record({ head, xTitle: name, counts: fc.array(fc.nat({ max: 99 }), { maxLength: 30 }) })
    .map(({ head, xTitle, counts }) =>
      panelFigure({
        ...{ kind: 'bins', ...head, xTitle, neurons: counts, units: counts.toReversed() },
        edges: [...counts, 0].map((_, i) => -1.2345 + i / 3),
      }),
    ),
};

describe.each(Object.entries(kinds))('%s of anything', (_, figures) => {
  it.each(widths)('stay within the frame, and no text covers another: %s', (width) => {
    fc.assert(
      fc.property(figures, (figure) => {
        expect(faultsOf(layOut(figure, width))).toEqual([]);
      }),
      { seed: Number(width) || 1, numRuns: 10 },
    );
  });
});

test('a network of 300 layers has as many names as fit, and says how many', () => {
  const layers = Array.from({ length: 300 }, (_, i) => `blocks.${i}.attention.projection`);
  const long: MapToDraw = {
    ...{ name: 'deep', benchmarks: ['lab.V4-pls'] },
    layers: layers.map((layer, i) => ({
      layer,
      cells: { 'lab.V4-pls': score({ value: Math.sin(i / 50), ci: null }, false) },
    })),
    chosen: { 'lab.V4-pls': { layer: layers[78], tied: [layers[80]] } },
  };
  for (const width of widths) {
    const drawing = layOut(profileFigure(long), width);
    expect(faultsOf(drawing)).toEqual([]);
    const words = textsOf(drawing).map(({ text }) => text);
    const named = words.filter((word) => layers.includes(word));
    expect(named).toContain(layers[78]);
    expect(words.join(' ')).toContain(`(${named.length} of 300 named)`);
    expect(drawing.tips).toHaveLength(300);
  }
});

test('a finding of the layout is found: a text over another, and one outside', () => {
  const text = { kind: 'text', text: 'label', size: 7, fill: '#000000' } as const;
  const drawing = {
    ...{ width: 100, height: 20, title: '', description: '', tips: [] },
    shapes: [
      { ...text, at: [10, 10] },
      { ...text, at: [15, 12] },
      { ...text, at: [95, 10] },
    ],
  } satisfies Drawing;
  expect(faultsOf(drawing)).toEqual(['cut: label', '“label” covers “label”']);
});

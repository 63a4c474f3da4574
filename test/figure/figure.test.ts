import { describe, expect, it, test } from 'vitest';
import { roundAxis, tickTexts, valueAxis } from '../../src/figure/axis.js';
import {
  comparedDifferences,
  comparisonFigure,
  seriesFigure,
} from '../../src/figure/comparison-figure.js';
import { differencesFigure } from '../../src/figure/differences-figure.js';
import type { Drawing, Shape } from '../../src/figure/drawing.js';
import { benchmarksInName, type Figure, fileNameOf } from '../../src/figure/figure.js';
import { heatColour } from '../../src/figure/heat-colours.js';
import { layOut } from '../../src/figure/lay-out/lay-out.js';
import { mapFigure } from '../../src/figure/map-figure.js';
import { scatterFigure } from '../../src/figure/scatter-figure.js';
import { type NamedScore, scoresFigure } from '../../src/figure/scores-figure.js';
import { drawingSvg } from '../../src/figure/svg.js';
import { textWidth, wrapText } from '../../src/figure/text-width.js';
import { madeComparison, madeRow } from '../cli/made-comparison.js';
import { hostileNames, madeMap } from '../cli/made-map.js';

type Text = Extract<Shape, { kind: 'text' }>;
const textsOf = ({ shapes }: Drawing) =>
  shapes.filter((shape): shape is Text => shape.kind === 'text');
const wordsOf = (drawing: Drawing) => textsOf(drawing).map(({ text }) => text);
const widths = ['single', 'double'] as const;

const series = seriesFigure(
  [0, 1, 2, 4].flatMap((epoch) =>
    (['fixed', 'chosen'] as const).map((map) =>
      madeRow(`e${epoch}.onnx`, {
        ...{ epoch, map, simulated: true, ceiling: 0.9, selection: map === 'chosen' },
        ...(epoch === 2 ? { value: null, ci: null, reason: 'a dead layer' } : {}),
      }),
    ),
  ),
);
const comparison = comparisonFigure([
  madeRow('a.onnx', { ceiling: 0.87, simulated: true }),
  madeRow('b.onnx', { ceiling: 0.87, layer: 'blocks.1', value: null, ci: null, reason: 'no room' }),
  madeRow('a.onnx', { benchmark: 'lab.IT-pls', region: 'IT' }),
]);
const scored: NamedScore = {
  ...{ name: 'a.onnx', benchmark: 'lab.V1-pref_or', layer: 'layer1.0', region: 'V1' },
  ...{ simulated: false, selection: false, value: 0.9, ci: [0.8, 0.95], formula: 'raw/ceiling' },
  ...{ raw: { value: 0.8 }, ceiling: { value: 0.89 }, warnings: [] },
};
const property: NamedScore = {
  ...scored,
  distribution: {
    ...{ property: 'preferred_orientation', unit: 'deg', bins: [-22.5, 22.5, 67.5, 112.5, 157.5] },
    neurons: { counts: [66, 49, 77, 54] },
    units: { counts: [0, 30, 10, 0] },
  },
};
const figures: Record<string, Figure> = {
  properties: scoresFigure([property, { ...property, name: 'b.onnx', simulated: true }]),
  scores: scoresFigure([scored, { ...property, name: 'b.onnx', value: null, ci: null }]),
  map: mapFigure(madeMap()),
  'hostile map': mapFigure(madeMap({ hostile: true })),
  comparison,
  series,
  'hostile comparison': comparisonFigure(
    hostileNames.map((name) => madeRow(name, { layer: name, benchmark: name, region: null })),
  ),
};

describe.each(Object.entries(figures))('%s', (_, figure) => {
  it.each(widths)('fits one column width: %s', (width) => {
    const drawing = layOut(figure, width);
    const millimetres = (drawing.width * 25.4) / 72;
    expect(millimetres).toBeCloseTo(width === 'single' ? 85 : 180, 6);
    for (const shape of drawing.shapes) {
      const points = 'at' in shape ? [shape.at] : shape.points;
      for (const [x, y] of points) {
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(drawing.width);
        expect(y).toBeGreaterThanOrEqual(0);
        expect(y).toBeLessThanOrEqual(drawing.height);
      }
    }
    for (const { text, size, at, anchor, upward } of textsOf(drawing)) {
      const length = textWidth(text, size);
      const start = at[0] - (anchor === 'end' ? length : anchor === 'middle' ? length / 2 : 0);
      if (upward) continue;
      expect([text, start]).toEqual([text, expect.closeTo(Math.max(start, -1), 6)]);
      expect([text, start + length < drawing.width + 4]).toEqual([text, true]);
      // What journals ask for: no type below 5 points.
      expect(size).toBeGreaterThanOrEqual(5);
    }
  });

  test('gives the same bytes, well formed, whatever the names are', () => {
    const svg = drawingSvg(layOut(figure, 'single'));
    expect(drawingSvg(layOut(figure, 'single'))).toBe(svg);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML forbids them.
    expect(svg).not.toMatch(/[\x00-\x08\x0b-\x1f\u202e\ufffe\uffff]/);
    const left = svg
      .replaceAll(
        /<\/?(?:svg|title|desc|rect|text|circle|polygon|polyline)(?:\s[\w:-]+="[^"<>&]*")*\/?>/g,
        '',
      )
      .replaceAll(/&(?:amp|lt|gt|quot|#39);/g, '');
    expect(left).not.toMatch(/[<>&]/);
  });
});

describe('a layer map', () => {
  const map = madeMap();
  const drawing = layOut(figures.map, 'double');

  test('has every layer by its whole name, each benchmark with its ceiling, and named axes', () => {
    const words = wordsOf(drawing);
    for (const { layer } of map.layers) expect(words.join('')).toContain(layer);
    expect(words.filter((word) => word.startsWith('ceiling 0.'))).toHaveLength(5);
    expect(words).toContain('ceiling 0.870');
    expect(words.join(' ')).toContain('score (raw² / ceiling)');
    expect(words).toEqual(expect.arrayContaining(['V1', 'V2', 'V4', 'IT', 'chosen']));
  });

  test('stamps simulated data where they are, and says what that means', () => {
    const stamps = textsOf(drawing).filter(({ text }) => text === 'simulated');
    expect(stamps).toHaveLength(1);
    const heading = textsOf(drawing).find(({ text }) => text === 'IT');
    const next = textsOf(drawing).find(({ text }) => text === 'i2n');
    expect(stamps[0].at[0]).toBeGreaterThan(heading?.at[0] ?? Number.NaN);
    expect(stamps[0].at[0]).toBeLessThan(next?.at[0] ?? Number.NaN);
    expect(wordsOf(drawing).join(' ')).toContain('never about a brain');
  });

  test('says why values are missing, and tells what was chosen', () => {
    expect(wordsOf(drawing)).toContain('no value (4): 24 units < 25 components');
    const lozenges = drawing.shapes.filter(
      (shape) => shape.kind === 'area' && shape.points.length === 4 && shape.fill !== '#ffffff',
    );
    // One a panel, and that of the legend.
    expect(lozenges).toHaveLength(6);
  });

  test('has its values as a table, and a file name that says what it is', () => {
    const { table, fileName } = figures.map;
    expect(fileName).toBe('layer-map_efficientnet-b1_5-benchmarks');
    expect(table).toHaveLength(1 + 5 * 67);
    expect(new Set(table.map((line) => line.length))).toEqual(new Set([10]));
    expect(figures['hostile map'].fileName).toMatch(/^[\p{L}\p{N}._-]+$/u);
  });
});

test('a name of a layer that is as long as an export makes it stands whole', () => {
  const layer = `model.${'encoder.block_12.'.repeat(15)}conv`;
  const figure = comparisonFigure([madeRow('a.onnx', { layer })]);
  for (const width of widths) expect(wordsOf(layOut(figure, width)).join('')).toContain(layer);
});

test('a comparison shows each model with its layer, and why one has no value', () => {
  const words = wordsOf(layOut(comparison, 'single'));
  expect(words).toEqual(
    expect.arrayContaining(['a.onnx', 'b.onnx', 'layer3', 'blocks.1', 'ceiling 0.870']),
  );
  expect(words).toContain('no value (1): no room');
  expect(words.filter((word) => word === 'no ceiling')).toHaveLength(1);
  expect(words.filter((word) => word === 'simulated')).toHaveLength(1);
});

test('differences of a comparison are those from the first model', () => {
  const { rows, differences } = madeComparison;
  const figure = comparedDifferences(rows, differences);
  const words = wordsOf(layOut(figure, 'double'));
  expect(words).toEqual(
    expect.arrayContaining(['difference from a.onnx', 'b.onnx', '+0.250 [0.150, 0.350]']),
  );
  expect(figure.table).toHaveLength(3);
});

test('a series has an axis of epochs, and a curve with a gap for what is missing', () => {
  const drawing = layOut(series, 'double');
  expect(wordsOf(drawing)).toEqual(
    expect.arrayContaining(['epoch', 'score (1 = ceiling)', 'at the fixed layer', 'simulated']),
  );
  const fixed = drawing.shapes.filter(
    (shape) => shape.kind === 'line' && shape.stroke === '#0b62a8' && shape.width === 1,
  );
  // Before the gap, and that of the legend; after the gap one point is no line.
  expect(fixed).toHaveLength(2);
  const empty = seriesFigure([madeRow('a.onnx')]);
  expect(wordsOf(layOut(empty, 'single')).join(' ')).toContain(
    'without an epoch, and not shown: a.onnx',
  );
});

test('properties are distributions over the bins of the recorded neurons', () => {
  const drawing = layOut(figures.properties, 'double');
  expect(wordsOf(drawing)).toEqual(
    expect.arrayContaining(['Preferred orientation', 'Preferred orientation, deg', 'share']),
  );
  expect(wordsOf(drawing).join(' ')).toContain('−22.5 22.5 67.5 112.5 157.5');
  const bars = drawing.shapes.filter((shape) => shape.kind === 'area' && shape.opacity === 0.35);
  // Four bins in two panels, and the legend.
  expect(bars).toHaveLength(9);
  expect(wordsOf(drawing).filter((word) => word === 'simulated')).toHaveLength(1);
});

test('scores of several kinds are rows of values', () => {
  const words = wordsOf(layOut(figures.scores, 'single'));
  expect(words).toEqual(expect.arrayContaining(['a.onnx', 'layer1.0', 'score (raw / ceiling)']));
  expect(words).toContain('ceiling 0.890');
});

test('text is broken where it can be, and never lost', () => {
  expect(wrapText('features.denseblock3.conv2', 7, 45)).toEqual([
    'features.',
    'denseblock3.',
    'conv2',
  ]);
  expect(wrapText('FreemanZiemba2013public.V1-pls', 6, 62).join('|')).toBe(
    'FreemanZiemba2013|public.V1-pls',
  );
  const long = 'x'.repeat(300);
  const lines = wrapText(long, 7, 50);
  expect(lines.join('')).toBe(long);
  expect(Math.max(...lines.map((line) => textWidth(line, 7)))).toBeLessThanOrEqual(50);
  expect(wrapText('', 7, 50)).toEqual(['']);
});

test('axes are round, start at 0 and reach the ceiling where values come near it', () => {
  expect(valueAxis([0.31, 0.02], 5)).toEqual({ low: 0, high: 0.4, ticks: [0, 0.1, 0.2, 0.3, 0.4] });
  expect(valueAxis([0.6], 5).high).toBe(1);
  expect(valueAxis([-0.03, 0.2], 3).low).toBeLessThan(-0.02);
  expect(roundAxis(3, 3, 5).ticks).toEqual([3]);
  expect(tickTexts({ low: -0.5, high: 1, ticks: [-0.5, 0, 0.5, 1] })).toEqual([
    '−0.5',
    '0.0',
    '0.5',
    '1.0',
  ]);
});

test('file names have no character that a system minds', () => {
  expect(fileNameOf('../../etc', 'a b<c>')).toBe('etc_a-b-c');
  expect(fileNameOf('')).toBe('figure');
  expect(fileNameOf('layer map', 'resnet-20', 'V4-pls')).toBe('layer-map_resnet-20_V4-pls');
  expect(fileNameOf('kind', '.'.repeat(9), `${'é'.repeat(400)} 🐒`)).toMatch(/^kind_é{60}$/u);
  expect(benchmarksInName(['MajajHong2015.V4-pls'], ['V4'])).toBe('V4-pls');
  expect(benchmarksInName(['a.V1-pls', 'a.IT-pls'], ['V1', 'IT'])).toBe('V1-IT');
});

test('numbers on the colours of a heat map can be read', () => {
  const luminance = (colour: string) => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  for (let share = 0; share <= 1; share += 0.01) {
    const { fill, words } = heatColour(share);
    const [low, high] = [luminance(fill), luminance(words)].sort((a, b) => a - b);
    expect((high + 0.05) / (low + 0.05)).toBeGreaterThanOrEqual(4.5);
  }
  expect(heatColour(-1)).toEqual(heatColour(0));
});

test('a scatter says how its axes go together, and when nothing can be said', () => {
  const at = (x: number | null, y: number) => ({
    ...{ label: 'made', series: null, x: { value: x, ci: null }, y: { value: y, ci: null } },
  });
  const of = (points: ReturnType<typeof at>[]) =>
    scatterFigure({
      ...{ title: 'made', name: 'scatter', x: 'V1', y: 'V4', of: 'models', simulated: true },
      ...{ points, named: [] },
    });
  const figure = of([at(1, 1), at(2, 3), at(3, 2), at(4, 5), at(5, 4), at(null, 1)]);
  const words = wordsOf(layOut(figure, 'double'));
  expect(words).toContain('r = 0.80 [−0.28, 0.99], ρ = 0.80 [−0.46, 0.99], n = 5 models');
  expect(words).toEqual(expect.arrayContaining(['V1', 'V4', 'simulated']));
  expect(words).toContain('1 without a value on both axes, and not shown');
  expect(figure.table).toHaveLength(7);
  expect(wordsOf(layOut(of([at(1, 2)]), 'single')).join(' ')).toContain(
    'too few for a correlation',
  );
  const equal = of([at(1, 1), at(1, 2), at(1, 3)]);
  expect(wordsOf(layOut(equal, 'single')).join(' ')).toContain('all values of an axis are equal');
});

test('a forest plot says each difference in numbers, against 0, and which are not paired', () => {
  const figure = differencesFigure(
    [
      {
        ...{ title: 'lab.V4-pls', simulated: false },
        differences: [
          undefined,
          { value: 0.1, ci: [0.02, 0.18], paired: true },
          { value: -0.0002, ci: null, paired: false },
        ],
      },
    ],
    ['a', 'b', 'c'],
    0,
  );
  const words = wordsOf(layOut(figure, 'double'));
  expect(words).toEqual(
    expect.arrayContaining(['+0.100 [0.020, 0.180]', '−0.0002*', 'difference from a', '0.00']),
  );
  expect(words.join(' ')).toContain('* not paired');
  expect(figure.fileName).toBe('differences_a_b_c');
});

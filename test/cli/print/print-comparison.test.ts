import { describe, expect, test } from 'vitest';
import { printComparison, printSeries } from '../../../src/cli/print/print-comparison.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import type {
  ComparisonRow,
  MapDivergence,
} from '../../../src/scoring/compare/comparison-types.js';

const printed = (interactive: boolean, print: (io: Io) => void) => {
  let out = '';
  print({
    out: (text) => {
      out += text;
    },
    err: () => {},
    interactive,
    color: false,
  });
  return out;
};

const row = (checkpoint: string, more: Partial<ComparisonRow> = {}): ComparisonRow => ({
  checkpoint,
  epoch: null,
  model: null,
  benchmark: 'lab.V4-pls',
  region: 'V4',
  simulated: false,
  map: 'fixed',
  layer: 'layer3',
  layerChoice: { by: 'card' },
  value: 0.5,
  ci: [0.4, 0.6],
  raw: 0.6,
  ceiling: null,
  selection: false,
  inputs: null,
  ...more,
});

const layers: MapDivergence['layers'] = Array.from({ length: 12 }, (_, i) => ({
  layer: `a${i}`,
  other: `b${i}`,
  difference: i / 100,
  ci: [i / 100 - 0.02, i / 100 + 0.02],
  diverges: i > 2,
}));
const comparison = {
  models: ['a.onnx', 'b.onnx', 'c.onnx'].map((checkpoint) => ({ checkpoint, model: null })),
  benchmarks: ['lab.V4-pls'],
  rows: [row('a.onnx'), row('b.onnx', { map: 'chosen', selection: true }), row('c.onnx')],
  differences: [
    ['a.onnx', 'b.onnx', 0.25],
    ['a.onnx', 'c.onnx', -0.0001],
    ['b.onnx', 'c.onnx', 7],
  ].map(([from, to, difference]) => ({
    benchmark: 'lab.V4-pls',
    from: from as string,
    to: to as string,
    difference: difference as number,
    ci: [(difference as number) - 0.1, (difference as number) + 0.1] as const,
  })),
  divergences: [
    { benchmark: 'lab.V4-pls', from: 'a.onnx', to: 'b.onnx', by: 'depth' as const, layers },
    { benchmark: 'lab.V4-pls', from: 'a.onnx', to: 'c.onnx', by: 'name' as const, layers: [] },
  ],
  maps: [null, null, null],
};

describe('models side by side', () => {
  test('are tables where a person watches, with the largest divergences', () => {
    const out = printed(true, (io) => printComparison(comparison, io));
    expect(out).toMatch(/b\.onnx .* chosen .* layer3 .* 0\.500 .* 0\.400 to 0\.600 .* selection/);
    expect(out).toMatch(/difference from a\.onnx/);
    expect(out).toMatch(/\+0\.250 \(0\.150 to 0\.350\) .* the interval excludes 0/);
    expect(out).not.toMatch(/7\.000|-0\.000/);
    expect(out).toMatch(/b\.onnx differs from that of a\.onnx at 9 of 12 layers \(matched by rel/);
    expect(out).toMatch(/: a11 \/ b11 \+0\.110, .* and 1 more\n/);
    expect(out).toMatch(/c\.onnx differs from that of a\.onnx at none of 0 layers\n/);
  });

  test('are lines in a pipe, in three parts', () => {
    const out = printed(false, (io) => printComparison(comparison, io));
    const parts = out.split('\n\n').map((part) => part.trimEnd().split('\n'));
    expect(parts.map((lines) => lines.length)).toEqual([3, 2, 9]);
    expect(parts[2][0]).toBe('lab.V4-pls\ta.onnx\tb.onnx\ta3\tb3\t+0.030\t0.010 to 0.050');
  });
});

test('a series names its fixed layers where a person watches', () => {
  const rows = [
    row('e1.onnx', { epoch: 1 }),
    row('e2.onnx', { epoch: 2, value: null, reason: 'broken' }),
  ];
  const fixed = { from: 'e2.onnx', layers: { 'lab.V4-pls': 'layer3' } };
  const series = { checkpoints: [], benchmarks: [], fixed, rows };
  expect(printed(true, (io) => printSeries(series, io))).toMatch(
    /fixed: the layers of e2\.onnx \(lab\.V4-pls layer3\)\n/,
  );
  expect(printed(false, (io) => printSeries(series, io)).split('\n')[1]).toMatch(
    /^e2\.onnx\t2\tlab\.V4-pls\tfixed\tlayer3\t–\t.*\tbroken$/,
  );
});

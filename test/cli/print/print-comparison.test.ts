import { describe, expect, test } from 'vitest';
import { printComparison, printSeries } from '../../../src/cli/print/print-comparison.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import { madeComparison as comparison, madeRow as row } from '../made-comparison.js';

const printed = (interactive: boolean, print: (io: Io) => void) => {
  let out = '';
  print({
    out: (text) => {
      out += text;
    },
    err: () => {},
    ...(interactive ? { columns: 160 } : {}),
    interactive,
    color: false,
  });
  return out;
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

  test('are TSV in a pipe, in three parts with a heading each and numbers in full', () => {
    const out = printed(false, (io) => printComparison(comparison, io));
    const parts = out.split('\n\n').map((part) => part.replace(/\n$/, '').split('\n'));
    expect(parts.map((lines) => lines.length)).toEqual([4, 3, 10]);
    expect(parts[1][2]).toBe(
      'lab.V4-pls\tc.onnx\ta.onnx\t-0.0001\t-0.10010000000000001\t0.0999\t\ttrue\t0.01\timages and neuroids\timages 80, neuroids 20\t2',
    );
    expect(parts[2].slice(0, 2)).toEqual([
      'benchmark\tmodel\tfrom\tlayer\tlayer_from\tdifference\tci_low\tci_high',
      'lab.V4-pls\tb.onnx\ta.onnx\tb3\ta3\t0.03\t0.009999999999999998\t0.05',
    ]);
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
  expect(printed(false, (io) => printSeries(series, io)).split('\n')[2]).toMatch(
    /^e2\.onnx\t2\tlab\.V4-pls\tlayer3\t\t.*\tfixed\tfalse\tfalse\tbroken\t\t\t\t$/,
  );
});

import { expect, test } from 'vitest';
import {
  pearsonInterval,
  spearmanInterval,
} from '../../../src/numerics/statistics/correlation-interval.js';
import { pearson } from '../../../src/numerics/statistics/pearson.js';
import { spearman } from '../../../src/numerics/statistics/spearman.js';

type Case = readonly [x: number[], y: number[], pearson: number[], spearman: number[]];

// scipy 1.15.3: pearsonr(x, y) and its confidence_interval(0.95); spearmanr(x, y), and numpy's tanh(arctanh(r) ± z · √((1 + r²/2)/(n − 3))).
const cases: Case[] = [
  [
    [0.1, 0.4, 0.35, 0.8],
    [0.2, 0.3, 0.5, 0.6],
    [0.8506310604442773, -0.6053397240438722, 0.996802044787977],
    [0.7999999999999999, -0.818816304971491, 0.9975433602775398],
  ],
  [
    [0.22, 0.87, 0.21, 0.92, 0.49, 0.61, 0.77, 0.52, 0.3, 0.19, 0.08, 0.74],
    [0.3, 0.6, 0.5, 0.7, 0.5, 0.5, 0.7, 0.5, 0.4, 0.2, 0.2, 0.5],
    [0.8746810812092004, 0.6039516481820406, 0.9644481570163326],
    [0.8989012270421939, 0.5994827562218296, 0.9776134703837956],
  ],
  [
    [0.328, 0.144, 0.166, 0.964, 0.96, 0.188, 0.024],
    [0.205, 0.7, 0.78, 0.023, 0.578, 0.002, 0.515],
    [-0.2927159558651791, -0.8568883466803238, 0.5905093935415624],
    [-0.42857142857142866, -0.9018678327197565, 0.5123031661199332],
  ],
  [
    [0.3, 0.1, 0.2, 0.5, 0.4],
    [-0.3, -0.1, -0.2, -0.5, -0.4],
    [-1.0, -1.0, -1.0],
    [-0.9999999999999999, -1.0, -0.9999999999999967],
  ],
  [
    [
      0.64, 0.986, 0.259, 0.802, 0.87, 0.923, 0.002, 0.469, 0.981, 0.399, 0.814, 0.546, 0.771,
      0.485, 0.029, 0.087, 0.111, 0.251, 0.965, 0.632, 0.817, 0.566, 0.635, 0.812, 0.927, 0.913,
      0.825, 0.094, 0.361, 0.036, 0.546, 0.796, 0.051, 0.189, 0.365, 0.244, 0.795, 0.352, 0.639,
      0.493,
    ],
    [
      0.39, 0.64, 0.87, -0.13, 0.58, 0.07, 0.1, 0.24, 0.22, 0.84, 0.13, -0.15, 0.63, -0.03, 0.47,
      0.82, 0.48, 0.37, 0.51, -0.17, 0.33, 0.24, 0.79, 0.56, -0.22, -0.08, 0.2, 0.67, 0.22, 0.35,
      0.76, 0.71, 0.39, 0.84, 0.22, 0.01, 0.29, 0.56, 0.7, 0.82,
    ],
    [-0.23110100674981926, -0.5061710397299144, 0.08664599841045884],
    [-0.22590334768775513, -0.505129704352084, 0.0961349790683139],
  ],
];

test.each(cases)('correlations of %j and %j have the intervals of scipy', (x, y, first, second) => {
  const [r, rho] = [pearson(x, y), spearman(Float64Array.from(x), Float64Array.from(y))];
  const found = [
    [r, ...pearsonInterval(r, x.length)],
    [rho, ...spearmanInterval(rho, x.length)],
  ];
  for (const [k, expected] of [first, second].entries())
    for (const [i, number] of expected.entries())
      expect(Math.abs(found[k][i] - number)).toBeLessThanOrEqual(1e-12);
});

test('a perfect correlation has no width, and three pairs have no interval', () => {
  expect(pearsonInterval(1, 10)).toEqual([1, 1]);
  expect(spearmanInterval(-1, 10)).toEqual([-1, -1]);
  for (const interval of [pearsonInterval, spearmanInterval])
    expect(() => interval(0.5, 3)).toThrow('needs 4 pairs, found 3');
});

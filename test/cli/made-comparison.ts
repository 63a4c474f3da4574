import type { ComparisonRow, MapDivergence } from '../../src/scoring/compare/comparison-types.js';

/** A row of a comparison, at a fixed layer unless said. */
export const madeRow = (checkpoint: string, more: Partial<ComparisonRow> = {}): ComparisonRow => ({
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
/** Three models on one benchmark; the maps of the first two diverge. */
export const madeComparison = {
  models: ['a.onnx', 'b.onnx', 'c.onnx'].map((checkpoint) => ({ checkpoint, model: null })),
  benchmarks: ['lab.V4-pls'],
  rows: [
    madeRow('a.onnx'),
    madeRow('b.onnx', { map: 'chosen', selection: true }),
    madeRow('c.onnx'),
  ],
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
    paired: true,
    p: 0.01,
    generalises: {
      ...{ to: 'images and neuroids' as const, units: { neuroids: 20, images: 80 }, degrees: 18 },
      animals: 2,
    },
  })),
  divergences: [
    { benchmark: 'lab.V4-pls', from: 'a.onnx', to: 'b.onnx', by: 'depth' as const, layers },
    { benchmark: 'lab.V4-pls', from: 'a.onnx', to: 'c.onnx', by: 'name' as const, layers: [] },
  ],
  maps: [null, null, null],
};

import { RandomState } from '../../src/numerics/random/random-state.js';
import type { ChosenLayer, LayerMap, LayerRow } from '../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../src/scoring/measure/score.js';

/** Regions of the made map with the benchmark of each and the row (0 to 66) around which its values peak. */
const columns = [
  { benchmark: 'FreemanZiemba2013public.V1-pls', region: 'V1', peak: 18, height: 0.24 },
  { benchmark: 'FreemanZiemba2013public.V2-pls', region: 'V2', peak: 26, height: 0.31 },
  { benchmark: 'MajajHong2015public.V4-pls', region: 'V4', peak: 40, height: 0.62 },
  { benchmark: 'Simulatedpublic.IT-pls', region: 'IT', peak: 56, height: 0.53 },
  { benchmark: 'Rajalingham2018public-i2n', region: null, peak: 66, height: 0.36 },
] as const;

const runtime = { ort: '1.30.0', provider: 'cpu', threads: 2 };

/** Names that try to leave their place: markup, quotes, controls, direction of writing, length. */
export const hostileNames = [
  '<script>alert(1)</script>',
  `"><img src=x onerror='alert(2)'>`,
  'red\u001b[31m\tand\nnew line',
  'safe\u202egpj.exe',
  `/${'very-long-'.repeat(1000)}end`,
  '=HYPERLINK("http://example.invalid")',
];

/** Names like those of EfficientNet-B1: 67 of them. */
function names(hostile: boolean): string[] {
  const blocks = [2, 3, 3, 4, 4, 5, 2];
  const all = blocks.flatMap((count, stage) =>
    Array.from({ length: count }, (_, i) => `blocks.${stage}.${i}`).flatMap((block) => [
      `${block}.bn1`,
      `${block}.conv_pwl`,
      block,
    ]),
  );
  const plain = ['conv_stem', ...all.slice(0, 65), 'global_pool.pool'];
  return hostile ? [...hostileNames, ...plain.slice(hostileNames.length)] : plain;
}

function scoreOf(
  column: (typeof columns)[number],
  layer: string,
  value: number,
  inputs: number,
): Score {
  const ceiling = column.region === null ? 0.48 : 0.87;
  const error = value * 0.02;
  return {
    benchmark: column.benchmark,
    version: 1,
    region: column.region,
    simulated: column.benchmark.startsWith('Simulated'),
    verified: false,
    model: `sha256:${'5f'.repeat(32)}`,
    name: 'efficientnet-b1',
    layer,
    layerChoice: { by: 'flag' },
    selection: true,
    value,
    error,
    ci: [value - 0.012 - 0.02 * value, value + 0.012 + 0.02 * value],
    formula: column.region === null ? 'mean(raw/sqrt(ceiling))' : 'raw^2/ceiling',
    errorOf: 'raw',
    errorKind: 'sem over splits',
    raw: { value: Math.sqrt(Math.abs(value) * ceiling), error, splits: [] },
    ceiling: { value: ceiling, error: 0.003, splits: [] },
    warnings:
      inputs % 17 === 3
        ? [{ code: 'neuroids-dropped', detail: '1 of 102 constant in split 3' }]
        : [],
    provenance: {
      ventral: '0.1.0',
      metric: 'pls@1',
      inputs: `sha256:${inputs.toString(16).padStart(64, '0')}`,
      runtime,
      seconds: 0.2,
      peakRssMiB: 900,
    },
  };
}

function rowOf(layer: string, i: number, random: RandomState): LayerRow {
  const units = Math.round(230_400 / (1 + i / 3));
  const folded = i === 7;
  const cells = columns.map((column, j): [string, Score | { reason: string }] => {
    const away = (i - column.peak) / 22;
    const noise = 0.02 * (random.double() - 0.5);
    const value = column.height * (0.25 + 0.75 * Math.exp(-away * away)) + noise;
    if (folded) return [column.benchmark, { reason: `${layer} is folded into its convolution` }];
    if (i === 3 && j < 4) return [column.benchmark, { reason: '24 units < 25 components' }];
    const score = scoreOf(column, layer, value, i * columns.length + j);
    return [column.benchmark, i === 5 && j === 0 ? { ...score, ci: null } : score];
  });
  return {
    layer,
    ...(layer.endsWith('.0') ? { aliases: [`${layer}.drop_path`] } : {}),
    units: folded ? null : i === 3 ? 24 : units,
    depth: folded ? null : Math.floor((i * 5) / 4),
    cells: Object.fromEntries(cells),
  };
}

function choiceOf(layers: readonly LayerRow[], benchmark: string): ChosenLayer {
  const valued = layers
    .map(({ layer, cells }) => ({ layer, cell: cells[benchmark] }))
    .flatMap(({ layer, cell }) =>
      'reason' in cell || cell.value === null ? [] : [{ layer, value: cell.value }],
    );
  const best = valued.reduce((a, b) => (b.value > a.value ? b : a));
  return {
    layer: best.layer,
    tied: valued
      .filter(({ layer, value }) => layer !== best.layer && best.value - value < 0.012)
      .map(({ layer }) => layer),
    choice: {
      by: { benchmark, version: 1, inputs: `sha256:${'0'.repeat(64)}`, method: 'highest value' },
    },
  };
}

/** A map as a network of EfficientNet-B1's shape might give: 67 layers, 5 benchmarks, refused cells, ties. */
export function madeMap({ hostile = false, holdout = false } = {}): LayerMap {
  const random = new RandomState(7);
  const layers = names(hostile).map((layer, i) => rowOf(layer, i, random));
  const benchmarks = columns.map(({ benchmark }) => benchmark);
  const chosen = Object.fromEntries(benchmarks.map((id) => [id, choiceOf(layers, id)]));
  const held = columns.map((column, j): [string, Score | { reason: string }] => [
    column.benchmark,
    j === 4
      ? { reason: '12 stimuli of each object are too few' }
      : scoreOf(column, chosen[column.benchmark].layer, column.height - 0.03, 1000 + j),
  ]);
  const measured = layers.flatMap(({ layer, units }) => (units === null ? [] : [{ layer, units }]));
  return {
    model: `sha256:${'5f'.repeat(32)}`,
    name: hostile ? '</title><script>alert(0)</script>' : 'efficientnet-b1',
    benchmarks,
    layers,
    chosen,
    ...(holdout ? { holdout: Object.fromEntries(held) } : {}),
    plan: {
      layers: measured,
      sets: [
        {
          benchmarks: benchmarks.slice(0, 2),
          stimuli: 135,
          passes: [measured.map(({ layer }) => layer)],
          cached: 0,
        },
        { benchmarks: benchmarks.slice(2, 4), stimuli: 3200, passes: [], cached: 66 },
        {
          benchmarks: benchmarks.slice(4),
          stimuli: 2400,
          passes: [measured.slice(0, 30), measured.slice(30)].map((pass) =>
            pass.map(({ layer }) => layer),
          ),
          cached: 0,
        },
      ],
      memory: 431 * 2 ** 20,
      scratch: 0,
    },
    provenance: {
      ventral: '0.1.0',
      inputs: `sha256:${'ab'.repeat(32)}`,
      runtime,
      seconds: 412.3,
      peakRssMiB: 1432.4,
      selection:
        'Chosen on all stimuli by the highest value, ties by the simultaneous (max-T) 95 % interval of the difference; Brain-Score selects on activations reduced to 1000 principal components, ventral on full ones.',
    },
  };
}

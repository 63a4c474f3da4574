// An example of each kind of figure at the width of one column and two, into docs/images, from what bench/results keeps of real
// recordings; gabor-v1 is scored and a small network trained for two of them (some minutes).
//
//   npm run build && npm run figures [-- FOLDER]
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { differencesFigure } from '../dist/src/figure/differences-figure.js';
import { heatFigure, profileFigure } from '../dist/src/figure/map-views.js';
import { scatterFigure } from '../dist/src/figure/scatter-figure.js';
import { scoresFigure } from '../dist/src/figure/scores-figure.js';
import { curvesFigure } from '../dist/src/figure/training-figure.js';
import { tQuantile } from '../dist/src/numerics/statistics/student-t.js';
import { figureFile } from '../dist/src/report/write-figure.js';

const root = resolve(import.meta.dirname, '..');
const folder = resolve(process.argv[2] ?? join(root, 'docs', 'images'));
const result = (name) => JSON.parse(readFileSync(join(root, 'bench', 'results', name), 'utf8'));
const ventral = (...words) =>
  execFileSync(process.execPath, [join(root, 'dist', 'program', 'cli', 'main.js'), ...words], {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 },
  });

const V1 = 'Henaff2021.V1-pls';
const V4 = 'v4-hvm640.V4-pls';

/** The map of MobileNet v2 over V1 and V4 (docs/real-maps.md). */
function realMap() {
  const { network, layers, chosen } = result('map_mobilenet-v2.json');
  const benchmarks = Object.keys(chosen);
  const cell = (id, { value, ci, raw, ceiling }) => ({
    ...{ region: id.includes('.V1-') ? 'V1' : 'V4', simulated: false, value, ci },
    ...{ formula: 'raw^2/ceiling', raw: { value: raw }, ceiling: { value: ceiling }, warnings: [] },
  });
  return {
    ...{ name: network, benchmarks, chosen },
    layers: layers.map(({ layer, cells }) => ({
      layer: layer.replace('MobilenetV2/', ''),
      cells: Object.fromEntries(Object.entries(cells).map(([id, one]) => [id, cell(id, one)])),
    })),
    chosen: Object.fromEntries(
      Object.entries(chosen).map(([id, { layer, tied }]) => [
        id,
        {
          layer: layer.replace('MobilenetV2/', ''),
          tied: tied.map((each) => each.replace('MobilenetV2/', '')),
        },
      ]),
    ),
  };
}

/** Networks of the ablation that have a value on both benchmarks (docs/ablation.md). */
function trained() {
  const keyOf = ({ family, arm, seed }) => `${family} ${arm} ${seed}`;
  const v4 = new Map(result('ablation-v4.json').scores.map((one) => [keyOf(one), one.values[V4]]));
  return result('ablation-v1.json').scores.flatMap((one) => {
    const other = v4.get(keyOf(one));
    return other === undefined ? [] : [{ ...one, v1: one.values[V1], v4: other }];
  });
}

const named = ['base', 'untrained', 'without-adversarial', 'epsilon-4', 'fast'];

const scatter = (networks) =>
  scatterFigure({
    ...{ title: 'Small ResNets on V1 and V4', name: 'scatter', of: 'networks' },
    ...{ x: `${V1}, score`, y: `${V4}, score`, simulated: false, named },
    points: networks.map(({ arm, seed, v1, v4 }) => ({
      ...{ label: `${arm}, seed ${seed}`, x: { value: v1, ci: null }, y: { value: v4, ci: null } },
      series: named.includes(arm) ? named.indexOf(arm) : null,
    })),
  });

/** Mean difference of an arm from the base over seeds, with Student's interval. */
function difference(networks, arm, of) {
  const base = new Map(
    networks.filter((one) => one.arm === 'base').map((one) => [one.seed, one[of]]),
  );
  const each = networks
    .filter((one) => one.arm === arm && base.has(one.seed))
    .map((one) => one[of] - base.get(one.seed));
  const mean = each.reduce((sum, one) => sum + one, 0) / each.length;
  const variance = each.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (each.length - 1);
  const half = tQuantile(0.975, each.length - 1) * Math.sqrt(variance / each.length);
  return { value: mean, ci: [mean - half, mean + half], paired: true };
}

function forest(networks) {
  const others = [...new Set(networks.map(({ arm }) => arm))].filter(
    (arm) => arm !== 'base' && arm !== 'untrained',
  );
  const shown = ['base', ...others.slice(0, 5)];
  return differencesFigure(
    [
      [V1, 'v1'],
      [V4, 'v4'],
    ].map(([title, of]) => ({
      ...{ title, simulated: false },
      differences: shown.map((arm) => (arm === 'base' ? undefined : difference(networks, arm, of))),
    })),
    shown,
    0,
  );
}

function tuning() {
  const properties = ['DeValois1982-pref_or', 'DeValois1982-peak_sf', 'Schiller1976-sf_bandwidth'];
  const named = properties.map((each) => `Marques2020_${each}`).join();
  return scoresFigure(JSON.parse(ventral('score', 'gabor-v1', '-b', named, '--json')));
}

const seen = { generate: 'objects-on-backgrounds', seed: 1, count: 600, side: 64 };
const recipe = {
  ...{ name: 'objects-small', model: 'objects-resnet', weights: 'redrawn', seed: 1 },
  data: { train: seen, validation: { share: 0.2 }, test: { ...seen, seed: 2, count: 200 } },
  stages: [
    { train: { name: 'plain', epochs: 6, batch: 32, rate: 0.05 } },
    { train: { name: 'tuned', epochs: 4, batch: 32, rate: 0.005 } },
  ],
};

function training() {
  const place = mkdtempSync(join(tmpdir(), 'ventral-figures-'));
  writeFileSync(join(place, 'recipe.yaml'), JSON.stringify(recipe));
  ventral('train', join(place, 'recipe.yaml'), '--output', join(place, 'run'));
  const events = readFileSync(join(place, 'run', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  rmSync(place, { recursive: true, force: true });
  const steps = events.filter(({ kind }) => kind === 'step');
  const first = steps.findIndex(({ stage }) => stage === 'tuned');
  const stretches = [
    { stage: 'plain', from: 0, steps: first },
    { stage: 'tuned', from: first, steps: steps.length - first },
  ];
  const point = (x, y) => ({ x, y, low: y, high: y, title: '' });
  const perEpoch = first / recipe.stages[0].train.epochs;
  const epochs = events.filter(({ kind }) => kind === 'epoch');
  const lines = [
    { run: 0, what: 'training', kind: 'solid', points: steps.map(({ loss }, i) => point(i, loss)) },
    {
      ...{ run: 0, what: 'validation', kind: 'dashed' },
      points: epochs.map(({ validation }, i) => point((i + 1) * perEpoch, validation.loss)),
    },
  ];
  return curvesFigure({ title: 'Loss', lines, names: [recipe.name], log: false, stretches });
}

const networks = trained();
const figures = {
  'depth-profile': profileFigure(realMap()),
  'heat-map': heatFigure(realMap()),
  scatter: scatter(networks),
  forest: forest(networks),
  tuning: tuning(),
  training: training(),
};
mkdirSync(folder, { recursive: true });
for (const [name, figure] of Object.entries(figures))
  for (const width of ['single', 'double'])
    writeFileSync(
      join(folder, `figure-${name}-${width}.svg`),
      await figureFile(figure, 'svg', width),
    );

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pickRows } from '../src/metrics/cross-regressed-correlation.js';
import { shuffleSplit } from '../src/metrics/cross-validation.js';
import { meanOfDraws, medianDraws } from '../src/metrics/resampling/correlation-draws.js';
import { narrowRidgeRegression } from '../src/metrics/ridge.js';
import { type Matrix, matrix } from '../src/numerics/algebra/matrix.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { pearson } from '../src/numerics/statistics/pearson.js';
import { mean, nanMedian } from '../src/numerics/statistics/statistics.js';
import { drawnUnits, IMAGE_STEP } from '../src/scoring/draws/drawn-units.js';
import { lessDraws } from '../src/scoring/draws/score-difference.js';
import {
  halfWidth,
  type ScoreDraws,
  spreadOf,
  twoFactorDraws,
} from '../src/scoring/draws/score-draws.js';

/**
 * How often a 95 % interval holds what it speaks of, in simulated experiments. Images share latent causes, neuroids read
 * them out, each with a reliability of its own; two models see different ones of them. In an experiment images and neuroids are new,
 * or one of the two stays within a block of experiments. The truth is the mean over the experiments (of the block).
 *
 *   node dist/bench/coverage.js [--from 0] [--to 1000] [--size fz-private] [--varied both] [--lines FILE]
 *   node dist/bench/coverage.js --lines FILE --json SUMMARY
 *
 * The first appends a line an experiment, in as many runs as one likes; the second counts them.
 */

const SIZES = {
  'fz-private': { images: 315, neuroids: 102 },
  'fz-public': { images: 135, neuroids: 102 },
  'majaj-public': { images: 640, neuroids: 168 },
  'majaj-private': { images: 2560, neuroids: 168 },
  small: { images: 60, neuroids: 24 },
} as const;
type Size = keyof typeof SIZES;
type Varied = 'both' | 'neuroids' | 'images';

const LATENTS = 40;
/** What each model sees of them. */
const SEEN = [
  [0, 30],
  [10, 40],
] as const;
const NOISE = 0.3;
const BLOCK = 25;

interface World {
  readonly images: Matrix;
  readonly neuroids: Matrix;
  readonly reliability: Float64Array;
}

const normal = (random: RandomState, rows: number, cols: number): Matrix =>
  matrix(rows, cols, Float64Array.from(random.standardNormal(rows * cols)));

function responses({ images, neuroids, reliability }: World, random: RandomState): Matrix {
  const made = normal(random, images.rows, neuroids.rows);
  for (let i = 0; i < images.rows; i++) {
    for (let k = 0; k < neuroids.rows; k++) {
      let drive = 0;
      for (let l = 0; l < LATENTS; l++)
        drive += images.data[i * LATENTS + l] * neuroids.data[k * LATENTS + l];
      const at = i * neuroids.rows + k;
      const share = reliability[k];
      made.data[at] =
        (Math.sqrt(share) * drive) / Math.sqrt(LATENTS) + Math.sqrt(1 - share) * made.data[at];
    }
  }
  return made;
}

function features({ images }: World, model: number, noise: Matrix): Matrix {
  const [from, to] = SEEN[model];
  const made = matrix(images.rows, to - from);
  for (let i = 0; i < images.rows; i++)
    for (let l = from; l < to; l++)
      made.data[i * (to - from) + l - from] =
        images.data[i * LATENTS + l] + NOISE * noise.data[i * LATENTS + l];
  return made;
}

interface Scored {
  readonly value: number;
  readonly draws: ScoreDraws;
}

/** Mean over splits of the median r, and its draws. */
async function score(x: Matrix, y: Matrix): Promise<Scored> {
  const ids = (count: number) => Array.from({ length: count }, (_, i) => i);
  const images = drawnUnits('images', ids(y.rows));
  const neuroids = drawnUnits('neuroids', ids(y.cols));
  const regress = narrowRidgeRegression(x, 1);
  const splits = shuffleSplit(y.rows, 10, { trainSize: 0.9 }, new RandomState(1));
  const drawn = [];
  const medians: number[] = [];
  for (const { train, test } of splits) {
    const { values } = await regress({ train, test }, pickRows(y, train));
    const observed = pickRows(y, test);
    const column = (of: Matrix, k: number) =>
      Float64Array.from({ length: of.rows }, (_, i) => of.data[i * of.cols + k]);
    medians.push(
      nanMedian(ids(y.cols).map((k) => pearson(column(observed, k), column(values, k)))),
    );
    const places = {
      stimuli: test.map(images.position),
      neuroids: ids(y.cols).map(neuroids.position),
    };
    drawn.push(
      await medianDraws(
        { ...places, observed, predicted: values },
        { first: neuroids.draws, second: images.draws },
        { step: IMAGE_STEP },
      ),
    );
  }
  const draws = twoFactorDraws([neuroids, images], meanOfDraws(drawn)) as ScoreDraws;
  return { value: mean(medians), draws };
}

/** Half the width of the interval that speaks of what varies. */
function halfOf(
  draws: Pick<ScoreDraws, 'units' | 'both' | 'first' | 'second'>,
  varied: Varied,
): number {
  const [neuroids, images] = draws.units;
  const one =
    varied === 'neuroids'
      ? { units: [neuroids] as const, both: draws.first as Float32Array }
      : { units: [images as typeof neuroids] as const, both: draws.second as Float32Array };
  const spread = spreadOf(varied === 'both' ? draws : one);
  return spread ? halfWidth(spread) : Number.NaN;
}

interface Experiment {
  readonly score: { readonly value: number; readonly half: number };
  readonly difference: { readonly value: number; readonly half: number };
}

async function experiment(world: World, random: RandomState, varied: Varied): Promise<Experiment> {
  const y = responses(world, random);
  const noise = normal(random, world.images.rows, LATENTS);
  const [a, b] = [
    await score(features(world, 0, noise), y),
    await score(features(world, 1, noise), y),
  ];
  return {
    score: { value: a.value, half: halfOf(a.draws, varied) },
    difference: { value: b.value - a.value, half: halfOf(lessDraws(b.draws, a.draws), varied) },
  };
}

/** An experiment as it is written: a line of JSON. */
interface Line extends Experiment {
  readonly size: Size;
  readonly varied: Varied;
  readonly block: number;
}

async function* experiments(
  size: Size,
  varied: Varied,
  from: number,
  to: number,
): AsyncGenerator<Line> {
  const { images, neuroids } = SIZES[size];
  for (let e = from; e < to; e++) {
    const block = varied === 'both' ? 0 : Math.floor(e / BLOCK);
    const [held, own] = [
      [1, block],
      [2, e],
    ].map((seed) => new RandomState([...seed, images, neuroids, varied.length]));
    const ofImages = varied === 'neuroids' ? held : own;
    const ofNeuroids = varied === 'images' ? held : own;
    const world = {
      images: normal(ofImages, images, LATENTS),
      neuroids: normal(ofNeuroids, neuroids, LATENTS),
      reliability: ofNeuroids.randomSample(neuroids).map((u) => 0.2 + 0.6 * u),
    };
    yield { size, varied, block, ...(await experiment(world, own, varied)) };
  }
}

function covered(lines: readonly Line[], of: keyof Experiment) {
  const truths = new Map(
    [...new Set(lines.map(({ block }) => block))].map((block) => [
      block,
      mean(lines.filter((line) => line.block === block).map((line) => line[of].value)),
    ]),
  );
  const away = lines.map((line) => Math.abs(line[of].value - (truths.get(line.block) as number)));
  const share = mean(lines.map((line, i) => (away[i] <= line[of].half ? 1 : 0)));
  return {
    covered: share,
    standardError: Math.sqrt((share * (1 - share)) / lines.length),
    sd: Math.sqrt(mean(away.map((each) => each ** 2))),
    meanHalfWidth: mean(lines.map((line) => line[of].half)),
  };
}

/** What came of all experiments of a file, by size and by what varied. */
function summary(lines: readonly Line[]) {
  const keys = [...new Set(lines.map(({ size, varied }) => `${size} ${varied}`))];
  return keys.map((key) => {
    const own = lines.filter(({ size, varied }) => `${size} ${varied}` === key);
    const [{ size, varied }] = own;
    return {
      ...{ size, ...SIZES[size], varied, experiments: own.length },
      score: covered(own, 'score'),
      difference: covered(own, 'difference'),
    };
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: '0' },
      to: { type: 'string', default: '1000' },
      size: { type: 'string', multiple: true },
      varied: { type: 'string', multiple: true },
      lines: { type: 'string', default: 'coverage.jsonl' },
      json: { type: 'string' },
    },
  });
  const { from, to, lines, json } = values;
  if (json) {
    const written = readFileSync(lines, 'utf8').trim().split('\n');
    const found = summary(written.map((line) => JSON.parse(line) as Line));
    writeFileSync(json, `${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  for (const size of (values.size ?? Object.keys(SIZES)) as Size[])
    for (const varied of (values.varied ?? ['both', 'neuroids', 'images']) as Varied[])
      for await (const line of experiments(size, varied, Number(from), Number(to)))
        appendFileSync(lines, `${JSON.stringify(line)}\n`);
}

await main();

import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import sharp from 'sharp';
import { packageRoot } from '../src/formats/package-root.js';
import { matrix } from '../src/numerics/algebra/matrix.js';
import { RandomState } from '../src/numerics/random/random-state.js';
import { median } from '../src/numerics/statistics/statistics.js';
import { machineName, resultOptions, writeResults } from './results-file.js';

/**
 * Processor time of what an image costs before the network has it, and of the draws behind an interval: this checkout beside
 * another one, in turn in one process, results equal to the bit. The other one must be built.
 *
 *   node dist/bench/image-parts.js OTHER-CHECKOUT [--rounds 7] [--save]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, ...resultOptions },
});
const IMAGES = 40;
const SIDE = 256;

/** The modules of a checkout that are measured. */
async function modulesOf(checkout: string) {
  const at = (path: string) => join(checkout, 'dist', 'src', path);
  type Decode = typeof import('../src/screen/decode.js');
  type Place = typeof import('../src/screen/place-on-screen.js');
  type Resize = typeof import('../src/screen/resize-opencv.js');
  type Pooled = typeof import('../src/metrics/resampling/pooled-draws.js');
  const { decodeImage }: Decode = await import(at('screen/decode.js'));
  const { pixelsOnScreen }: Place = await import(at('screen/place-on-screen.js'));
  const { resizeOpencv }: Resize = await import(at('screen/resize-opencv.js'));
  const { pooledMedianDraws }: Pooled = await import(at('metrics/resampling/pooled-draws.js'));
  return { decodeImage, pixelsOnScreen, resizeOpencv, pooledMedianDraws };
}
type Modules = Awaited<ReturnType<typeof modulesOf>>;

/** A PNG file of soft shapes with a little noise, as photographs compress. */
function picture(): Promise<Uint8Array> {
  const noise = new RandomState(1).randomSample(3 * SIDE * SIDE);
  const pixels = Uint8Array.from(noise, (value, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)];
    return 128 + 90 * Math.sin(x / 19 + (i % 3)) * Math.cos(y / 23) + 12 * value;
  });
  return sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toBuffer();
}

/** Ten splits of 31 of 315 images, and 300 draws of 102 neuroids and the images. */
function drawsOf({ pooledMedianDraws }: Modules) {
  const [images, neuroids, test] = [315, 102, 31];
  const random = new RandomState(2);
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
  const values = () =>
    matrix(test, neuroids, Float64Array.from(random.standardNormal(test * neuroids)));
  const splits = numbers(10).map((s) => ({
    stimuli: numbers(test).map((i) => s * test + i),
    neuroids: numbers(neuroids),
    observed: values(),
    predicted: values(),
  }));
  const drawn = (units: number, seed: number) => ({
    ...{ draws: 300, units },
    *[Symbol.iterator]() {
      const stream = new RandomState(seed);
      for (let draw = 0; draw < 300; draw++) {
        const times = new Uint16Array(units);
        for (let i = 0; i < units; i++) times[stream.interval(units - 1)]++;
        yield times;
      }
    },
  });
  const factors = { first: drawn(neuroids, 3), second: drawn(images, 4) };
  const places = { groups: [numbers(images)], random: () => new RandomState(5) };
  return () => pooledMedianDraws(splits, factors, places);
}

const file = await picture();
const before = await modulesOf(resolve(positionals[0]));
const after = await modulesOf(packageRoot);
const decoded = await after.decodeImage(file, 'picture.png');
const canvas = after.pixelsOnScreen(decoded, { target: 8, source: 4 });

const parts: Readonly<Record<string, (of: Modules) => () => unknown>> = {
  decode:
    ({ decodeImage }) =>
    () =>
      decodeImage(file, 'picture.png'),
  'paste on the canvas':
    ({ pixelsOnScreen }) =>
    () =>
      pixelsOnScreen(decoded, { target: 8, source: 4 }, { shared: true }),
  ...Object.fromEntries(
    (['bilinear', 'bicubic', 'area'] as const).map((filter) => [
      `resize, ${filter}`,
      ({ resizeOpencv }: Modules) =>
        () =>
          resizeOpencv(canvas, 272, 272, filter),
    ]),
  ),
  'draws of an interval': drawsOf,
};

/** Milliseconds of the processor, of all threads, a call. */
async function milliseconds(work: () => unknown, calls: number): Promise<number> {
  const start = process.cpuUsage();
  for (let call = 0; call < calls; call++) await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / calls;
}

const results: Record<string, { readonly before: number; readonly after: number }> = {};
for (const [name, part] of Object.entries(parts)) {
  const work = [part(before), part(after)];
  const [one, other] = [await work[0](), await work[1]()];
  if (!isDeepStrictEqual(one, other)) throw new Error(`${name}: the results differ`);
  const calls = name.startsWith('draws') ? 2 : IMAGES;
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++)
    for (const which of [0, 1]) times[which].push(await milliseconds(work[which], calls));
  const [old, now] = times.map((list) => median(list));
  results[name] = { before: old, after: now };
  console.log(`${name}: ${old.toFixed(2)} ms before, ${now.toFixed(2)} ms now`);
}
writeResults('image-parts', { machine: machineName(), load: loadavg()[0], results }, values);

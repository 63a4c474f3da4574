/**
 * Writes the worked examples of the documents, docs/examples: small made data in the form of a lab's own, the same bytes every
 * time. `npm run build && node scripts/make-examples.mjs`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { writeAssembly } from '../dist/src/data/assembly.js';
import { encodeGreyPng } from '../dist/src/data/simulated/png.js';
import { RandomState } from '../dist/src/numerics/random/random-state.js';
import { objectsOnBackgrounds } from '../dist/src/training/data/objects-on-backgrounds.js';

const folder = resolve(import.meta.dirname, '..', 'docs', 'examples');
const random = new RandomState(16);

/** Images of some oriented waves; what a neuroid prefers is one such wave at one place. */
const SIDE = 48;
const IMAGES = 60;
const NEUROIDS = 16;
const REPETITIONS = 4;

const draw = (low, high) => low + (high - low) * random.double();
const wave = () => ({
  x: draw(0.2, 0.8) * SIDE,
  y: draw(0.2, 0.8) * SIDE,
  size: draw(5, 9),
  angle: draw(0, Math.PI),
  period: draw(5, 12),
  phase: draw(0, 2 * Math.PI),
});

function gabor({ x, y, size, angle, period, phase }, shift = 0) {
  return Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [u, v] = [(i % SIDE) - x, Math.floor(i / SIDE) - y];
    const along = (2 * Math.PI * (u * Math.cos(angle) + v * Math.sin(angle))) / period;
    return Math.exp(-(u * u + v * v) / (2 * size * size)) * Math.cos(along + phase + shift);
  });
}

const pixelsOf = (waves) => {
  const parts = waves.map((each) => gabor(each));
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const sum = parts.reduce((total, part) => total + part[i], 0);
    return Math.round(Math.min(255, Math.max(0, 128 + 70 * sum)));
  });
};

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const padded = (number, digits) => String(number).padStart(digits, '0');
const table = (rows) => rows.map((row) => `${row.join()}\n`).join('');

async function recordings() {
  const place = resolve(folder, 'recordings');
  mkdirSync(resolve(place, 'images'), { recursive: true });
  const write = (name, data) => writeFileSync(resolve(place, name), data);
  const images = Array.from({ length: IMAGES }, () => pixelsOf(Array.from({ length: 5 }, wave)));
  const ids = images.map((_, i) => `im${padded(i + 1, 3)}`);
  const units = Array.from({ length: NEUROIDS }, () => wave());
  const drive = units.map((unit) => {
    const [even, odd] = [gabor(unit), gabor(unit, Math.PI / 2)];
    const energy = images.map((pixels) => {
      const contrast = Float64Array.from(pixels, (value) => value / 128 - 1);
      return Math.sqrt(dot(contrast, even) ** 2 + dot(contrast, odd) ** 2);
    });
    const largest = Math.max(...energy);
    return energy.map((value) => 2 + (18 * value) / largest);
  });
  images.forEach((pixels, i) => {
    write(`images/${ids[i]}.png`, encodeGreyPng(SIDE, SIDE, pixels));
  });
  const names = units.map((_, k) => `${k < NEUROIDS / 2 ? 'a' : 'b'}${padded(k + 1, 2)}`);
  const shown = ids.flatMap((id, i) =>
    Array.from({ length: REPETITIONS }, (_, r) => ({
      id,
      repetition: r + 1,
      counts: drive.map((rates) => random.poisson(rates[i])),
    })),
  );
  write('stimuli.csv', table([['stimulus_id', 'filename'], ...ids.map((id) => [id, `${id}.png`])]));
  const head = ['stimulus_id', 'repetition', ...names];
  write(
    'recordings.csv',
    table([head, ...shown.map(({ id, repetition, counts }) => [id, repetition, ...counts])]),
  );
  const animal = (name) => (name.startsWith('a') ? 'anna' : 'bert');
  const neuroids = names.map((name) => [name, 'V4', animal(name)]);
  write('neuroids.csv', table([['neuroid_id', 'region', 'animal'], ...neuroids]));
  const text = (dim, values) => ({ dim, dtype: 'string', values });
  await writeAssembly(
    resolve(place, 'recordings.nc'),
    {
      dims: ['presentation', 'neuroid', 'time_bin'],
      shape: [shown.length, NEUROIDS, 1],
      dtype: 'float64',
      values: Float64Array.from(shown.flatMap(({ counts }) => counts)),
      coords: new Map([
        [
          'stimulus_id',
          text(
            'presentation',
            shown.map(({ id }) => id),
          ),
        ],
        [
          'repetition',
          { dim: 'presentation', dtype: 'int64', values: shown.map((each) => each.repetition) },
        ],
        ['neuroid_id', text('neuroid', names)],
        [
          'region',
          text(
            'neuroid',
            names.map(() => 'V4'),
          ),
        ],
        ['animal', text('neuroid', names.map(animal))],
        ['time_bin_start', { dim: 'time_bin', dtype: 'int64', values: [70] }],
        ['time_bin_end', { dim: 'time_bin', dtype: 'int64', values: [170] }],
      ]),
      attributes: {},
    },
    { compress: true },
  );
  const definition = (identifier, lines) =>
    table([
      [`identifier: ${identifier}.{region}-pls`],
      ['version: 1'],
      ['regions: [V4]'],
      ['visual_degrees: 4'],
      ['stimuli: { csv: stimuli.csv, images: images }'],
      ...lines.map((line) => [line]),
      ['metric: { name: pls, components: 10 }'],
    ]);
  write('v4.yaml', definition('my-lab', ['recordings: recordings.csv', 'neuroids: neuroids.csv']));
  write('v4-netcdf.yaml', definition('my-lab-netcdf', ['recordings: recordings.nc']));
}

/** Images in which three people named the object, more often wrongly where it is hard to see. */
async function behaviour() {
  const place = resolve(folder, 'behaviour');
  mkdirSync(resolve(place, 'images'), { recursive: true });
  const write = (name, data) => writeFileSync(resolve(place, name), data);
  const set = objectsOnBackgrounds({
    generate: 'objects-on-backgrounds',
    seed: 7,
    count: 40,
    side: 64,
  });
  const rows = [];
  const trials = [];
  for (let i = 0; i < set.labels.length; i++) {
    const { pixels, width, height, label } = await set.picture(i);
    const id = `object${padded(i + 1, 2)}`;
    const blurred = i >= set.labels.length / 2;
    const image = sharp(pixels, { raw: { width, height, channels: 3 } });
    const shown = blurred ? image.blur(2) : image;
    write(`images/${id}.jpg`, await shown.jpeg({ quality: 90 }).toBuffer());
    rows.push([id, `${id}.jpg`]);
    const difficulty = random.double() * (blurred ? 0.8 : 0.4);
    for (const subject of ['s1', 's2', 's3']) {
      const wrong = random.double() < difficulty;
      const choice = wrong ? (label + 1 + Math.floor(9 * random.double())) % 10 : label;
      const condition = blurred ? 'blurred' : 'sharp';
      trials.push([id, subject, set.classes[label], set.classes[choice], condition]);
    }
  }
  write('stimuli.csv', table([['stimulus_id', 'filename'], ...rows]));
  const order = trials.toSorted((a, b) => a[1].localeCompare(b[1]));
  write(
    'trials.csv',
    table([['stimulus_id', 'subject', 'truth', 'choice', 'condition'], ...order]),
  );
  const lines = (identifier, metric) =>
    table([
      [`identifier: ${identifier}`],
      ['version: 1'],
      ['visual_degrees: none'],
      ['stimuli: { csv: stimuli.csv, images: images }'],
      ['trials: trials.csv'],
      [`metric: { name: ${metric} }`],
    ]);
  write('errors.yaml', lines('my-lab-errors', 'error-consistency'));
  write('accuracy.yaml', lines('my-lab-accuracy', 'accuracy'));
}

await recordings();
await behaviour();

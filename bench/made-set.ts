import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { RandomState } from '../src/numerics/random/random-state.js';

/** A made experiment: images, and neuroids that answer to them. */
export interface MadeSet {
  readonly stimuli: number;
  /** Neuroids of each region. */
  readonly regions: Readonly<Record<string, number>>;
  readonly repetitions: number;
  /** Side of the images in pixels. */
  readonly side: number;
  /** Classes that the splits are stratified on. */
  readonly classes: number;
  readonly degrees: number;
  /** First part of the identifiers, `made` by default. */
  readonly name?: string;
}

/** Dimensions that the neuroids of all regions share. */
const LATENT = 40;

/**
 * Writes a benchmark file with its images (smooth colour noise, PNG) and recordings (mixtures of forty
 * numbers an image, with noise a repetition; every fifth stimulus once more). Gives the path of the YAML.
 */
export async function writeMadeSet(folder: string, made: MadeSet): Promise<string> {
  mkdirSync(join(folder, 'images'), { recursive: true });
  const random = new RandomState(1);
  const ids = Array.from({ length: made.stimuli }, (_, i) => i + 1);
  const rows = ids.map((id) => [id, `${id}.png`, `class${id % made.classes}`].join());
  writeFileSync(
    join(folder, 'stimuli.csv'),
    ['stimulus_id,filename,class', ...rows, ''].join('\n'),
  );
  for (const id of ids) await writePicture(join(folder, 'images', `${id}.png`), made.side, random);
  writeRecordings(folder, made, ids, random);
  const names = Object.keys(made.regions);
  const lines = [
    `identifier: ${made.name ?? 'made'}.{region}-pls`,
    'version: 1',
    `regions: [${names.join(', ')}]`,
    `visual_degrees: ${made.degrees}`,
    'stimuli: { csv: stimuli.csv, images: images }',
    'recordings: recordings.csv',
    'neuroids: neuroids.csv',
    'metric: { name: pls, components: 25 }',
    'cross_validation: { splits: 10, train_size: 0.9, seed: 1, stratify_on: class }',
    '',
  ];
  writeFileSync(join(folder, 'benchmark.yaml'), lines.join('\n'));
  return join(folder, 'benchmark.yaml');
}

/** Colour noise of a few pixels, enlarged. */
async function writePicture(path: string, side: number, random: RandomState): Promise<void> {
  const small = 12;
  const noise = Uint8Array.from(random.randomSample(small * small * 3), (value) => value * 255);
  await sharp(noise, { raw: { width: small, height: small, channels: 3 } })
    .resize(side, side, { kernel: 'cubic' })
    .png()
    .toFile(path);
}

function writeRecordings(
  folder: string,
  { regions, repetitions }: MadeSet,
  ids: readonly number[],
  random: RandomState,
): void {
  const neuroids = Object.entries(regions).flatMap(([region, count]) =>
    Array.from({ length: count }, (_, k) => ({ id: `${region}-${k}`, region })),
  );
  const table = neuroids.map(({ id, region }) => `${id},${region},monkey${id.length % 2}`);
  writeFileSync(
    join(folder, 'neuroids.csv'),
    ['neuroid_id,region,animal', ...table, ''].join('\n'),
  );
  const weights = random.standardNormal(neuroids.length * LATENT);
  const lines = [`stimulus_id,repetition,${neuroids.map(({ id }) => id).join()}`];
  for (const id of ids) {
    const latent = random.standardNormal(LATENT);
    const answers = neuroids.map((_, k) => {
      let sum = 0;
      for (let l = 0; l < LATENT; l++) sum += latent[l] * weights[k * LATENT + l];
      return sum / Math.sqrt(LATENT);
    });
    const times = repetitions + (id % 5 === 0 ? 1 : 0);
    for (let repetition = 1; repetition <= times; repetition++) {
      const noise = random.standardNormal(neuroids.length);
      lines.push([id, repetition, ...answers.map((a, k) => (a + noise[k]).toFixed(4))].join());
    }
  }
  writeFileSync(join(folder, 'recordings.csv'), [...lines, ''].join('\n'));
}

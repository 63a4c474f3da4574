import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { encodeRgbPng } from '../simulated/png.js';
import type { Cell, Converter } from './converter.js';
import { npyArray, odd } from './source-arrays.js';

/**
 * Peterson et al. 2019 (CIFAR-10H): how many people chose each of ten classes for each of the 10,000 test images of
 * CIFAR-10, in the order of that set. The images are in CIFAR-10's binary archive: a label, then 32 × 32 pixels of
 * red, green and blue.
 */
const CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];
const SIDE = 32;
const PIXELS = SIDE * SIDE;
const RECORD = 1 + 3 * PIXELS;
const BATCH = 'cifar-10-batches-bin/test_batch.bin';

const idOf = (i: number) => `test${String(i).padStart(4, '0')}`;

export const peterson2019: Converter = async (sources, outputs) => {
  const file = (end: string) => sources.files.find((one) => one.endsWith(end)) as string;
  const path = sources.path(file('cifar10h-counts.npy'));
  const { shape, data } = await npyArray(path, 2);
  const [images, classes] = shape;
  const archive = sources.path(file('cifar-10-binary.tar.gz'));
  const batch = await testBatch(archive, images * RECORD);
  if (classes !== CLASSES.length) odd(path, `${CLASSES.length} classes`, `${classes}`);
  if (batch.length !== images * RECORD) odd(archive, `${images} images`, `${batch.length} bytes`);
  const truth = (i: number) => CLASSES[batch[i * RECORD]] ?? odd(archive, 'a class', `image ${i}`);
  const rows = Array.from({ length: images }, (_, i) => i);
  const stimuli = { identifier: 'CIFAR-10-test', kind: 'stimuli' } as const;
  await outputs.table(
    { ...stimuli, role: 'csv' },
    ['stimulus_id', 'filename', 'image_label'],
    rows.map((i) => [idOf(i), `${idOf(i)}.png`, truth(i)]),
  );
  const pictures = function* () {
    for (const i of rows) yield { name: `${idOf(i)}.png`, data: pictureOf(batch, i) };
  };
  await outputs.pictures({ ...stimuli, role: 'images' }, pictures());
  const choices = function* (): Generator<readonly Cell[]> {
    for (const i of rows) {
      for (const [k, choice] of CLASSES.entries()) {
        const count = Number(data[i * classes + k]);
        if (count > 0) yield [idOf(i), truth(i), choice, count];
      }
    }
  };
  const trials = { identifier: 'Peterson2019', kind: 'trials', role: 'csv' } as const;
  await outputs.table(trials, ['stimulus_id', 'truth', 'choice', 'count'], choices());
};

function pictureOf(batch: Uint8Array, i: number): Uint8Array {
  const pixels = new Uint8Array(3 * PIXELS);
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    for (let c = 0; c < 3; c++) pixels[3 * pixel + c] = batch[i * RECORD + 1 + c * PIXELS + pixel];
  }
  return encodeRgbPng(SIDE, SIDE, pixels);
}

/** The test images in the archive. */
async function testBatch(archive: string, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const tar = extract();
  tar.on('entry', (header, stream, next) => {
    stream.on('end', next);
    stream.on('error', next);
    if (header.name !== BATCH || (header.size ?? 0) > most) stream.resume();
    else stream.on('data', (part) => void parts.push(part as Buffer));
  });
  await pipeline(createReadStream(archive), createGunzip(), tar);
  return Buffer.concat(parts);
}

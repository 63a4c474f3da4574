import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { build as buildResNet20 } from '../../models/resnet-20/build.js';
import { writeNetcdf } from '../../src/formats/write-netcdf.js';
import { readModel } from '../../src/onnx/model.js';
import { tensorElements } from '../../src/onnx/tensor-elements.js';
import {
  dictionary,
  p,
  storage,
  tensor,
  zipped,
} from '../importing/checkpoints/made-checkpoints.js';
import { root } from './shell-blocks.js';

/**
 * Writes what the reader of a document has: `given` in its comments. A network is the small one that ships trained, in
 * a card's words with few candidates, so that a map takes seconds.
 */
export async function writeStandIn(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  if (/^weights\.(pth|pt)$/.test(name)) await writeFile(path, resNet20StateDict());
  else if (name === 'export.onnx') await writeFile(path, buildResNet20());
  else if (name.endsWith('.onnx')) await copyFile(join(shipped, 'model.onnx'), path);
  else if (/\.ya?ml$/.test(name)) await writeFile(path, await shortCard(name));
  else if (name.endsWith('.keras')) await copyFile(kerasFile, path);
  else if (name.endsWith('.png')) await writeFile(path, await photograph(1));
  else if (name.startsWith('docs/examples/')) await cp(join(root, name), path, { recursive: true });
  else if (name === 'rates.nc') await writeRates(path);
  else if (name === 'photographs/') await writePhotographs(path);
  else if (name === 'images.idx') await writeFile(path, idx([10, 64, 64], 10 * 64 * 64));
  else if (name === 'labels.idx') await writeFile(path, labels());
  else if (name.endsWith('/')) await writeCheckpoints(path);
  else throw new Error(`No stand-in for ${name}: add one`);
}

const shipped = join(root, 'models', 'objects-resnet');
const kerasFile = join(root, 'test', 'fixtures', 'keras', 'keras3-sequential.keras');

/** What a reader makes of the card that `ventral card init` wrote for the imported network. */
const COMPLETED = `name: mine
input:
  resize: { to: 32, mode: square, filter: bilinear, library: pillow }
  crop: 32
  range: 1
  mean: [0.485, 0.456, 0.406]
  std: [0.229, 0.224, 0.225]
  layout: NCHW
visual_degrees: 8
readout: avgpool
layers: [layer1.0, layer2.0, layer3.0, avgpool]
`;

async function shortCard(name: string): Promise<string> {
  if (name === 'mine.yaml') return COMPLETED;
  const text = await readFile(join(shipped, 'model.yaml'), 'utf8');
  const digits = `classes: ['${[...'0123456789'].join("', '")}']`;
  return text
    .replace(/classes: .*/, name.startsWith('digits') ? digits : '$&')
    .replace(/^(file|recipe): .*\n/gm, '')
    .replace(/^layers: .*$/m, 'layers: [layer1.0, layer2.0, avgpool]');
}

/** The random weights of the shipped network as `torch.save` writes a state dict. */
function resNet20StateDict(): Uint8Array {
  const { graph } = readModel(buildResNet20(), 'resnet-20');
  const entries: Record<string, Buffer> = {};
  const storages: Record<string, Uint8Array> = {};
  for (const initializer of graph.initializers) {
    if (!/^(conv|bn|layer|linear)[\w.]*\.\w+$/.test(initializer.name)) continue;
    const elements = tensorElements(initializer) as Float32Array;
    const key = String(Object.keys(storages).length);
    storages[key] = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
    const strides = initializer.dims.map((_, i) =>
      initializer.dims.slice(i + 1).reduce((product, size) => product * size, 1),
    );
    entries[initializer.name] = tensor(storage(key, elements.length), initializer.dims, strides);
  }
  return zipped(p.join(dictionary(entries)), storages);
}

/** An image of waves, another for each number. */
async function photograph(number: number): Promise<Buffer> {
  const side = 96;
  const pixels = Buffer.from(
    Array.from({ length: side * side * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
      const wave = Math.sin((x * number) / 7 + (i % 3)) * Math.cos(y / (4 + (number % 5)));
      return Math.round(128 + 100 * wave);
    }),
  );
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

const CLASSES = ['bottle', 'fish', 'hammer'];

async function writePhotographs(folder: string): Promise<void> {
  for (const [i, name] of CLASSES.entries()) {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, '1.png'), await photograph(i + 1));
  }
}

async function writeCheckpoints(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const epoch of [1, 2])
    await copyFile(join(shipped, 'model.onnx'), join(folder, `epoch_${epoch}.onnx`));
}

/** Recordings as plain xarray writes them: image × repetition × unit × time, in bins of 10 ms. */
async function writeRates(path: string): Promise<void> {
  const shape = [100, 3, 88, 12];
  const count = shape.reduce((product, size) => product * size, 1);
  const dims = ['image', 'repetition', 'unit', 'time'];
  const names = Array.from({ length: shape[0] }, (_, i) => `im${i + 1}`);
  const times = Float64Array.from({ length: shape[3] }, (_, i) => 60 + 10 * i);
  const rates = Float64Array.from({ length: count }, (_, i) => (i * 37) % 29);
  await writeNetcdf(path, {
    dimensions: new Map(dims.map((dim, i) => [dim, shape[i]])),
    variables: [
      { name: 'image', dims: ['image'], dtype: 'string', values: names },
      { name: 'time', dims: ['time'], dtype: 'float64', values: times },
      { name: 'rates', dims, dtype: 'float64', values: rates },
    ],
  });
}

/** An IDX file of bytes. */
function idx(dims: readonly number[], count: number): Buffer {
  const head = Buffer.alloc(4 + 4 * dims.length);
  head.writeUInt32BE(0x0800 + dims.length, 0);
  dims.forEach((size, i) => {
    head.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([
    head,
    Buffer.from(Array.from({ length: count }, (_, i) => (i * 37) % 251)),
  ]);
}

function labels(): Buffer {
  const file = idx([10], 10);
  for (let i = 8; i < file.length; i++) file[i] = i % 10;
  return file;
}

import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { openZip, type ZipArchive } from '../../formats/zip.js';
import { isFields } from '../source/fields.js';
import type { Imported } from '../source/imported.js';
import { layersRuntime } from '../tensorflow/layers-runtime.js';
import { openHdf5 } from './hdf5-weights.js';
import { MOST_JSON_BYTES, parseJson } from './json-document.js';
import type { LayerConfig } from './layer-config.js';
import { NamedWeights, type WeightSource } from './layer-weights.js';
import { type ConfiguredModel, readModelConfig } from './model-config.js';
import { type KerasNetwork, networkOf } from './network.js';
import { NumberedWeights } from './numbered-weights.js';
import { invalidPart, valueText } from './refusals.js';
import { foreignLayer } from './tfjs-layers.js';
import { tfjsTopology } from './tfjs-topology.js';
import { type Translated, translateNetwork } from './translate-network.js';

/**
 * Imports a network that Keras saved: `.h5` with its configuration (Keras 2 and 3), or `.keras`. The file type is
 * detected from its contents. TensorFlow.js runs the source for the proof if it has every layer.
 * @throws VentralError `checkpoint-invalid`, `checkpoint-unmatched`, `import-unsupported`, `zip-invalid`,
 *   `zip-unsafe-path`
 */
export async function importKeras(path: string): Promise<Imported> {
  const file = basename(path);
  const start = await firstBytes(path);
  if (start.startsWith('PK')) return importArchive(path, file);
  if (start.startsWith('\x89HDF')) return importHdf5(path, file);
  throw new VentralError(
    'checkpoint-invalid',
    `${file} is neither an HDF5 file nor a .keras archive`,
    { file, expected: 'an HDF5 file or a .keras archive', found: 'other bytes' },
  );
}

async function firstBytes(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw VentralError.from(error);
  }
}

/** `.h5`: the configuration is an attribute, the weights are in `model_weights` by name. */
async function importHdf5(path: string, file: string): Promise<Imported> {
  const hdf5 = await openHdf5(path, file);
  try {
    const text = hdf5.root.attributes.get('model_config');
    if (typeof text !== 'string') {
      throw new VentralError(
        'import-unsupported',
        `${file} holds weights without the configuration of a network: save the whole model, not its weights`,
        { file, field: 'model_config', expected: 'the configuration', found: 'none' },
      );
    }
    const version = hdf5.root.attributes.get('keras_version');
    const keras = typeof version === 'string' && /^[3-9]/.test(version) ? 3 : 2;
    const model = readModelConfig(file, parseJson(file, 'model_config', text), keras);
    const network = networkOf(file, model);
    const weights = new Map(
      [...(await hdf5.weights('model_weights'))].filter(
        ([name]) => !name.startsWith('top_level_model_weights/'),
      ),
    );
    return await imported(network, new NamedWeights(file, weights, true));
  } finally {
    await hdf5.close();
  }
}

/** Entries, and bytes when unpacked, that a `.keras` archive may have. */
const archiveLimits = {
  entries: 10_000,
  totalBytes: 4 * 2 ** 30,
  ratio: 100,
  ratioFrom: 2 ** 20,
};

/** `.keras`: `config.json` and `model.weights.h5` in a ZIP. */
async function importArchive(path: string, file: string): Promise<Imported> {
  const archive = await openZip(path, file, archiveLimits);
  const folder = await mkdtemp(join(tmpdir(), 'ventral-keras-'));
  try {
    const network = await archivedModel(archive, file);
    const weights = join(folder, 'model.weights.h5');
    sizeOf(archive, file, 'model.weights.h5');
    await pipeline(await archive.stream('model.weights.h5'), createWriteStream(weights));
    const hdf5 = await openHdf5(weights, `${file}, model.weights.h5`);
    try {
      const source = new NumberedWeights(network.model, await hdf5.weights(''));
      return await imported(networkOf(file, network.model), source);
    } finally {
      await hdf5.close();
    }
  } finally {
    await archive.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function archivedModel(
  archive: ZipArchive,
  file: string,
): Promise<{ model: ConfiguredModel }> {
  if (sizeOf(archive, file, 'config.json') > MOST_JSON_BYTES) {
    throw invalidPart(file, 'config.json', `at most ${MOST_JSON_BYTES} bytes`, 'more');
  }
  const text = (await archive.read('config.json')).toString('utf8');
  const keras = await versionOf(archive, file);
  return { model: readModelConfig(file, parseJson(file, 'config.json', text), keras) };
}

function sizeOf(archive: ZipArchive, file: string, name: string): number {
  const entry = archive.entries.find((one) => one.name === name);
  if (entry === undefined) throw invalidPart(file, 'the archive', `an entry ${name}`, 'none');
  return entry.size;
}

/** `metadata.json` names the version of Keras: the last of 2 wrote this format too. */
async function versionOf(archive: ZipArchive, file: string): Promise<2 | 3> {
  const entry = archive.entries.find(({ name }) => name === 'metadata.json');
  if (entry === undefined || entry.size > 65_536) return 3;
  const json = parseJson(file, 'metadata.json', (await archive.read('metadata.json')).toString());
  return isFields(json) && /^2\./.test(String(json.keras_version)) ? 2 : 3;
}

async function imported(network: KerasNetwork, weights: WeightSource): Promise<Imported> {
  const translated = translateNetwork(network, weights);
  const { model, layers, inputAxes } = translated;
  const foreign = foreignLayer(network);
  const source = foreign === undefined ? await sourceOf(network, translated) : undefined;
  const notes = [
    ...(foreign === undefined
      ? []
      : [
          `TensorFlow.js does not compute layer ${valueText(foreign)} as Keras does: there is no runtime to compare with.`,
        ]),
    ...(network.calls.some(({ config }) => isHalf(config))
      ? ['Keras computes parts of this network in 16 bits; ventral computes everything in float32.']
      : []),
  ];
  return { model, layers, inputAxes, notes, ...present({ source }) };
}

/** Whether a layer computes in float16 or bfloat16: its dtype, or the name of its policy. */
function isHalf(config: LayerConfig): boolean {
  const dtype = config.raw('dtype');
  const policy = isFields(dtype) && isFields(dtype.config) ? dtype.config.name : dtype;
  return typeof policy === 'string' && /float16/.test(policy);
}

async function sourceOf(network: KerasNetwork, translated: Translated) {
  const { names, ...artifacts } = tfjsTopology(network, translated);
  return layersRuntime(artifacts, { file: network.file, names, shape: network.input.shape });
}

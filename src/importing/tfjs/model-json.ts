import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { MOST_JSON_BYTES, parseJson } from '../keras/json-document.js';
import type { Weight } from '../keras/operations.js';
import { invalidPart, valueText } from '../keras/refusals.js';
import { type Fields, isFields } from '../source/fields.js';
import { decodeWeights, type ManifestWeight, manifestWeights } from './manifest-weights.js';

/** A `model.json` of TensorFlow.js with its shards, read and checked. */
export interface ModelJsonFiles {
  /** As messages call it. */
  readonly file: string;
  /** `modelTopology`: of layers, or a graph of nodes. */
  readonly topology: Fields;
  /** The whole of `model.json`. */
  readonly json: Fields;
  readonly weights: ReadonlyMap<string, Weight>;
  /** What TensorFlow.js decodes itself: the manifest's entries, and the bytes behind them in one. */
  readonly weightSpecs: readonly ManifestWeight[];
  readonly weightData: ArrayBuffer;
}

/** As much as one ONNX file can hold. */
const MOST_BYTES = 2 ** 31 - 1;
const MOST_SHARDS = 10_000;

/**
 * Reads `model.json`, or the one in a folder, and the shards beside it, each no further away than that.
 * @throws VentralError `checkpoint-invalid`, `checkpoint-unsafe` for a shard that lies elsewhere, `file-missing`
 */
export async function readModelFiles(path: string): Promise<ModelJsonFiles> {
  const main = await modelJsonAt(path);
  const file = basename(main);
  const { size } = await stat(main).catch(rethrow);
  if (size > MOST_JSON_BYTES)
    throw invalidPart(file, 'the file', `at most ${MOST_JSON_BYTES} bytes`, size);
  const json = parseJson(file, 'the file', await readFile(main, 'utf8').catch(rethrow));
  if (!isFields(json) || !isFields(json.modelTopology)) {
    throw invalidPart(file, 'the file', 'a modelTopology and a weightsManifest', json);
  }
  const groups = groupsOf(file, json.weightsManifest);
  const parts: Buffer[] = [];
  const weights = new Map<string, Weight>();
  const weightSpecs: ManifestWeight[] = [];
  let total = 0;
  for (const group of groups) {
    const bytes = await readShards(dirname(main), file, group.paths, MOST_BYTES - total);
    total += bytes.length;
    const specs = manifestWeights(file, group.weights);
    for (const [name, weight] of decodeWeights(file, specs, bytes)) {
      if (weights.has(name))
        throw invalidPart(file, 'weightsManifest', 'weights of different names', name);
      weights.set(name, weight);
    }
    weightSpecs.push(...specs);
    parts.push(bytes);
  }
  const data = Buffer.concat(parts);
  const weightData = data.buffer.slice(
    data.byteOffset,
    data.byteOffset + data.length,
  ) as ArrayBuffer;
  return { file, json, topology: json.modelTopology, weights, weightSpecs, weightData };
}

const rethrow = (error: unknown): never => {
  throw VentralError.from(error);
};

async function modelJsonAt(path: string): Promise<string> {
  if (!(await stat(path).catch(rethrow)).isDirectory()) return path;
  const names = (await readdir(path)).filter((name) => name.endsWith('.json'));
  if (names.includes('model.json')) return join(path, 'model.json');
  if (names.length === 1) return join(path, names[0]);
  const entries = await readdir(path);
  if (entries.includes('saved_model.pb')) {
    throw new VentralError(
      'import-unsupported',
      `${path} is a SavedModel of TensorFlow: convert it with tensorflowjs_converter, or save the network as .keras`,
      { file: path, expected: 'a model.json', found: 'saved_model.pb' },
    );
  }
  throw invalidPart(path, 'the folder', 'a model.json', `${names.length} JSON files`);
}

interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly unknown[];
}

function groupsOf(file: string, json: unknown): Group[] {
  if (!Array.isArray(json)) throw invalidPart(file, 'weightsManifest', 'a list of groups', json);
  let shards = 0;
  return json.map((group: unknown) => {
    const fits = isFields(group) && Array.isArray(group.paths) && Array.isArray(group.weights);
    if (!fits) throw invalidPart(file, 'weightsManifest', 'groups of paths and weights', group);
    const { paths, weights } = group as { paths: unknown[]; weights: unknown[] };
    shards += paths.length;
    if (shards > MOST_SHARDS)
      throw invalidPart(file, 'weightsManifest', `at most ${MOST_SHARDS} shards`, 'more');
    return { paths: paths.map((path) => shardName(file, path)), weights };
  });
}

/** Shards are beside the model.json: a name, no path, no address. */
function shardName(file: string, path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.length > 255) {
    throw invalidPart(file, 'weightsManifest, paths', 'names of files', path);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand in a name
  if (/[/\\:\x00-\x1f]/.test(path) || path === '.' || path === '..') throw elsewhere(file, path);
  return path;
}

function elsewhere(file: string, path: string): VentralError {
  const found = valueText(path);
  const sentence = `${file}: the weights in ${found} do not lie beside it`;
  const field = 'weightsManifest, paths';
  return new VentralError('checkpoint-unsafe', sentence, {
    file,
    field,
    expected: 'a file beside it',
    found,
  });
}

async function readShards(
  folder: string,
  file: string,
  names: readonly string[],
  most: number,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let total = 0;
  for (const name of names) {
    const path = join(folder, name);
    const found = await lstat(path).catch(rethrow);
    if (!found.isFile()) throw elsewhere(file, name);
    total += found.size;
    if (total > most)
      throw invalidPart(file, name, `weights of at most ${MOST_BYTES} bytes`, 'more');
    parts.push(await readFile(path).catch(rethrow));
  }
  return Buffer.concat(parts);
}

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { openZip, writeZip } from '../../src/formats/zip.js';
import { importKeras } from '../../src/importing/keras/import-keras.js';
import type { Imported } from '../../src/importing/source/imported.js';
import { importTfjs } from '../../src/importing/tfjs/import-tfjs.js';
import { damaged, damagedText, hostileWord } from '../fuzz/damage.js';
import { Dice } from '../fuzz/dice.js';
import { onnxLayers, seededInput } from './compare-layers.js';
import { madeGraph } from './tfjs/made-graph.js';
import { madeNetwork, save } from './tfjs/made-network.js';

const fixtures = join(import.meta.dirname, '../fixtures/keras');

/** What a damaged file may be refused with. */
const refusals = [
  'checkpoint-invalid',
  'checkpoint-unsafe',
  'checkpoint-unmatched',
  'import-unsupported',
  'zip-invalid',
  'zip-unsafe-path',
  'memory-exceeded',
  'file-missing',
];
/** A network that is imported is run where that is quick. */
const FEW = 3_000;

/** How many cases came to which end. */
export type Ends = Map<string, number>;

/** Damages a file of each kind in turn and imports it: a network comes out, or one refusal of ours. */
export async function mutate(first: number, count: number): Promise<Ends> {
  const folder = await mkdtemp(join(tmpdir(), 'ventral-mutated-'));
  const ends: Ends = new Map();
  try {
    for (let seed = first; seed < first + count; seed++) {
      const dice = new Dice(seed);
      const kind = kinds[seed % kinds.length];
      const place = join(folder, `${seed}`);
      const end = await endOf(`${kind.name} ${seed}`, () => kind(place, dice));
      ends.set(end, (ends.get(end) ?? 0) + 1);
      await rm(place, { recursive: true, force: true });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return ends;
}

async function endOf(name: string, importing: () => Promise<Imported>): Promise<string> {
  try {
    const imported = await importing();
    await run(imported);
    return 'imported';
  } catch (error) {
    const { code, message } = error as VentralError;
    expect(error, `${name}: ${(error as Error).stack}`).toBeInstanceOf(VentralError);
    // A runtime may refuse what the import took, in its own words.
    expect([...refusals, 'inference-failed'], `${name}: ${message}`).toContain(code);
    expect(message, name).toMatch(/^.{1,2000}$/);
    return code;
  }
}

async function run(imported: Imported): Promise<void> {
  const { source } = imported;
  if (source === undefined) return;
  try {
    if (source.dims.reduce((product, size) => product * size, 1) > FEW) return;
    const input = seededInput(source.dims, 1);
    await onnxLayers(imported, input);
    for await (const { output } of source.run(input)) expect(output.dtype).toBe('float32');
  } finally {
    await source.close();
  }
}

type Kind = (place: string, dice: Dice) => Promise<Imported>;

/** A JSON text with some values exchanged, or with its letters damaged. */
function damagedJson(text: string, dice: Dice): string {
  if (dice.chance(0.3)) return damagedText(text, dice);
  const json: unknown = JSON.parse(text);
  for (let count = dice.between(1, 3); count > 0; count--) exchange(json, dice);
  return JSON.stringify(json);
}

const hostileValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  2,
  3.5,
  1e308,
  2 ** 31,
  65_536,
  '',
  'same',
  [],
  {},
  [1],
  [
    [1, 2],
    [3, 4],
  ],
  [null, 5, 5, 3],
];

function exchange(json: unknown, dice: Dice): void {
  const places: [owner: Record<string, unknown>, key: string][] = [];
  const queue = [json];
  for (let at = 0; at < queue.length; at++) {
    const owner = queue[at] as Record<string, unknown>;
    for (const key of Object.keys(owner)) {
      places.push([owner, key]);
      if (typeof owner[key] === 'object' && owner[key] !== null) queue.push(owner[key]);
    }
  }
  if (places.length === 0) return;
  const [owner, key] = dice.pick(places);
  const [other, otherKey] = dice.pick(places);
  const how = dice.below(4);
  if (how === 0) delete owner[key];
  else if (how === 1) owner[key] = hostileWord(dice);
  else if (how === 2) owner[key] = structuredClone(dice.pick(hostileValues));
  else owner[key] = structuredClone(other[otherKey]);
}

async function damageJsonFile(path: string, dice: Dice): Promise<void> {
  await writeFile(path, damagedJson(await readFile(path, 'utf8'), dice));
}

async function layersModel(place: string, dice: Dice): Promise<Imported> {
  const model = madeNetwork(dice);
  await save(model, place);
  model.dispose();
  await damageJsonFile(join(place, 'model.json'), dice);
  return importTfjs(place);
}

async function graphModel(place: string, dice: Dice): Promise<Imported> {
  const { graph, output } = madeGraph(dice);
  await graph.save(place, output);
  await damageJsonFile(join(place, 'model.json'), dice);
  return importTfjs(place);
}

async function kerasArchive(place: string, dice: Dice): Promise<Imported> {
  const name = dice.pick(['keras3-modern.keras', 'keras2-mobile.keras', 'keras3-sequential.keras']);
  if (dice.chance(0.3)) {
    await writeFile(place, damaged(await readFile(join(fixtures, name)), dice));
    return importKeras(place);
  }
  const archive = await openZip(join(fixtures, name));
  const contents = await Promise.all(
    archive.entries.map(async (entry) => ({
      name: entry.name,
      data: await archive.read(entry.name),
      compress: true,
    })),
  );
  await archive.close();
  const config = contents.find((content) => content.name === 'config.json');
  if (config) config.data = Buffer.from(damagedJson(config.data.toString(), dice));
  await writeZip(place, contents);
  return importKeras(place);
}

async function hdf5(place: string, dice: Dice): Promise<Imported> {
  const name = dice.pick(['keras2-mobile.h5', 'keras3-sequential.h5']);
  await cp(join(fixtures, name), place);
  await writeFile(place, damaged(await readFile(place), dice));
  return importKeras(place);
}

const kinds: readonly Kind[] = [layersModel, graphModel, kerasArchive, hdf5];

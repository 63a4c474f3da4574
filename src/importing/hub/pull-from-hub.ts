import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import type { HubSource } from '../../activations/card/card.js';
import { openFields, pulledCard } from '../../activations/card/card-template.js';
import { readHubConfig } from '../../activations/card/hub-config.js';
import type { HubConfig } from '../../activations/card/hub-values.js';
import { draftCard } from '../../activations/init-card.js';
import { type ModelFile, openModelFile } from '../../activations/model-file.js';
import { type PullOptions, pullWanted } from '../../data/download.js';
import { type HubPlace, hubName } from '../../data/hub/hub-address.js';
import { type HubFile, type HubSnapshot, hubWanted } from '../../data/hub/hub-repository.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import { quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { externalFiles, MOST_MODEL_BYTES } from '../../onnx/external-data.js';
import { readModel } from '../../onnx/model.js';
import { precisionInName, weightType } from '../../onnx/weight-type.js';

/** A network of the hub that is here, ready to map. */
export interface HubPull {
  readonly name: string;
  /** ONNX file. */
  readonly path: string;
  /** Card beside it. */
  readonly card: string;
  /** Of the network with its external data. */
  readonly digest: string;
  readonly source: HubSource;
  /** Its files as the repository has them. */
  readonly files: readonly HubFile[];
  /** Fields of a new card that nothing said. */
  readonly open: readonly string[];
  /** What a person should know about the card. */
  readonly notes: readonly string[];
}

export interface HubPullOptions extends PullOptions {
  readonly place: HubPlace;
}

/** Files with preprocessing, the first that says it counts. */
const CONFIGS = [
  ...['preprocessor_config.json', 'processor_config.json', 'open_clip_config.json', 'config.json'],
];
/** Bytes of such a file. */
const MOST_CONFIG = 2 ** 20;

/**
 * Fetches an ONNX file of the hub with its external data (resumed, checked by the digests of the repository), and writes
 * its card beside it in `HOME/networks/hf/OWNER/NAME/COMMIT`. Nothing has its place there before all of it is here and
 * opens; a card that is there stays as it is.
 * @throws VentralError what the download and opening the network throw
 */
export async function pullFromHub(
  snapshot: HubSnapshot,
  model: HubFile,
  options: HubPullOptions,
): Promise<HubPull> {
  const folder = folderOf(snapshot, options.home);
  const { paths, others, configs, source } = await fetchAll(snapshot, model, folder, options);
  // In the file system of the place, so that it is filled by renaming.
  const scratch = await makeScratchFolder(options.home, ...HUB, '.new');
  const made = scratch.path;
  try {
    for (const [{ path: name }, path] of paths)
      await linked(whereIs(path, join(folder, name)), join(made, name));
    const { file, card, open, notes } = await draft({ folder, made, model, configs, source });
    // The last one makes the network visible.
    for (const name of [...others.map(({ path }) => path), card, model.path])
      await place(join(made, name), join(folder, name));
    await cleared(paths.values(), folder);
    const places = { path: join(folder, model.path), card: join(folder, card) };
    const { name, digest } = file;
    return { name, ...places, digest, source, files: [...paths.keys()], open, notes };
  } finally {
    await scratch.remove();
  }
}

interface Fetched {
  /** Where each file is. */
  readonly paths: ReadonlyMap<HubFile, string>;
  /** All but the model. */
  readonly others: readonly HubFile[];
  readonly configs: readonly HubFile[];
  readonly source: HubSource;
}

/** Fetches what is not in the folder: the model, the files that it names, those with preprocessing. */
async function fetchAll(
  snapshot: HubSnapshot,
  model: HubFile,
  folder: string,
  options: HubPullOptions,
): Promise<Fetched> {
  const paths = new Map<HubFile, string>();
  const bring = async (file: HubFile) => {
    const here = join(folder, file.path);
    const later = join(incoming(options.home), file.digest, basename(here));
    const wanted = hubWanted(snapshot, file, existsSync(here) ? here : later, options.place);
    const { path } = await pullWanted(wanted, options);
    paths.set(file, path);
    return whereIs(path, here);
  };
  const bytes = await readFile(await bring(model));
  const graph = readModel(bytes, model.path);
  const byPath = new Map(snapshot.files.map((file) => [file.path, file]));
  const needed = externalFiles(graph).map((name) => dataFile(name, model, snapshot, byPath));
  requireSize(snapshot, [model, ...needed]);
  const configs = configsFor(model, byPath);
  const others = [...new Set([...needed, ...configs])];
  for (const file of others) await bring(file);
  const source = {
    ...{ hub: hubName(snapshot.address), commit: snapshot.commit, file: model.path },
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...present({ weights: weightType(graph), licence: snapshot.licence }),
  };
  return { paths, others, configs, source };
}

/** Where networks of the hub lie in a home. */
const HUB = ['networks', 'hf'];
const hubFolder = (home: string) => join(home, ...HUB);
/** Where a fetched file is: another process that pulls it, too, may have given it its place. */
const whereIs = (path: string, place: string) => (existsSync(path) ? path : place);
/** Where files are until all of a network are here, by digest. */
const incoming = (home: string) => join(hubFolder(home), '.incoming');

/** Where a commit of a repository lies. */
const folderOf = ({ address, commit }: HubSnapshot, home: string) =>
  join(hubFolder(home), ...address.repository.split('/'), commit);

/** Where the card of a network is, below the folder. */
const cardPath = (model: HubFile) => model.path.replace(/\.onnx$/i, '.yaml');

/**
 * The file of the repository that a graph names, beside the graph.
 * @throws VentralError `onnx-external-data` where it is not there, or has the place of the graph or its card
 */
function dataFile(
  name: string,
  model: HubFile,
  { address }: HubSnapshot,
  byPath: ReadonlyMap<string, HubFile>,
): HubFile {
  const path = posix.join(posix.dirname(model.path), name);
  const taken = [model.path, cardPath(model)].find(
    (place) => place.toLowerCase() === path.toLowerCase(),
  );
  if (taken !== undefined)
    throw new VentralError(
      'onnx-external-data',
      `${hubName(address)}: ${model.path} keeps weights in ${quotedList([path])}, where the ${taken === model.path ? 'graph' : 'card'} is`,
      { file: model.path, expected: 'a file of their own', found: path },
    );
  const found = byPath.get(path);
  if (found) return found;
  throw new VentralError(
    'onnx-external-data',
    `${hubName(address)}: ${model.path} keeps weights in ${quotedList([path])}, which the repository does not have`,
    { file: model.path, expected: path, found: 'no such file' },
  );
}

function requireSize({ address }: HubSnapshot, files: readonly HubFile[]): void {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes <= MOST_MODEL_BYTES) return;
  const [{ path }] = files;
  throw new VentralError(
    'onnx-external-data',
    `${hubName(address)}: ${path} has ${bytes} bytes with its external data, and the runtime takes a model of at most ${MOST_MODEL_BYTES}: choose a smaller precision by --file`,
    { file: path, expected: `at most ${MOST_MODEL_BYTES} bytes`, found: `${bytes}` },
  );
}

/** Files with preprocessing, those nearest to the model first. */
function configsFor(model: HubFile, byPath: ReadonlyMap<string, HubFile>): HubFile[] {
  const parts = posix.dirname(model.path).split('/');
  const folders = parts.map((_, i) => parts.slice(0, parts.length - i).join('/'));
  const paths = [...new Set([...folders, '.'])].flatMap((folder) =>
    CONFIGS.map((name) => posix.join(folder, name)),
  );
  return paths.flatMap((path) => byPath.get(path) ?? []).filter(({ size }) => size <= MOST_CONFIG);
}

/** A second name of a file, or a copy where the file system has none. */
async function linked(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await link(path, target).catch(() => copyFile(path, target));
}

interface Making {
  readonly folder: string;
  readonly made: string;
  readonly model: HubFile;
  readonly configs: readonly HubFile[];
  readonly source: HubSource;
}

interface Drafted extends Pick<HubPull, 'open' | 'notes'> {
  /** Path of the card below the folder. */
  readonly card: string;
  /** The network with its card. */
  readonly file: ModelFile;
}

/** Writes the card, where there is none, and opens the network with it. */
async function draft({ folder, made, model, configs, source }: Making): Promise<Drafted> {
  const card = cardPath(model);
  const [onnx, yaml] = [join(made, model.path), join(made, card)];
  if (existsSync(join(folder, card))) {
    await copyFile(join(folder, card), yaml);
    const file = await openModelFile(onnx, { file: yaml });
    return { card, file, open: [], notes: ['the card that was there is kept'] };
  }
  const { hints } = await draftCard(onnx);
  const config = await configOf(made, configs);
  const pulled = { file: basename(model.path), source };
  const all = { ...hints, pulled, ...present({ input: config.input, facts: config.facts }) };
  await writeFile(yaml, pulledCard(nameOf(model, source), all));
  const file = await openModelFile(onnx, { file: yaml });
  const open = openFields(all).filter((field) => /^(?:input|visual_degrees)/.test(field));
  const warned = (file.cardWarnings ?? []).filter(({ code }) => code !== 'card-template');
  return { card, file, open, notes: [...config.notes, ...warned.map(({ detail }) => detail)] };
}

/** The repository, and the file where it is not the one in full precision. */
function nameOf({ path }: HubFile, { hub }: HubSource): string {
  const name = hub.slice('hf:'.length);
  const { precision } = precisionInName(path);
  return precision === undefined ? name : `${name} (${precision})`;
}

/** The first preprocessing that a file says, and where others differ from it. */
async function configOf(
  made: string,
  files: readonly HubFile[],
): Promise<Partial<HubConfig> & Pick<HubConfig, 'notes'>> {
  const found: { readonly path: string; readonly config: HubConfig }[] = [];
  const reasons: string[] = [];
  for (const { path } of files) {
    try {
      found.push({ path, config: await readHubConfig(join(made, path)) });
    } catch (thrown) {
      const { message, code } = VentralError.from(thrown);
      if (code !== 'card-invalid') throw thrown;
      // A configuration of the model, not of its images, is no fault.
      if (basename(path) !== 'config.json') reasons.push(message.replaceAll(`${made}/`, ''));
    }
  }
  const [first, ...others] = found;
  if (!first)
    return {
      notes: [...reasons, 'no file of the repository says the preprocessing: complete the card'],
    };
  const { input, notes, facts } = first.config;
  const differ = others.filter(({ config }) => !isSame(config, first.config));
  const words = differ.map(
    ({ path }) => `${path} says another preprocessing than ${first.path}, which the card has`,
  );
  return { input, ...present({ facts }), notes: [...reasons, ...notes, ...words] };
}

const isSame = (a: HubConfig, b: HubConfig) => {
  const text = ({ input: { crop_rule: _rule, ...rest } }: HubConfig) =>
    JSON.stringify(Object.entries(rest).sort());
  return text(a) === text(b);
};

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}

/** Removes what came by its digest and has its place now. */
async function cleared(paths: Iterable<string>, folder: string): Promise<void> {
  for (const path of paths) {
    if (path.startsWith(folder)) continue;
    await rm(path, { force: true });
    await rmdir(dirname(path))
      .then(() => rmdir(dirname(dirname(path))))
      .catch(() => {});
  }
}

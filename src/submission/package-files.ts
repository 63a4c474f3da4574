import type { ModelCard } from '../activations/card/card.js';
import { fillTemplate, type TemplateValues } from './fill-template.js';
import type { PackagedNetwork } from './packaged-network.js';
import type { PackagedScores } from './packaged-scores.js';
import type { PythonValue } from './python-literal.js';

/** What the files of a package are made of. */
export interface PackageParts {
  readonly identifier: string;
  readonly card: ModelCard;
  readonly network: PackagedNetwork;
  readonly license: string | undefined;
  readonly bibtex: string | undefined;
  readonly scores: readonly PackagedScores[];
  readonly weights?: { readonly url: string; readonly sha1: string };
}

/** Name of the weights in a package. */
const WEIGHTS = 'model.onnx';

/** Files of today's plugin (spec §8.1): one directory of a model. */
export async function pluginFiles(parts: PackageParts): Promise<PackageFile[]> {
  const { identifier, network } = parts;
  const values = valuesOf(parts);
  const map = network.regionLayerMap;
  const files = new Map<string, Uint8Array>([
    ['__init__.py', await fillTemplate('brainscore/__init__.py', values)],
    ['model.py', await fillTemplate('brainscore/model.py', values)],
    ['test.py', await fillTemplate('brainscore/test.py')],
    ['requirements.txt', await fillTemplate(requirementsOf(parts))],
    ...(await sharedFiles(parts, values)),
  ]);
  if (map) files.set(`region_layer_map/${identifier}.json`, jsonText(map));
  return inFolders(`${identifier}/models/${identifier}/`, files);
}

/** Files of the form of 2022 (spec §8.5): one project directory with `setup.py` and the package `models`. */
export async function competitionFiles(parts: PackageParts): Promise<PackageFile[]> {
  const requirements = (await fillTemplate(requirementsOf(parts))).toString().trim().split('\n');
  const values = { ...valuesOf(parts), ...readoutLast(parts), requirements };
  const files = new Map<string, Uint8Array>([
    ['setup.py', await fillTemplate('brainscore-2022/setup.py', values)],
  ]);
  for (const name of ['__init__.py', 'base_models.py', 'brain_models.py'])
    files.set(`models/${name}`, await fillTemplate(`brainscore-2022/models/${name}`, values));
  for (const [name, data] of await sharedFiles(parts, values)) files.set(`models/${name}`, data);
  return inFolders(`${parts.identifier}/`, files);
}

/** There behaviour is read from the last layer of the list. */
function readoutLast({ network }: PackageParts): TemplateValues {
  const readout = [network.readout].flat();
  const others = network.layers.filter((layer) => !readout.includes(layer));
  return { layers: [...others, ...readout] };
}

async function sharedFiles(
  parts: PackageParts,
  values: TemplateValues,
): Promise<[string, Uint8Array][]> {
  const { network, license, scores, weights } = parts;
  return [
    ['network.py', await fillTemplate('shared/network.py', values)],
    ['README.md', await fillTemplate('shared/README.md')],
    ...(license === undefined ? [] : [['LICENSE', Buffer.from(license)] as [string, Uint8Array]]),
    ...(weights ? [] : [[WEIGHTS, network.onnx] as [string, Uint8Array]]),
    ...scores.map(({ name, text }): [string, Uint8Array] => [`scores/${name}`, Buffer.from(text)]),
  ];
}

function requirementsOf({ card }: PackageParts): string {
  const library = card.input.resize === 'none' ? 'pillow' : card.input.resize.library;
  return `requirements/${library}.txt`;
}

function valuesOf({
  identifier,
  card,
  network,
  license,
  bibtex,
  weights,
}: PackageParts): TemplateValues {
  const { input } = network;
  const { resize, crop, crop_rule, range, mean, std, layout, channels } = input.spec;
  const isOpencv = resize !== 'none' && resize.library === 'opencv';
  return {
    identifier,
    layers: network.layers,
    readout: network.readout,
    region_layer_map: (network.regionLayerMap ?? null) as PythonValue,
    visual_degrees: card.visual_degrees,
    license: license === undefined ? null : (license.trim().split('\n')[0] ?? null),
    bibtex: bibtex ?? '',
    outputs: Object.fromEntries(network.outputs),
    input: input.name,
    dtype: input.dtype,
    layout,
    channels: channels ?? 'RGB',
    batch: input.batch || null,
    resize: resize === 'none' ? null : { ...resize, antialias: resize.antialias ?? true },
    crop: crop ?? null,
    crop_rule: crop_rule ?? (isOpencv ? 'albumentations' : 'torchvision'),
    range,
    mean,
    std,
    weights: weights ? { url: weights.url, sha1: weights.sha1.toLowerCase() } : { file: WEIGHTS },
  };
}

const jsonText = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** Files below a folder, sorted, with an entry for every folder on the way, which the site asks for (spec §8.3). */
function inFolders(prefix: string, files: ReadonlyMap<string, Uint8Array>): PackageFile[] {
  const all = new Map<string, Uint8Array>();
  for (const [name, data] of files) {
    const path = `${prefix}${name}`;
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1))
      all.set(path.slice(0, at + 1), new Uint8Array(0));
    all.set(path, data);
  }
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, data]) => ({ name, data }));
}

/** A file of a package, or a folder where its name ends with a slash. */
export interface PackageFile {
  readonly name: string;
  readonly data: Uint8Array;
}

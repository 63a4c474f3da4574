import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CardSource } from '../activations/model-file.js';
import { openNetwork } from '../activations/open-network.js';
import { VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';
import { present } from '../formats/present.js';
import { checkGraph } from '../onnx/checks/check-graph.js';
import { requireFile } from '../scoring/receipt/receipt.js';
import { packageIdentifier } from './identifier.js';
import { metadataText } from './metadata-file.js';
import {
  competitionFiles,
  type PackageFile,
  type PackageParts,
  pluginFiles,
} from './package-files.js';
import { type PackagedNetwork, packageNetwork } from './packaged-network.js';
import { packageScores, receiptsBeside } from './packaged-scores.js';
import { COMPONENTS } from './site-limits.js';

/** Today's plugin directory, or the form of the competition of 2022. */
export type PackageFormat = 'brainscore' | 'brainscore-2022';

/** A package to build. */
export interface PackageRequest {
  readonly model: CardSource & { readonly path: string };
  readonly format: PackageFormat;
  /** Derived from the model's name where it is absent. */
  readonly identifier?: string;
  /** Receipts of scores to take along; by default those in `scores/` of the model's folder. */
  readonly receipts?: readonly string[];
  /** File whose text goes along as the licence; by default LICENSE of the model's folder. */
  readonly license?: string;
  /** BibTeX file; by default the only .bib of the model's folder. */
  readonly bibtex?: string;
  /** Where the weights will lie that do not fit into the archive. */
  readonly weights?: { readonly url: string; readonly sha1: string };
}

/** Contents of a package, and the files beside it. */
export interface BuiltPackage {
  readonly identifier: string;
  readonly files: readonly PackageFile[];
  readonly network: PackagedNetwork;
  /** For those who open a pull request: the site's upload refuses it inside the archive. */
  readonly metadata: string;
  /** What the person should know. */
  readonly notes: readonly string[];
}

/**
 * A model as a package for Brain-Score.
 * @throws what opening the model throws, `package-invalid`, and what {@link packageScores} throws
 */
export async function buildPackage(request: PackageRequest): Promise<BuiltPackage> {
  const { file, card } = await openNetwork(request.model);
  const identifier = packageIdentifier(request.identifier, file.name);
  const network = await packageNetwork(file, card);
  requireWeights(request.weights, network);
  const folder = await folderOf(request.model.path);
  const receipts = request.receipts ?? (folder.own ? await receiptsBeside(folder.path) : []);
  const scored = { name: file.name, digest: file.digest, card, readout: network.readout };
  const parts: PackageParts = {
    identifier,
    card,
    network,
    license: await textOf(request.license ?? folder.license),
    bibtex: await textOf(request.bibtex ?? folder.bibtex),
    scores: await packageScores(receipts, scored),
    ...present({ weights: request.weights }),
  };
  const form = request.format === 'brainscore' ? pluginFiles : competitionFiles;
  const { parameters } = checkGraph(file.model);
  return {
    identifier,
    files: await form(parts),
    network,
    metadata: metadataText({ identifier, parameters, bytes: network.onnx.length }),
    notes: notesOf(request, parts),
  };
}

function requireWeights(weights: PackageRequest['weights'], { sha1 }: PackagedNetwork): void {
  if (weights === undefined) return;
  if (!/^https:\/\/[\x21-\x7e]+$/.test(weights.url) || !URL.canParse(weights.url))
    throw new VentralError('package-invalid', `--weights-url ${weights.url}: expected https://…`);
  if (weights.sha1.toLowerCase() === sha1) return;
  throw new VentralError(
    'package-invalid',
    `--weights-sha1 ${weights.sha1}: the ONNX of the package has the SHA-1 ${sha1}`,
    { field: '--weights-sha1', expected: sha1, found: weights.sha1 },
  );
}

interface ModelFolder {
  readonly path: string;
  /** Whether the folder is the model's alone, so that what is in it is about the model. */
  readonly own: boolean;
  readonly license?: string;
  readonly bibtex?: string;
}

/** The folder of a model that has one, and the papers in it. A shipped model has the licence of this package. */
async function folderOf(reference: string): Promise<ModelFolder> {
  if (!existsSync(reference))
    return { path: '', own: false, license: join(packageRoot, 'LICENSE') };
  const isFolder = (await stat(reference)).isDirectory();
  const path = isFolder ? reference : dirname(reference);
  if (!isFolder && !/(^|[\\/])model\.ya?ml$/.test(reference)) return { path, own: false };
  const names = await readdir(path);
  const license = names.find((name) => /^LICEN[CS]E(\.(txt|md))?$/i.test(name));
  const bibtex = names.filter((name) => name.endsWith('.bib'));
  return {
    path,
    own: true,
    ...(license ? { license: join(path, license) } : {}),
    ...(bibtex.length === 1 ? { bibtex: join(path, bibtex[0]) } : {}),
  };
}

/** Papers are short; a licence of GPL's length has 35 KiB. */
const LONGEST_TEXT = 2 ** 20;

async function textOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const { size } = requireFile(path);
  if (size > LONGEST_TEXT)
    throw new VentralError(
      'package-invalid',
      `${path} holds ${size} bytes, more than ${LONGEST_TEXT}`,
    );
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VentralError('package-invalid', `${path} is not text in UTF-8`, {
      file: path,
      cause,
    });
  }
}

function smallNote(layer: string, units: number, { regionLayerMap }: PackagedNetwork): string {
  const what = `the layer ${layer} has ${units} units, and Brain-Score's regression needs ${COMPONENTS}`;
  const regions = Object.entries(regionLayerMap ?? {}).flatMap(([region, layers]) =>
    layers === layer ? region : [],
  );
  if (regions.length > 0) return `${what}: ${regions.join(', ')} will have no score`;
  return `${what}: it is not offered for regions`;
}

function notesOf(request: PackageRequest, parts: PackageParts): string[] {
  const notes: string[] = [];
  if (request.identifier === undefined)
    notes.push(
      `the identifier ${parts.identifier} comes from the model's name; --identifier sets another`,
    );
  if (parts.network.regionLayerMap === undefined)
    notes.push(
      'the card has no region_layer_map: Brain-Score chooses the layers of the regions itself',
    );
  for (const [layer, units] of parts.network.small)
    notes.push(smallNote(layer, units, parts.network));
  if (parts.license === undefined)
    notes.push('no licence is included; add one with --license FILE');
  if (parts.bibtex === undefined)
    notes.push('no reference is included; add one with --bibtex FILE');
  return notes;
}

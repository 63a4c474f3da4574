import { existsSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, extname, join, sep } from 'node:path';
import { parseDocument } from 'yaml';
import { parseCard, type RegionLayerChoice } from '../../activations/card/card.js';
import { choicesFileOf, readChoices } from '../../activations/card/choice-files.js';
import type { ModelFile } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { editYaml, type YamlEdit } from '../../formats/yaml/edit-yaml.js';
import { CARD_KEY, getMetadata, setMetadata } from '../../onnx/metadata.js';
import { readModel, writeModel } from '../../onnx/model.js';
import type { RegionRole } from '../registry/region-benchmarks.js';

/** A map's choice for a region, as a card records it. */
export interface RoleChoice {
  readonly role: RegionRole;
  readonly record: RegionLayerChoice;
}

/** The file that holds the card of a model, and whether that is the ONNX file itself. */
export interface CardFile {
  readonly kind: 'file' | 'embedded';
  readonly path: string;
}

/**
 * Where the card of a model can be written.
 * @throws VentralError `bad-usage` for a card that stands in no file (`--assume`), and for one of the models that
 *   come with the package
 */
export async function writableCard({ name, cardPlace }: ModelFile): Promise<CardFile> {
  if (!cardPlace || !('path' in cardPlace)) {
    throw new VentralError(
      'bad-usage',
      `--commit: ${name} has no card file; save one beside the model (\`ventral card init\`), then map again`,
      { field: '--commit', expected: 'a card in a file', found: cardPlace?.kind ?? 'no card' },
    );
  }
  const path = await realpath(cardPlace.path);
  if (path.startsWith((await realpath(join(packageRoot, 'models'))) + sep)) {
    throw new VentralError(
      'bad-usage',
      `--commit: ${name} ships with ventral; copy its card and model, then map the copy`,
      { file: cardPlace.path, field: '--commit' },
    );
  }
  return { kind: cardPlace.kind, path };
}

/**
 * Writes chosen layers into a card: `region_layer_map` (for behaviour `readout`) and, beside it,
 * `region_layer_choice`, whose stimuli go to a file beside a YAML card (see `choicesFileOf`). In a YAML card only the
 * lines change that must (see `editYaml`); a card inside an ONNX file is written into its metadata, which makes it
 * another file with another digest. Whole or not at all.
 * @throws VentralError `bad-usage` where two benchmarks chose for one region, `card-invalid`, `disk-full`
 */
export async function commitChoice(
  { kind, path }: CardFile,
  choices: readonly RoleChoice[],
): Promise<void> {
  requireOneEach(choices);
  if (kind === 'file') {
    const text = await readFile(path, 'utf8');
    if (isJson(text, path)) await writeFileAtomic(path, editedCard(text, choices, path));
    else await commitBeside(text, choices, path);
    return;
  }
  const model = readModel(await readFile(path), basename(path));
  const text = editedCard(getMetadata(model, CARD_KEY) ?? '', choices, path);
  await writeFileAtomic(path, writeModel(setMetadata(model, CARD_KEY, text)));
}

/**
 * Writes the stimuli of the choices into a file beside a YAML card, then the card. The file keeps what the card named
 * before under its own digest, so that a card that is not written still has its stimuli.
 */
async function commitBeside(
  text: string,
  choices: readonly RoleChoice[],
  path: string,
): Promise<void> {
  editedCard(text, choices, path);
  const file = choicesFileOf(path);
  const before = existsSync(file) ? readChoices(file) : {};
  const kept = Object.entries(before).filter(([inputs]) => text.includes(inputs));
  const added = choices.map(({ record }) => [record.inputs, record.stimuli] as const);
  const all = Object.fromEntries([...kept, ...added]);
  await writeFileAtomic(file, `${JSON.stringify(all, null, 2)}\n`);
  const named = choices.map(({ role, record }) => {
    return { role, record: { ...record, stimuli: basename(file) } };
  });
  await writeFileAtomic(path, editedCard(text, named, path));
}

function requireOneEach(choices: readonly RoleChoice[]): void {
  for (const { role, record } of choices) {
    const other = choices.find((each) => each.role === role && each.record !== record);
    if (!other) continue;
    throw new VentralError(
      'bad-usage',
      `--commit: ${record.benchmark} and ${other.record.benchmark} both choose a layer for ${role}; map one of them`,
      { field: '--commit', expected: `one benchmark for ${role}`, found: 'two' },
    );
  }
}

function editedCard(text: string, choices: readonly RoleChoice[], path: string): string {
  const edits = choices.flatMap(({ role, record }): YamlEdit[] => [
    {
      path: role === 'behavior' ? ['readout'] : ['region_layer_map', role],
      value: record.layer,
    },
    { path: ['region_layer_choice', role], value: { ...record } },
  ]);
  let edited: string;
  try {
    edited = isJson(text, path) ? jsonOf(text, edits) : editYaml(text, edits);
  } catch (cause) {
    throw new VentralError(
      'card-invalid',
      `${path}: region_layer_map cannot be written (${(cause as Error).message})`,
      { file: path, field: '/region_layer_map', cause },
    );
  }
  parseCard(edited, path, dirname(path));
  return edited;
}

const isJson = (text: string, path: string) =>
  extname(path).toLowerCase() === '.json' || /^\s*\{/.test(text);

const jsonOf = (text: string, edits: readonly YamlEdit[]) =>
  `${JSON.stringify(parseDocument(editYaml(text, edits)).toJS(), null, 2)}\n`;

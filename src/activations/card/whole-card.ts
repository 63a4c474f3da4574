import { readFile } from 'node:fs/promises';
import { editYaml } from '../../formats/yaml/edit-yaml.js';
import { parseCard } from './card.js';
import { cardFolder } from './choice-files.js';

/**
 * The text of a card for a place without files beside it, an upload for one: the stimuli of its choices inside.
 * @throws VentralError `card-invalid`
 */
export async function wholeCard(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  const { region_layer_choice: choices = {} } = parseCard(text, path, cardFolder(path));
  const edits = Object.entries(choices).map(([role, { stimuli }]) => ({
    path: ['region_layer_choice', role, 'stimuli'],
    value: stimuli,
  }));
  return edits.length === 0 ? text : editYaml(text, edits);
}

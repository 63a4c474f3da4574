import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';

const ENDING = '.choices.json';

/** Stimuli of choices as cards record them, by the `inputs` of the choice. */
export type ChoiceStimuli = Readonly<Record<string, string>>;

/** Whether `stimuli` of a record is the name of a file: base64 has no dot. */
export const namesFile = (stimuli: string): boolean => stimuli.endsWith(ENDING);

/** Where the files of a card lie: beside the card itself, where its path is a link to it. */
export const cardFolder = (card: string): string => dirname(realpathSync(card));

/** The file beside a card for the stimuli of its choices: `net.choices.json` of `net.yaml`. */
export const choicesFileOf = (card: string): string =>
  join(dirname(card), `${basename(card, extname(card))}${ENDING}`);

/**
 * Reads a file of `choicesFileOf`.
 * @throws VentralError `card-invalid` for one that is absent or something else
 */
export function readChoices(path: string): ChoiceStimuli {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const absent = (cause as { code?: string }).code === 'ENOENT';
    throw refusal(
      path,
      absent ? 'does not exist; it belongs beside the card' : 'cannot be read',
      cause,
    );
  }
  const right =
    typeof found === 'object' &&
    found !== null &&
    Object.entries(found).every(
      ([inputs, stimuli]) =>
        inputs.startsWith('sha256:') &&
        typeof stimuli === 'string' &&
        /^[A-Za-z0-9+/]*$/.test(stimuli),
    );
  if (!right) throw refusal(path, 'is not a file of `ventral map --commit`');
  return found as ChoiceStimuli;
}

const refusal = (path: string, what: string, cause?: unknown) =>
  new VentralError('card-invalid', `${path} ${what}`, { file: path, cause });

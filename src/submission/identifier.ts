import { VentralError } from '../errors/ventral-error.js';
import { TUTORIAL } from './site-limits.js';

/** Longest identifier that is derived or taken. */
const LONGEST = 100;

/**
 * The identifier of a package: the one asked for, or one made from the model's name by the site's rules
 * (spec §8.3: no `-`, no spaces). It names a Python package and a file too, so that letters, digits and
 * underscores are all it may have.
 * @throws VentralError `package-invalid`
 */
export function packageIdentifier(asked: string | undefined, modelName: string): string {
  const identifier = asked ?? derived(modelName);
  const wrong = wrongWith(identifier);
  if (wrong === undefined) return identifier;
  const source = asked === undefined ? `made of the model's name ` : '';
  throw new VentralError(
    'package-invalid',
    `The identifier ${source}${JSON.stringify(identifier)} ${wrong}; give another one as identifier`,
    { field: '/identifier', expected: 'letters, digits and underscores', found: identifier },
  );
}

function derived(name: string): string {
  const words = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/\W+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, LONGEST);
  return /^\d/.test(words) ? `model_${words}`.slice(0, LONGEST) : words;
}

function wrongWith(identifier: string): string | undefined {
  if (identifier.length > LONGEST) return `has more than ${LONGEST} characters`;
  if (identifier.includes(TUTORIAL))
    return `contains ${TUTORIAL}, which Brain-Score's site refuses`;
  if (!/^[A-Za-z]\w*$/.test(identifier))
    return 'must start with a letter and have only letters, digits and underscores (Brain-Score refuses "-" and spaces)';
  return undefined;
}

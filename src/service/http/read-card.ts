import { cardSchema, type ModelCard, parseCard } from '../../activations/card/card.js';
import { VentralError } from '../../errors/ventral-error.js';
import { yamlProblems } from '../../formats/yaml/checked-yaml.js';
import { RequestProblem } from './problem.js';
import type { ProblemPart } from './problem-details.js';

/** Most characters of a card over HTTP. */
export const CARD_SIZE = 256 * 1024;

/**
 * Reads a card that came over HTTP, JSON or YAML. It names no place (design §7): `build` and `recipe` are
 * refused, `file` may say how the uploaded file is called and nothing more, and is not kept. The service reads
 * cards in a thread (see `DocumentReader`).
 * @throws VentralError `card-invalid` with a pointer below `/card` for each thing that is wrong, and `too-large`
 *   beyond {@link CARD_SIZE}
 */
export function readCard(text: string): ModelCard {
  if (text.length > CARD_SIZE) {
    const sentence = `The card has ${text.length} characters, the maximum is ${CARD_SIZE}`;
    throw new VentralError('too-large', sentence, { field: '/card' });
  }
  let card: ModelCard;
  try {
    card = parseCard(text, 'card');
  } catch (thrown) {
    throw pointed(VentralError.from(thrown), text);
  }
  for (const key of ['build', 'recipe'] as const) {
    if (card[key] !== undefined) throw place(key);
  }
  if (card.file !== undefined && !/^[^/\\:]+$/.test(card.file)) throw place('file');
  return withoutPaths(card);
}

/** The card without what names files beside it: over HTTP the bytes are the registered ones. */
export function withoutPaths(card: ModelCard): ModelCard {
  const { file: _file, build: _build, recipe: _recipe, ...rest } = card;
  return rest;
}

function place(key: string): VentralError {
  return new VentralError(
    'card-invalid',
    `card: \`${key}\` is a path, which a card over HTTP may not have`,
    { file: 'card', field: `/card/${key}` },
  );
}

function pointed(error: VentralError, text: string): VentralError {
  if (error.code !== 'card-invalid') return error;
  const parts = partsOf(text);
  if (parts.length > 0) return new RequestProblem('card-invalid', error.message, { parts });
  return new VentralError('card-invalid', error.message, {
    ...error.details,
    field: `/card${error.details.field ?? ''}`,
    cause: error,
  });
}

/** Violations of the schema; none if the text is not a document. */
const partsOf = (text: string): ProblemPart[] =>
  yamlProblems(text, cardSchema).map(({ pointer, sentence }) => ({
    pointer: `/card${pointer}`,
    detail: sentence,
  }));

import { type ModelCard, parseCard } from '../activations/card.js';
import { VentralError } from '../errors/ventral-error.js';

/**
 * Reads a card that came over HTTP, JSON or YAML. It names no place (design §7): `build` and `recipe` are
 * refused, `file` may say how the uploaded file is called and nothing more, and is not kept.
 * Throws `card-invalid` with a pointer below `/card`.
 */
export function readCard(text: string): ModelCard {
  let card: ModelCard;
  try {
    card = parseCard(text, 'card');
  } catch (thrown) {
    throw pointed(VentralError.from(thrown));
  }
  for (const key of ['build', 'recipe'] as const) {
    if (card[key] !== undefined) throw place(key);
  }
  if (card.file !== undefined && !/^[^/\\:]+$/.test(card.file)) throw place('file');
  return withoutPlaces(card);
}

/** The card without what names files beside it: over HTTP the bytes are the registered ones. */
export function withoutPlaces(card: ModelCard): ModelCard {
  const { file: _file, build: _build, recipe: _recipe, ...rest } = card;
  return rest;
}

function place(key: string): VentralError {
  return new VentralError(
    'card-invalid',
    `card: \`${key}\` names a place, and a card over HTTP may not`,
    { file: 'card', field: `/card/${key}` },
  );
}

function pointed(error: VentralError): VentralError {
  if (error.code !== 'card-invalid') return error;
  return new VentralError('card-invalid', error.message, {
    ...error.details,
    field: `/card${error.details.field ?? ''}`,
    cause: error,
  });
}

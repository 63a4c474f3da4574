import type { Schemas } from '../../client.js';

/** A model card as it is being filled in: what `models/card.schema.json` describes, not checked yet. */
export type Card = Schemas['Card'];

const partsOf = (pointer: string) => pointer.slice(1).split('/');

/** What stands at a JSON pointer; undefined where nothing does. */
export function valueAt(card: Card, pointer: string): unknown {
  return partsOf(pointer).reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | undefined)?.[part],
    card,
  );
}

/** The card with another value at a pointer; `undefined` takes it out, and what is empty then too. */
export function withValue(card: Card, pointer: string, value: unknown): Card {
  return put(card, partsOf(pointer), value) as Card;
}

function put(at: unknown, [part, ...rest]: readonly string[], value: unknown): unknown {
  if (Array.isArray(at)) return at.map((one, i) => (String(i) === part ? value : one));
  const { [part]: before, ...others } = (at ?? {}) as Record<string, unknown>;
  const after = rest.length === 0 ? value : put(before, rest, value);
  const gone = after === undefined || (isEmpty(after) && rest.length > 0);
  if (gone) return others;
  // A key stays where it stood.
  return { ...(at as object | undefined), [part]: after };
}

const isEmpty = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** A card that is being filled in, as its fields see it. */
export interface CardEditor {
  readonly card: Card;
  /** Whether neither the file nor a person has said yet what stands at a pointer. */
  readonly isOpen: (pointer: string) => boolean;
  /** What the service says is wrong at a pointer; empty where nothing is. */
  readonly wrong: (pointer: string) => string;
  readonly set: (pointer: string, value: unknown) => void;
}

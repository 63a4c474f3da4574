import type { Schemas } from '../../client/client.js';

/** A model card as it is being filled in: what `models/card.schema.json` describes, not checked yet. */
export type Card = Schemas['Card'];

const partsOf = (pointer: string) => pointer.slice(1).split('/');

/** What stands at a JSON pointer; undefined if nothing does. */
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

/** The keys of a card and of what is in it, in the order in which cards are written. */
const order = [
  ...['name', 'weights', 'parameters', 'family', 'training_data', 'date', 'licence'],
  ...['input', 'resize', 'to', 'mode', 'filter', 'library', 'antialias', 'crop'],
  ...['crop_rule', 'range'],
  ...[
    'mean',
    'std',
    'channels',
    'layout',
    'frames',
    'sampling',
    'visual_degrees',
    'readout',
    'logits',
    'layer',
    'classes',
    'layers',
  ],
  ...['region_layer_map', 'V1', 'V2', 'V4', 'IT', 'behavior', 'time_bins', 'region_layer_choice'],
];

/** A value of a card with its keys in the order in which cards are written; the service keeps none. */
export function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const place = (key: string) => (order.indexOf(key) + order.length + 1) % (order.length + 1);
  const entries = Object.entries(value).sort(([a], [b]) => place(a) - place(b));
  return Object.fromEntries(entries.map(([key, of]) => [key, inOrder(of)]));
}

/** A card that is being filled in, as its fields see it. */
export interface CardEditor {
  readonly card: Card;
  /** Whether neither the file nor a person has said yet what stands at a pointer. */
  readonly isOpen: (pointer: string) => boolean;
  /** What the service says is wrong at a pointer; empty if nothing is. */
  readonly wrong: (pointer: string) => string;
  readonly set: (pointer: string, value: unknown) => void;
}

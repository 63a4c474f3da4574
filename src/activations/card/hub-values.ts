import { quoted } from '../../errors/quoted.js';
import type { VentralError } from '../../errors/ventral-error.js';
import type { InputSpec, ResizeSpec } from '../../screen/preprocess.js';

/** Values of preprocessing in files that strangers wrote: each is read as what it must be, or refused by its name. */

export type Json = Readonly<Record<string, unknown>>;
export type Refuse = (field: string, expected: string, found: unknown) => VentralError;

/** What a file says of a network beside its preprocessing. */
export interface HubFacts {
  readonly family?: string;
  readonly training_data?: readonly string[];
  readonly licence?: string;
}

/** Preprocessing that a file says, with what a person should know about it. */
export interface HubConfig {
  readonly input: InputSpec;
  readonly facts?: HubFacts;
  readonly notes: readonly string[];
}

/** Largest side that a card may say. */
const MOST_SIDE = 8192;
/** Items of a list that a message shows. */
const MOST_SHOWN = 5;

/** A value and no more than the names of what is in it, which may be as deep and as long as the file. */
export function shown(value: unknown): string {
  if (!Array.isArray(value)) return plain(value);
  const more = value.length > MOST_SHOWN ? [`${value.length - MOST_SHOWN} more`] : [];
  return `[${[...value.slice(0, MOST_SHOWN).map(plain), ...more].join()}]`;
}

function plain(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (isObject(value)) return 'an object';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? quoted(value) : String(value);
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names of interpolations, and their numbers in Pillow. */
const filters: ReadonlyMap<unknown, ResizeSpec['filter']> = new Map<unknown, ResizeSpec['filter']>([
  ...(['nearest', 'lanczos', 'bilinear', 'bicubic'] as const).flatMap((name, number) => [
    [name, name] as const,
    [number, name] as const,
  ]),
]);

/** A resize of Pillow. */
export function resized(
  mode: ResizeSpec['mode'],
  to: number,
  filter: unknown,
  refuse: Refuse,
): { readonly resize: ResizeSpec } {
  const found = filters.get(filter);
  if (!found) throw refuse('interpolation', 'nearest, bilinear, bicubic or lanczos', filter);
  if (!(to >= 1 && to <= MOST_SIDE))
    throw refuse('crop_pct', `a share of the side that leaves 1 to ${MOST_SIDE} pixels`, to);
  return { resize: { to, mode, filter: found, library: 'pillow' } };
}

/** Range, mean and standard deviation, for the layout that every hub has. */
export function normalised(mean: unknown, std: unknown, range: number, refuse: Refuse) {
  const deviations = triple(std, 'std', refuse);
  if (!deviations.every((value) => value > 0)) throw refuse('std', 'three numbers above 0', std);
  return {
    range,
    mean: triple(mean, 'mean', refuse),
    std: deviations,
    layout: 'NCHW' as const,
  };
}

function triple(value: unknown, field: string, refuse: Refuse): number[] {
  if (Array.isArray(value) && value.length === 3 && value.every(Number.isFinite)) return value;
  throw refuse(field, 'three numbers', value);
}

export function positive(value: unknown, field: string, refuse: Refuse): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw refuse(field, 'a number above 0', value);
}

/** A side: a number, one or two equal ones, or `height` and `width` that are equal. */
export function square(value: unknown, field: string, refuse: Refuse): number {
  const sides = isObject(value) ? [value.height, value.width] : [value].flat();
  const [side] = sides;
  const isSide =
    typeof side === 'number' && Number.isInteger(side) && side > 0 && side <= MOST_SIDE;
  if (isSide && sides.length <= 2 && sides.every((each) => each === side)) return side;
  throw refuse(field, 'the side of a square, in pixels', value);
}

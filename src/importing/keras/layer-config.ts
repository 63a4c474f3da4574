import type { VentralError } from '../../errors/ventral-error.js';
import { type Fields, isFields } from '../source/fields.js';
import { invalidPart, unsupportedLayer } from './refusals.js';

/** No size of a layer, and no number of its channels, is larger than this. */
const LARGEST = 2 ** 24;

/** The configuration of one layer, each field checked when it is asked for. */
export class LayerConfig {
  readonly #fields: Fields;

  constructor(
    readonly file: string,
    /** Name of the layer with those of the models around it. */
    readonly layer: string,
    readonly className: string,
    fields: Fields,
    /** Keras 3 gives some names another meaning. */
    readonly keras: 2 | 3,
  ) {
    this.#fields = fields;
  }

  /** A raw field, a numpy array as numbers; undefined if it is missing or null. */
  raw(field: string): unknown {
    const value = Object.hasOwn(this.#fields, field)
      ? (this.#fields[field] ?? undefined)
      : undefined;
    // keras/src/saving/serialization_lib.py, serialize_keras_object
    if (!isFields(value) || !['__numpy__', '__tensor__'].includes(String(value.class_name)))
      return value;
    return isFields(value.config) ? (value.config.value ?? undefined) : undefined;
  }

  /** All fields, as {@link raw} gives them. */
  rawFields(): Fields {
    return Object.fromEntries(Object.keys(this.#fields).map((name) => [name, this.raw(name)]));
  }

  refuse(field: string, expected: string, found: unknown): VentralError {
    return invalidPart(this.file, `${field} of layer ${this.layer}`, expected, found);
  }

  unsupported(why?: string): VentralError {
    return unsupportedLayer(this.file, this.layer, this.className, why);
  }

  number(field: string, otherwise: number): number {
    const value = this.raw(field) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.refuse(field, 'a number', value);
  }

  flag(field: string, otherwise: boolean): boolean {
    const value = this.raw(field) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw this.refuse(field, 'true or false', value);
  }

  text(field: string, otherwise: string): string {
    const value = this.raw(field) ?? otherwise;
    if (typeof value === 'string') return value;
    throw this.refuse(field, 'a text', value);
  }

  /** A whole number of something, at least `least`. */
  count(field: string, otherwise: number, least = 1): number {
    return this.#whole(field, this.raw(field) ?? otherwise, least);
  }

  /** Two sizes, height before width; a single number gives both. */
  pair(field: string, otherwise: number | readonly number[], least = 1): readonly number[] {
    const value = this.raw(field) ?? otherwise;
    const both = Array.isArray(value) ? value : [value, value];
    if (both.length !== 2) throw this.refuse(field, 'two sizes', value);
    return both.map((one) => this.#whole(field, one, least));
  }

  /** Whole numbers, of any length up to `most`. */
  wholes(field: string, least: number, most = 8): readonly number[] {
    const value = this.raw(field);
    if (!Array.isArray(value) || value.length > most) {
      throw this.refuse(field, `a list of at most ${most} whole numbers`, value);
    }
    return value.map((one) => this.#whole(field, one, least));
  }

  /** Whether the channels are last, as by default. */
  channelsLast(): boolean {
    const format = this.text('data_format', 'channels_last');
    if (format === 'channels_last') return true;
    if (format === 'channels_first') return false;
    throw this.refuse('data_format', 'channels_last or channels_first', format);
  }

  /** Name of an activation, written as text or, by Keras 3, as an object. */
  activation(field = 'activation'): string {
    const value = this.raw(field) ?? 'linear';
    if (typeof value === 'string') return value;
    const config = isFields(value) ? value.config : undefined;
    if (typeof config === 'string') return config;
    throw this.unsupported(
      `with the activation ${JSON.stringify(value).slice(0, 60)}, which the import does not know`,
    );
  }

  #whole(field: string, value: unknown, least: number): number {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= LARGEST) {
      return value as number;
    }
    throw this.refuse(field, `a whole number from ${least} to ${LARGEST}`, value);
  }
}

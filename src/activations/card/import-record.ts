import { getMetadata } from '../../onnx/metadata.js';
import type { Model } from '../../onnx/model.js';

/** Key of `metadata_props` with the origin of an imported network. */
export const IMPORT_KEY = 'ventral.import';

/** Record of an import: JSON under {@link IMPORT_KEY}. */
export interface ImportRecord {
  readonly source: { readonly file: string; readonly format: string; readonly path?: string };
  readonly onto: { readonly [key: string]: string };
  /** Whether its layers were compared with those of the source. */
  readonly proved: boolean;
  readonly proof?: {
    readonly by: string;
    readonly tolerance: number;
    readonly layers: number;
    readonly largest: {
      readonly layer: string;
      readonly difference: number;
      readonly relative: number;
    };
  };
  /** Mean and standard deviation, one a channel, that the checkpoint's network normalised its input with. */
  readonly normalizer?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** Path of the head that was left out, as asked; empty where nothing names it. */
  readonly withoutHead?: string;
  readonly notes: readonly string[];
}

/** Whether a file says that its head was left out when it was imported. */
export function importedWithoutHead(model: Model): boolean {
  try {
    return typeof JSON.parse(getMetadata(model, IMPORT_KEY) ?? '{}').withoutHead === 'string';
  } catch {
    return false;
  }
}

/** The mean and standard deviation that a file says its input was normalised with; anybody may have written it. */
export function importedNormalizer(model: Model): ImportRecord['normalizer'] {
  try {
    const { normalizer } = JSON.parse(getMetadata(model, IMPORT_KEY) ?? '{}');
    const { mean, std } = normalizer ?? {};
    return isTriple(mean) && isTriple(std) && std.every((each) => each > 0)
      ? { mean, std }
      : undefined;
  } catch {
    return undefined;
  }
}

const isTriple = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length === 3 && value.every((each) => Number.isFinite(each));

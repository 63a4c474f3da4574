import type { RandomState } from '../../numerics/random/random-state.js';
import type { Frame } from './frame.js';
import type { ParameterSchema } from './transform.js';

/** Random numbers of a mix: one stream for the batch, and one for each of its images. */
export interface MixStreams {
  readonly batch: RandomState;
  picture(inBatch: number): RandomState;
}

/** A batch after its images were mixed with each other, or with changed versions of themselves. */
export interface Mixed {
  /** A list of the length of the batch for each view. */
  readonly views: readonly (readonly Frame[])[];
  /** For each image: which of the batch it is mixed with. */
  readonly partners: Int32Array;
  /** For each image: share of its label; the partner's label gets the rest. */
  readonly shares: Float64Array;
}

/** Mixes images that all have the same size. */
export type Mix = (frames: readonly Frame[], streams: MixStreams) => Mixed;

/** A mix that a recipe can name. */
export interface MixKind {
  readonly schema: {
    readonly type: 'object';
    readonly additionalProperties: false;
    readonly properties: Readonly<Record<string, ParameterSchema>>;
  };
  /** Views of each image that the network sees. */
  readonly views: 1 | 3;
  /** Takes parameters that follow the schema, none missing; throws `recipe-invalid` where they contradict. */
  make(parameters: unknown): Mix;
}

/** A batch whose images keep their labels. */
export function unmixed(views: Mixed['views']): Mixed {
  const count = views[0].length;
  return {
    views,
    partners: Int32Array.from({ length: count }, (_, i) => i),
    shares: new Float64Array(count).fill(1),
  };
}

/** A kind of mix; `make` takes parameters that follow the schema. */
export function mixKind<P>(
  views: 1 | 3,
  properties: Readonly<Record<string, ParameterSchema>>,
  make: (parameters: P) => Mix,
): MixKind {
  return {
    schema: { type: 'object', additionalProperties: false, properties },
    views,
    make: (parameters) => make(parameters as P),
  };
}

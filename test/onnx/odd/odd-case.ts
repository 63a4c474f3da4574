import type { ModelCard } from '../../../src/activations/card/card.js';
import type { ErrorCode } from '../../../src/errors/codes.js';
import type { Odd, RawModel } from './raw-graph.js';

/** A graph that an exporter, a person or a tool may have written, and what is expected of it. */
export interface OddCase {
  readonly name: string;
  /** Writes the graph; gives what the model says beside it. */
  readonly make: (graph: Odd) => RawModel | undefined;
  readonly card?: {
    readonly input?: Partial<ModelCard['input']>;
    readonly trials?: number;
  };
  /** Values that are offered as layers, in order. */
  readonly values?: readonly string[];
  /** Modules, by the value that each is. */
  readonly modules?: Readonly<Record<string, string>>;
  /** Layers that are refused, by name or when they are computed: what the sentence says. */
  readonly refused?: Readonly<Record<string, RegExp>>;
  /** Images in one call, where they are not as many as for other graphs whose batch is free. */
  readonly batch?: number;
  /** Set where the whole file is refused. */
  readonly file?: readonly [code: ErrorCode, sentence: RegExp];
}

/** The values of the stem. */
export const STEM = ['image', 'c', 'r'];

import type { Tensor } from '../../runtime/session.js';

/** A layer of the source and the value of the ONNX graph that must hold the same numbers. */
export interface MatchedLayer {
  /** As the source calls it. */
  readonly layer: string;
  /** Name of the value in the graph. */
  readonly value: string;
  /** Values that may be the layer's instead: a source may hold a batch norm and its activation in one module. */
  readonly otherwise?: readonly string[];
  /** How the source's axes are in the graph's value; the identity where undefined: `[0, 3, 1, 2]` for NHWC in NCHW. */
  readonly axes?: readonly number[];
}

/** The source network in its own runtime. */
export interface SourceRuntime {
  /** Such as `@tensorflow/tfjs 4.22.0 (cpu)`. */
  readonly name: string;
  /** The shape of one input image batch with the batch first, as the source takes it. */
  readonly dims: readonly number[];
  /** Runs one batch; gives each matched layer's output, one at a time, so that few are in memory. */
  run(input: Tensor): AsyncIterable<{ readonly layer: string; readonly output: Tensor }>;
  /** What running it has shown, for the report; complete after {@link run}. */
  remarks?(): readonly string[];
  close(): Promise<void>;
}

/** A network read from another framework's file. */
export interface Imported {
  /** ONNX bytes; one input, its batch free. */
  readonly model: Uint8Array;
  readonly layers: readonly MatchedLayer[];
  /** The source to prove against; undefined if no runtime of it is available. */
  readonly source?: SourceRuntime;
  /** How an input for the ONNX lies for the source: `[0, 2, 3, 1]` where the source takes NHWC and the graph NCHW. */
  readonly inputAxes?: readonly number[];
  /** Mean and deviation, one a channel, with which an image of 0 to 1 becomes the input. */
  readonly normalizer?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** Notes for the user about the import, such as folded batch norms. */
  readonly notes: readonly string[];
}

/** A size that may be left open. */
export type Size = number | null;

/** A network of Keras's as TensorFlow.js loads it, so that a runtime of its own can run it. */

/** What TensorFlow.js's loaders take. */
export interface ModelArtifacts {
  readonly modelTopology: object;
  readonly weightSpecs: readonly WeightSpec[];
  readonly weightData: ArrayBuffer;
}

/** One tensor of the weight data. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32';
}

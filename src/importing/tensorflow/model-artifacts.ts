/** A Keras network in the format that TensorFlow.js loads. */

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

/** A transformation of a list: its name (albumentations' or torchvision's) and their parameters. */
export type TransformSpec = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** How images become batches. */
export interface FeedSpec {
  /** Pixels of a side of what the network sees. */
  readonly side: number;
  readonly batch: number;
  /** In this order, each image on its own. */
  readonly augment: readonly TransformSpec[];
  /** At most one of CutMix, CutMixPatch, MixUp and AugMix, for a whole batch. */
  readonly mix?: TransformSpec;
  /** Share of the target that is spread over all classes. */
  readonly label_smoothing: number;
  readonly seed: number;
  /** Threads that make batches beside the step; 0 makes them here. Changes no bit. */
  readonly workers: number;
}

/** Images that a step is made of. */
export interface TrainingBatch {
  /**
   * [views · batch, 3, side, side] in [0, 1]. With AugMix there are three views: all clean images, then all of
   * the first mixture, then all of the second.
   */
  readonly pictures: Float32Array;
  readonly views: 1 | 3;
  /** [batch, classes]: rows sum to 1. */
  readonly targets: Float32Array;
  /** Class of each image before anything was mixed. */
  readonly labels: Int32Array;
  /** Positions in the set. */
  readonly indices: Int32Array;
}

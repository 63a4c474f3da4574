/** Two-alternative trials in the order in which they were made (it feeds the shuffle of the metric). */
export interface SimulatedTrials {
  readonly stimulusIds: readonly string[];
  /** `sample_obj`, `dist_obj` and `choice` of each trial. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

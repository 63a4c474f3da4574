import type { StimulusSet } from '../../data/stimulus-set.js';
import type { Protocol } from '../../properties/protocol.js';

/** The stimuli of a run, and the degrees of visual angle at which each was shown. */
export interface Shown {
  readonly stimuli: StimulusSet;
  /** One a stimulus; undefined leaves the images as they are (Geirhos2021's top-1). */
  readonly degrees: readonly number[] | undefined;
  /** Where the set maps receptive fields: the order that its stimuli stand in. */
  readonly protocol?: Protocol;
}

import type { SimulatedRecordings } from './simulated-recordings.js';
import type { SimulatedStimuli } from './simulated-stimuli.js';
import type { SimulatedTrials } from './simulated-trials.js';

/** What a generator makes: stimuli, and recordings or trials on them. */
export interface Simulated {
  readonly stimuli: SimulatedStimuli;
  /** For a read-out; images of the same objects, none of them among `stimuli`. */
  readonly fittingStimuli?: SimulatedStimuli;
  readonly recordings?: SimulatedRecordings;
  readonly trials?: SimulatedTrials;
}

import { serveParent } from '../child/serve-parent.js';

/** A question about the data of a benchmark, for the process that may open them. */
export type StimulusTask = {
  /** Path of a benchmark file. */
  readonly file: string;
  /** Which of the benchmarks in it; without it all, which show the same stimuli. */
  readonly id?: string;
  readonly home: string;
} & (
  | { readonly kind: 'describe' }
  | {
      readonly kind: 'rows';
      readonly set: 'test' | 'fitting';
      /** Row to begin with, from 0, and how many. */
      readonly from: number;
      readonly count: number;
    }
  | {
      readonly kind: 'pictures';
      readonly set: 'test' | 'fitting';
      readonly stimuli: readonly string[];
      /** Visual angle of the screen; without it as they are stored. */
      readonly degrees?: number;
    }
);

serveParent<StimulusTask>(async () => {
  const { answerStimulusTask } = await import('./stimulus-questions.js');
  return answerStimulusTask;
});

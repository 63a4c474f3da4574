/** One line of `metrics.jsonl`: no clock, so that a run that was resumed has the bytes of one that was not. */
export type TrainingEvent =
  | {
      readonly kind: 'step';
      readonly stage: string;
      readonly epoch: number;
      /** Of the stage, from 0. */
      readonly step: number;
      readonly loss: number;
      readonly rate: number;
      /** Radius of the attack in this step. */
      readonly epsilon?: number;
    }
  | {
      readonly kind: 'epoch';
      readonly stage: string;
      readonly epoch: number;
      readonly loss: number;
      /** Of the training images as they were shown; absent if labels were mixed. */
      readonly accuracy?: number;
      readonly validation: {
        readonly loss: number;
        readonly accuracy: number;
        /** Under the stage's attack; absent if it has none. */
        readonly robustAccuracy?: number;
      };
      /** File in the run folder. */
      readonly checkpoint: string;
    }
  | {
      readonly kind: 'average';
      readonly stage: string;
      readonly of: readonly string[];
      readonly checkpoint: string;
    }
  | {
      readonly kind: 'robustness';
      /** A stage's name, or `untrained`. */
      readonly checkpoint: string;
      readonly attack: string;
      readonly norm: 'Linf' | 'L2';
      readonly epsilon: number;
      readonly correct: number;
      readonly count: number;
      /** Of the share, 95 % (Clopper and Pearson 1934). */
      readonly interval: readonly [number, number];
    }
  | {
      readonly kind: 'score';
      /** A stage's name, `untrained`, or `pixels`. */
      readonly checkpoint: string;
      readonly benchmark: string;
      readonly simulated: boolean;
      readonly value: number | null;
      readonly ci?: readonly [number, number];
      /** Why there is no value. */
      readonly reason?: string;
    }
  | {
      readonly kind: 'comparison';
      readonly stage: string;
      readonly with: string;
      /** A benchmark, `accuracy`, or `pgd-20 Linf 0.031`. */
      readonly measure: string;
      readonly simulated: boolean;
      readonly seeds: readonly number[];
      /** Of `stage` less `with`, a seed each. */
      readonly differences: readonly number[];
      readonly mean: number;
      /** 95 %, Student's t over the seeds. */
      readonly interval: readonly [number, number];
    }
  | {
      /** A note for the report: what is frozen, why a stage ended early. */
      readonly kind: 'note';
      readonly stage: string;
      readonly text: string;
    };

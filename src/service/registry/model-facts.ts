import type { components } from '../../api/schema.js';
import type { ModelFacts } from '../../scoring/model/model-facts.js';

type Shown = Pick<components['schemas']['Model'], 'weights' | 'metadata'>;

/** What is known of a model as HTTP shows it, in one order wherever it was read. */
export const factsShown = ({
  weights,
  parameters,
  family,
  trainingData,
  date,
  licence,
}: ModelFacts): Shown => ({
  weights,
  metadata: {
    parameters,
    family,
    trainingData: trainingData && [...trainingData],
    date,
    licence,
  },
});

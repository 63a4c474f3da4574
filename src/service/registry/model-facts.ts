import type { components } from '../../api/schema.js';
import type { ModelFacts } from '../../scoring/model/model-facts.js';

type Shown = Pick<components['schemas']['Model'], 'weights' | 'metadata'>;

/** What is known of a model as HTTP shows it. */
export const factsShown = ({ weights, ...facts }: ModelFacts): Shown => ({
  weights,
  metadata: { ...facts, trainingData: facts.trainingData && [...facts.trainingData] },
});

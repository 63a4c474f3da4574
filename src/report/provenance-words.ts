import type { weightsWords } from '../figure/provenance.js';

export { featuresWord, weightsWords, withWeights } from '../figure/provenance.js';

/** Where the weights of a model come from, as its card says it. */
export type Weights = keyof typeof weightsWords;

import { DRAWS } from '../draws/drawn-units.js';
import { HALVES_SEED } from '../measure/halves.js';
import type { OpenMap } from './open-map.js';

/** How the layer of a benchmark was chosen among so many. */
export const methodOf = (layers: number, { half }: Pick<OpenMap, 'half'>): string =>
  `highest value of ${layers} layers on ${half ? `a random half of the stimuli (seed ${HALVES_SEED})` : 'all stimuli'}`;

/** How a map chose, and how Brain-Score chooses. */
export const selectionSentence = ({
  half,
  components,
  nested,
}: Pick<OpenMap, 'half' | 'components' | 'nested'>): string =>
  `The layers were chosen on ${half ? `a random half of the stimuli (seed ${HALVES_SEED})` : 'all stimuli'} by the highest value; ` +
  'tied are those whose simultaneous 95 % interval (max-T over layers, ' +
  `${DRAWS.toLocaleString('en')} draws) of the difference ` +
  `contains 0. ${nested ? `${NESTED} ` : ''}${componentsSentence(components)}`;

const NESTED =
  'Nested values choose the layer of each split within its training part, and are of test stimuli that the choice did not see.';

const componentsSentence = (components: OpenMap['components']) =>
  components
    ? `The layers on ${components.count} principal components, fitted on as many images of ${components.shown.stimuli.identifier}, were chosen by Brain-Score's rule, the highest value, the first of equals.`
    : 'Brain-Score itself chooses on activations reduced to 1000 principal components, ventral on full ones.';

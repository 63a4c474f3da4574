/** A metric in words, and how raw value and ceiling become the score. */
export interface MetricWords {
  readonly name: string;
  readonly words: string;
  /** The un-ceiled value. */
  readonly raw: string;
  readonly formula: 'squared' | 'ratio' | 'root' | 'clipped' | 'raw';
}

const regression = (name: string, how: string): MetricWords => ({
  name,
  words: `${how} predicts each neuroid from the units of the layer, fitted on the training stimuli of each split. On the test stimuli r is Pearson’s between what was predicted and what was recorded.`,
  raw: 'mean over splits of the median r over neuroids',
  formula: 'squared',
});
const similarity = (name: string, words: string): MetricWords => ({
  name,
  words,
  raw: 'mean over splits',
  formula: 'ratio',
});
const readOut = (name: string, grain: string): MetricWords => ({
  name,
  words: `A multinomial logistic regression on the read-out layer is fitted on pictures of its own and gives the probability of each object. From it and from people’s choices come discriminabilities d′ ${grain}; r is between the two over all cells with data.`,
  raw: 'mean over random halves of the trials of r',
  formula: 'root',
});

const words: Readonly<Record<string, MetricWords>> = {
  pls: regression('Partial least squares', 'Partial least squares regression'),
  linear: regression('Linear regression', 'Ordinary least squares'),
  ridge: regression('Ridge regression', 'Ridge regression with one penalty'),
  ridgecv: regression('Ridge regression', 'Ridge regression with a cross-validated penalty'),
  'dual-ridge': regression('Ridge regression', 'Ridge regression, solved over stimuli,'),
  'dual-ridgecv': regression(
    'Ridge regression',
    'Ridge regression, solved over stimuli with a cross-validated penalty,',
  ),
  'neuron-to-neuron': regression(
    'Best single unit',
    'The one unit that correlates most on the training stimuli',
  ),
  'reverse-pls': {
    ...regression('Reverse partial least squares', ''),
    words:
      'Partial least squares regression predicts each unit of the layer from the neuroids, fitted on the training stimuli of each split; r is Pearson’s on the test stimuli.',
    raw: 'mean over splits of the median r over units',
  },
  rdm: similarity(
    'Representational dissimilarity',
    'Dissimilarities (1 − r) between all pairs of stimuli, in the layer and in the recordings, compared by Spearman’s correlation.',
  ),
  'rdm-cv': similarity(
    'Representational dissimilarity',
    'Dissimilarities (1 − r) between the pairs of test stimuli of each split, in the layer and in the recordings, compared by Spearman’s correlation.',
  ),
  cka: similarity(
    'Centred kernel alignment',
    'Linear centred kernel alignment of the stimuli in the layer and in the recordings.',
  ),
  'cka-cv': similarity(
    'Centred kernel alignment',
    'Linear centred kernel alignment of the test stimuli of each split in the layer and in the recordings.',
  ),
  i1: readOut('Image-level performance (i1)', 'of each picture against all other objects'),
  i1n: readOut(
    'Image-level performance, normalised (i1n)',
    'of each picture against all other objects, minus the mean of its object',
  ),
  i2: readOut('Image-level confusions (i2)', 'of each picture against each other object'),
  i2n: readOut(
    'Image-level confusions, normalised (i2n)',
    'of each picture against each other object, minus the mean of its object for that distractor',
  ),
  o1: readOut('Object-level performance (o1)', 'of each object against all others'),
  o2: readOut('Object-level confusions (o2)', 'of each object against each other one'),
  'error-consistency': {
    name: 'Error consistency',
    words:
      'Cohen’s κ of being right or wrong on the same pictures as a person, by subject and condition: (observed − expected) / (1 − expected) agreement.',
    raw: 'mean over conditions, then subjects, of κ',
    formula: 'clipped',
  },
  accuracy: {
    name: 'Accuracy',
    words: 'The share of pictures whose class the network’s own head names.',
    raw: 'share of right answers',
    formula: 'raw',
  },
};

/** A metric by the name that benchmark files give it. */
export const metricWords = (name: string): MetricWords =>
  words[name] ?? { name, words: '', raw: 'raw', formula: 'raw' };

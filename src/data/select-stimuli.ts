import type { StimulusSet } from './stimulus-set.js';

/** The rows `index` of a stimulus set, in that order; images are still read from the whole set. */
export function selectStimuli(stimuli: StimulusSet, index: readonly number[]): StimulusSet {
  const { computed } = stimuli;
  return {
    identifier: stimuli.identifier,
    ids: index.map((row) => stimuli.ids[row]),
    columns: new Map(
      [...stimuli.columns].map(([name, column]) => [
        name,
        { ...column, values: index.map((row) => column.values[row]) },
      ]),
    ),
    hasImages: stimuli.hasImages,
    filename: (row) => stimuli.filename(index[row]),
    read: (row) => stimuli.read(index[row]),
    ...(computed && {
      computed: {
        pixels: (row) => computed.pixels(index[row]),
        digest: (row) => computed.digest(index[row]),
      },
    }),
    close: () => stimuli.close(),
  };
}

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
    ...(stimuli.frames && { frames: (row: number) => stimuli.frames?.(index[row]) }),
    filename: (row, frame) => stimuli.filename(index[row], frame),
    read: (row, frame) => stimuli.read(index[row], frame),
    ...(computed && {
      computed: {
        pixels: (row) => computed.pixels(index[row]),
        digest: (row) => computed.digest(index[row]),
      },
    }),
    close: () => stimuli.close(),
  };
}

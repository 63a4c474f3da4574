import type { Column } from '../data/column.js';
import { encodeGreyPng } from '../data/simulated/png.js';
import { type StimulusSet, stimulusSetOf } from '../data/stimulus-set.js';
import { digestOf } from '../formats/digest.js';
import { blankPixels, gratingPixels } from './grating.js';
import { type GratingStimulus, gratingSets, stimuliOfSet } from './grating-sets.js';

/** Raised whenever a pixel changes on equal parameters. */
const VERSION = 1;

/** Columns of the parameters of a grating; a blank has none. */
const parameters = {
  position_y: 'positionY',
  position_x: 'positionX',
  contrast: 'contrast',
  radius: 'radius',
  spatial_frequency: 'spatialFrequency',
  orientation: 'orientation',
  phase: 'phase',
} as const;

/**
 * The 9,097 stimuli of Marques2020's grating sets as one stimulus set, with the parameters as columns. Nothing is on
 * disk: an image is computed when it is asked for. Ids are the set and the position in it, `orientation-0`.
 */
export function gratingStimuli(): StimulusSet {
  const stimuli = gratingSets.flatMap((set) =>
    stimuliOfSet(set).map((stimulus, i) => ({ id: `${set}-${i}`, ...stimulus })),
  );
  const text = (name: string, values: readonly string[]): Column => ({
    name,
    dtype: 'string',
    values,
  });
  const number = (name: string, values: readonly number[]): Column => ({
    name,
    dtype: 'float64',
    values,
  });
  const columns = [
    text(
      'stimulus_id',
      stimuli.map(({ id }) => id),
    ),
    text(
      'filename',
      stimuli.map(({ id }) => `${id}.png`),
    ),
    text(
      'set',
      stimuli.map(({ set }) => set),
    ),
    number(
      'degrees',
      stimuli.map(({ canvas }) => canvas.degrees),
    ),
    ...Object.entries(parameters).map(([name, key]) =>
      number(
        name,
        stimuli.map(({ grating }) => grating?.[key] ?? Number.NaN),
      ),
    ),
  ];
  const pixels = (row: number) => {
    const { width, height } = stimuli[row].canvas;
    return { width, height, data: pixelsOf(stimuli[row]) };
  };
  const set = stimulusSetOf('marques2020-gratings', columns, async (row) => {
    const { width, height, data } = pixels(row);
    return encodeGreyPng(width, height, data);
  });
  return { ...set, computed: { pixels, digest: (row) => digestOfStimulus(stimuli[row]) } };
}

const pixelsOf = ({ grating, canvas }: GratingStimulus): Uint8Array =>
  grating ? gratingPixels(grating, canvas) : blankPixels(canvas);

const digestOfStimulus = ({ grating, canvas }: GratingStimulus): string =>
  digestOf({ version: VERSION, canvas: { ...canvas }, grating: grating && { ...grating } }).replace(
    'sha256:',
    '',
  );

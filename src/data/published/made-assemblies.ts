import type { Assembly, Coordinate } from '../assembly.js';
import type { Cell } from './converter.js';

/** A recorded neuron, site or cell. */
export interface Neuroid {
  readonly id: string;
  readonly region: 'V1' | 'V2' | 'V4' | 'IT';
  readonly animal: string;
}

/** Recordings as publications have them: a value by stimulus, repetition and neuroid, NaN where there is none. */
export interface RecordedBlock {
  readonly stimulusIds: readonly string[];
  readonly repetitions: number;
  readonly neuroids: readonly Neuroid[];
  value(stimulus: number, repetition: number, neuroid: number): number;
}

/** The assembly presentation × neuroid of a block; presentations without any value are left out. */
export function recordedAssembly(block: RecordedBlock): Assembly {
  const { stimulusIds, repetitions, neuroids } = block;
  const shown = stimulusIds.flatMap((_, stimulus) =>
    Array.from({ length: repetitions }, (_, repetition) => ({ stimulus, repetition })).filter(
      ({ repetition }) =>
        neuroids.some((_, unit) => !Number.isNaN(block.value(stimulus, repetition, unit))),
    ),
  );
  const values = new Float64Array(shown.length * neuroids.length);
  shown.forEach(({ stimulus, repetition }, row) => {
    for (let unit = 0; unit < neuroids.length; unit++)
      values[row * neuroids.length + unit] = block.value(stimulus, repetition, unit);
  });
  const text = (dim: string, all: readonly string[]): Coordinate => ({
    dim,
    dtype: 'string',
    values: all,
  });
  return {
    dims: ['presentation', 'neuroid'],
    shape: [shown.length, neuroids.length],
    dtype: 'float64',
    values,
    coords: new Map([
      [
        'stimulus_id',
        text(
          'presentation',
          shown.map(({ stimulus }) => stimulusIds[stimulus]),
        ),
      ],
      [
        'repetition',
        {
          dim: 'presentation',
          dtype: 'int64',
          values: shown.map(({ repetition }) => repetition),
        },
      ],
      [
        'neuroid_id',
        text(
          'neuroid',
          neuroids.map(({ id }) => id),
        ),
      ],
      [
        'region',
        text(
          'neuroid',
          neuroids.map(({ region }) => region),
        ),
      ],
      [
        'animal',
        text(
          'neuroid',
          neuroids.map(({ animal }) => animal),
        ),
      ],
    ]),
    attributes: {},
  };
}

/** A dissimilarity matrix of a subject, row-major and symmetric. */
export interface SubjectRdm {
  readonly subject: string;
  readonly data: ArrayLike<number>;
}

/** The table of dissimilarities of subjects over the same stimuli: a row a pair, a column a subject. */
export function rdmTable(
  stimulusIds: readonly string[],
  rdms: readonly SubjectRdm[],
): { readonly header: readonly string[]; readonly rows: readonly (readonly Cell[])[] } {
  const n = stimulusIds.length;
  const rows: Cell[][] = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++)
      rows.push([stimulusIds[i], stimulusIds[j], ...rdms.map(({ data }) => data[i * n + j])]);
  }
  return { header: ['stimulus_1', 'stimulus_2', ...rdms.map(({ subject }) => subject)], rows };
}

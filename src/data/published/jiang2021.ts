import { encodeGreyPng } from '../simulated/png.js';
import type { Converter, Outputs, Sources } from './converter.js';
import { type Neuroid, recordedAssembly } from './made-assemblies.js';
import { hdf5Array, npyArray, odd, type SourceArray } from './source-arrays.js';

/**
 * Jiang, Li and Tang 2021: ΔF/F0 of cells of macaque V4 in two monkeys, on 160 contours and 60 gratings. MATLAB's
 * cell × repetition × stimulus is stimulus × repetition × cell in HDF5, and images lie on their side.
 */
const MONKEYS = ['A', 'B'] as const;
const SETS = ['Contour', 'Grating'] as const;
/** Contours by their number: 16 bars, 48 corners, 64 curves, 32 shapes of π. */
const KINDS = [
  ['bar', 16],
  ['corner', 64],
  ['curve', 128],
  ['pi', 160],
] as const;

const idsOf = (set: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${set.toLowerCase()}${String(i + 1).padStart(3, '0')}`);
const kindOf = (set: string, i: number) =>
  set === 'Grating' ? 'grating' : (KINDS.find(([, last]) => i < last)?.[0] ?? 'contour');

export const jiang2021: Converter = async (sources, outputs) => {
  const responses = new Map<string, SourceArray>();
  for (const monkey of MONKEYS) {
    for (const set of SETS)
      responses.set(`${set}${monkey}`, await responsesOf(sources, `Rsp${set}${monkey}`));
  }
  const of = (set: string, monkey: string) => responses.get(set + monkey) as SourceArray;
  const counts = SETS.map((set) => of(set, 'A').shape[0]);
  const ids = SETS.flatMap((set, k) => idsOf(set, counts[k]));
  for (const set of SETS) {
    if (of(set, 'A').shape[0] !== of(set, 'B').shape[0])
      odd(`Rsp${set}`, 'as many stimuli for both monkeys', of(set, 'B').shape.join(' × '));
  }
  const stimuli = { identifier: 'Jiang2021', kind: 'stimuli' } as const;
  await outputs.table(
    { ...stimuli, role: 'csv' },
    ['stimulus_id', 'filename', 'kind'],
    SETS.flatMap((set, k) =>
      idsOf(set, counts[k]).map((id, i) => [id, `${id}.png`, kindOf(set, i)]),
    ),
  );
  await writePictures(sources, outputs);
  const units = MONKEYS.map((monkey) => of('Contour', monkey).shape[2]);
  const neuroids: Neuroid[] = MONKEYS.flatMap((animal, k) =>
    Array.from({ length: units[k] }, (_, i) => ({
      id: `${animal}${String(i + 1).padStart(3, '0')}`,
      region: 'V4' as const,
      animal,
    })),
  );
  await outputs.assembly(
    { identifier: 'Jiang2021', kind: 'recordings', role: 'nc' },
    recordedAssembly({
      stimulusIds: ids,
      repetitions: Math.max(...[...responses.values()].map(({ shape }) => shape[1])),
      neuroids,
      value(stimulus, repetition, neuroid) {
        const [set, row] = stimulus < counts[0] ? [0, stimulus] : [1, stimulus - counts[0]];
        const [monkey, unit] = neuroid < units[0] ? [0, neuroid] : [1, neuroid - units[0]];
        const { shape, data } = of(SETS[set], MONKEYS[monkey]);
        const [, times, cells] = shape;
        return repetition < times ? data[(row * times + repetition) * cells + unit] : Number.NaN;
      },
    }),
  );
};

async function responsesOf(sources: Sources, name: string): Promise<SourceArray> {
  return sources.form === 'authors'
    ? hdf5Array(sources.path(`${name}.mat`), name, 3)
    : npyArray(sources.path(`${name}_stim_rep_cell_f32.npy`), 3);
}

async function writePictures(sources: Sources, outputs: Outputs): Promise<void> {
  const of = { identifier: 'Jiang2021', kind: 'stimuli', role: 'images' } as const;
  if (sources.form !== 'authors') return outputs.copy(of, sources.path('stimuli_100px.zip'));
  const sets: { ids: string[]; images: SourceArray }[] = [];
  for (const set of SETS) {
    const images = await hdf5Array(sources.path(`Stim${set}.mat`), `Stim${set}`, 3);
    sets.push({ ids: idsOf(set, images.shape[0]), images });
  }
  const pictures = sets.flatMap(({ ids, images }) =>
    ids.map((id, i) => ({ name: `${id}.png`, data: upright(images, i) })),
  );
  await outputs.pictures(of, pictures);
}

/** The image of a stimulus, rows from the top: stored column by column. */
function upright({ shape: [, width, height], data }: SourceArray, image: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) pixels[y * width + x] = data[(image * width + x) * height + y];
  }
  return encodeGreyPng(width, height, pixels);
}

import { readFile } from 'node:fs/promises';
import { readCsv } from '../../formats/csv.js';
import { type MatValue, readMat5 } from '../../formats/matlab/mat5.js';
import { openNpz } from '../../formats/npz.js';
import { encodeRgbPng } from '../simulated/png.js';
import type { Converter, Outputs, Sources } from './converter.js';
import { rdmTable, type SubjectRdm } from './made-assemblies.js';
import { hdf5Array, odd } from './source-arrays.js';

/**
 * The 92 images of Kriegeskorte et al. 2008 with dissimilarities of monkey IT, human IT and people's arrangements, and
 * of the early visual cortex and IT of fifteen people (Cichy et al. 2014; the training sets of Algonauts 2019).
 */

const IMAGES = 92;
const idsOf = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1));
const subjectsOf = (rdms: readonly ArrayLike<number>[]): SubjectRdm[] =>
  rdms.map((data, i) => ({ subject: `subject${String(i + 1).padStart(2, '0')}`, data }));

function writeRdms(
  outputs: Outputs,
  identifier: string,
  ids: readonly string[],
  rdms: readonly SubjectRdm[],
): Promise<void> {
  const { header, rows } = rdmTable(ids, rdms);
  return outputs.table({ identifier, kind: 'rdms', role: 'csv' }, header, rows);
}

export const kriegeskorte2008: Converter = async (sources, outputs) => {
  const ids = idsOf(IMAGES);
  const found = sources.form === 'authors' ? await ofAuthors(sources) : await ofArrays(sources);
  const stimuli = { identifier: 'Kriegeskorte2008', kind: 'stimuli' } as const;
  const flags = ['human', 'face', 'animal', 'natural'];
  await outputs.table(
    { ...stimuli, role: 'csv' },
    ['stimulus_id', 'filename', 'category', ...flags],
    ids.map((id, i) => [id, nameOf(i), ...found.labels[i]]),
  );
  await found.pictures(outputs);
  await writeRdms(outputs, 'Kriegeskorte2008.monkey-IT', ids, [
    { subject: 'monkeys', data: found.monkeys },
  ]);
  await writeRdms(outputs, 'Kriegeskorte2008.human-IT', ids, subjectsOf(found.people));
  await writeRdms(outputs, 'Kriegeskorte2008.judgements', ids, subjectsOf(found.judges));
};

const nameOf = (i: number) => `image_${String(i + 1).padStart(2, '0')}.png`;

interface Found {
  /** Category, and whether the image shows a human, a face, an animal, something natural. */
  readonly labels: readonly (readonly (string | number)[])[];
  readonly monkeys: ArrayLike<number>;
  /** Mean of the two sessions of each. */
  readonly people: readonly ArrayLike<number>[];
  readonly judges: readonly ArrayLike<number>[];
  pictures(outputs: Outputs): Promise<void>;
}

const PICTURES = { identifier: 'Kriegeskorte2008', kind: 'stimuli', role: 'images' } as const;

async function ofAuthors(sources: Sources): Promise<Found> {
  const read = async (name: string, variable: string) => {
    const path = sources.path(sources.files.find((file) => file.endsWith(name)) as string);
    const value = readMat5(await readFile(path), path, [variable]).get(variable);
    return value?.kind === 'struct'
      ? { ...value, path }
      : odd(path, `a struct ${variable}`, value?.kind ?? 'nothing');
  };
  const supplement = 'Kriegeskorte_Neuron2008_supplementalData.mat';
  const images = await read(supplement, 'stimuli_92objs');
  const figure = await read(supplement, 'RDMs_mIT_hIT_fig1');
  const brains = await read('92_brainRDMs.mat', 'RDMs');
  const judges = await read('92_behavRDMs.mat', 'rdms_behav_92');
  const rdm = (element: ReadonlyMap<string, MatValue>, path: string) =>
    square(numbersOf(element, 'RDM', path), path);
  const sessions = brains.elements.map((element) => rdm(element, brains.path));
  // Subjects are the first dimension after the singleton, sessions the next.
  const [, subjects, times] = brains.shape;
  if (images.elements.length !== IMAGES || subjects * times !== sessions.length)
    odd(images.path, `${IMAGES} images`, `${images.elements.length}`);
  const label = (element: ReadonlyMap<string, MatValue>) => {
    const category = element.get('category');
    const flag = (name: string) => Number(numbersOf(element, name, images.path)[0]);
    const flags = ['human', 'face', 'animal', 'natural'].map(flag);
    return [category?.kind === 'text' ? category.text : '', ...flags];
  };
  return {
    labels: images.elements.map(label),
    monkeys: rdm(figure.elements[0], figure.path),
    people: Array.from({ length: subjects }, (_, subject) =>
      meanOf(Array.from({ length: times }, (_, time) => sessions[time * subjects + subject])),
    ),
    judges: judges.elements.map((element) => rdm(element, judges.path)),
    pictures: (outputs) =>
      outputs.pictures(
        PICTURES,
        images.elements.map((element, i) => ({
          name: nameOf(i),
          data: pictureOf(element.get('image'), images.path),
        })),
      ),
  };
}

function numbersOf(
  element: ReadonlyMap<string, MatValue>,
  field: string,
  path: string,
): ArrayLike<number> {
  const value = element.get(field);
  return value?.kind === 'numbers'
    ? value.data
    : odd(path, `numbers in ${field}`, `${value?.kind}`);
}

/** A matrix of dissimilarities, whether it is stored whole or as the pairs above the diagonal. */
function square(values: ArrayLike<number>, path: string): Float64Array {
  if (values.length === IMAGES * IMAGES) return Float64Array.from(values);
  if (values.length !== (IMAGES * (IMAGES - 1)) / 2)
    odd(path, `${IMAGES} × ${IMAGES} dissimilarities`, `${values.length}`);
  const whole = new Float64Array(IMAGES * IMAGES);
  let at = 0;
  for (let i = 0; i < IMAGES; i++) {
    for (let j = i + 1; j < IMAGES; j++) {
      whole[i * IMAGES + j] = values[at];
      whole[j * IMAGES + i] = values[at++];
    }
  }
  return whole;
}

const meanOf = (rdms: readonly ArrayLike<number>[]): Float64Array =>
  Float64Array.from(rdms[0], (_, i) => rdms.reduce((sum, rdm) => sum + rdm[i], 0) / rdms.length);

/** An RGB image of MATLAB: height × width × 3, the first dimension fastest. */
function pictureOf(value: MatValue | undefined, path: string): Uint8Array {
  if (value?.kind !== 'numbers' || value.shape.length !== 3 || value.shape[2] !== 3)
    return odd(path, 'an RGB image', value?.kind ?? 'nothing');
  const [height, width] = value.shape;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++)
        pixels[(y * width + x) * 3 + c] = value.data[(c * width + x) * height + y];
    }
  }
  return encodeRgbPng(width, height, pixels);
}

async function ofArrays(sources: Sources): Promise<Found> {
  const table = await readCsv(sources.path('stimuli.csv'));
  const columns = ['category', 'human', 'face', 'animal', 'natural'].map((name) =>
    table.header.indexOf(name),
  );
  const rdms = await arraysOf(sources);
  const split = (name: string, size: number) => {
    const all = rdms.get(name) as ArrayLike<number>;
    return Array.from({ length: all.length / size }, (_, i) =>
      Float64Array.from({ length: size }, (_, k) => all[i * size + k]),
    );
  };
  const size = IMAGES * IMAGES;
  const sessions = split('hIT_subject_session', size);
  return {
    labels: table.rows.map((row) => columns.map((column) => row[column])),
    monkeys: rdms.get('monkeyIT_674neurons') as ArrayLike<number>,
    people: Array.from({ length: sessions.length / 2 }, (_, i) =>
      meanOf([sessions[2 * i], sessions[2 * i + 1]]),
    ),
    judges: split('behaviour_16subjects', size),
    pictures: (outputs) => outputs.copy(PICTURES, sources.path('images_175.zip')),
  };
}

async function arraysOf(sources: Sources): Promise<Map<string, ArrayLike<number>>> {
  const file = await openNpz(sources.path('rdms.npz'));
  try {
    const found = new Map<string, ArrayLike<number>>();
    for (const name of file.names) found.set(name, (await file.read(name)).data as Float64Array);
    return found;
  } finally {
    await file.close();
  }
}

/** RDMs of fifteen people in a MAT-file: image × image × subject in HDF5. */
async function peopleOf(path: string, variable: string, images: number): Promise<SubjectRdm[]> {
  const { shape, data } = await hdf5Array(path, variable, 3);
  const [rows, columns, subjects] = shape;
  if (rows !== images || columns !== images)
    odd(path, `${images} × ${images} images`, shape.join(' × '));
  return subjectsOf(
    Array.from({ length: subjects }, (_, subject) =>
      Float64Array.from({ length: rows * columns }, (_, i) => data[i * subjects + subject]),
    ),
  );
}

export const cichy2014: Converter = async (sources, outputs) => {
  const size = IMAGES * IMAGES;
  const rdms = sources.form === 'authors' ? undefined : await arraysOf(sources);
  for (const area of ['EVC', 'IT']) {
    const own = rdms?.get(`cichy_${area}_15subjects`);
    const people = own
      ? subjectsOf(
          Array.from({ length: own.length / size }, (_, i) =>
            Float64Array.from({ length: size }, (_, k) => own[i * size + k]),
          ),
        )
      : await peopleOf(sources.path(sources.files[0]), `${area}_RDMs`, IMAGES);
    await writeRdms(outputs, `Cichy2014.${area}`, idsOf(IMAGES), people);
  }
};

/** The 118 images of the second training set; the source has their dissimilarities alone. */
export const algonauts2019: Converter = async (sources, outputs) => {
  const ids = idsOf(118);
  const stimuli = { identifier: 'Algonauts2019', kind: 'stimuli', role: 'csv' } as const;
  await outputs.table(
    stimuli,
    ['stimulus_id'],
    ids.map((id) => [id]),
  );
  for (const area of ['EVC', 'IT']) {
    const people = await peopleOf(sources.path(sources.files[0]), `${area}_RDMs`, ids.length);
    await writeRdms(outputs, `Algonauts2019.${area}`, ids, people);
  }
};

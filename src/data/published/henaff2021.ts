import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { readCsv } from '../../formats/csv.js';
import type { Converter, Outputs, Picture, Sources } from './converter.js';
import { type Neuroid, recordedAssembly } from './made-assemblies.js';
import { hdf5Arrays, npyArray, odd } from './source-arrays.js';

/**
 * Hénaff et al. 2021: spikes of macaque V1 in 200 ms, ten films of eleven frames at two sizes, natural and as
 * straight lines between the first and the last frame in pixels, and four frames at ten contrasts. The first and the
 * last synthetic frame and the highest contrast are natural frames, and their data are the same: not repeated here.
 */

const FILMS = 10;
const CONTRAST_FILMS = [2, 4, 7, 10];
const CATEGORIES = ['natural', 'synthetic', 'contrast'] as const;
const ZOOMS = ['zoom1x', 'zoom2x'] as const;
/** A presentation without spikes of a unit on record. */
const NONE = 255;

interface Frame {
  readonly zoom: number;
  readonly film: number;
  readonly category: number;
  /** From 1. */
  readonly frame: number;
}

const two = (n: number) => String(n).padStart(2, '0');
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Every image: by size, by category, by film. */
const FRAMES: readonly Frame[] = ZOOMS.flatMap((_, zoom) =>
  CATEGORIES.flatMap((_, category) => {
    const [first, last] = [
      [1, 11],
      [2, 10],
      [1, 10],
    ][category];
    const films = category < 2 ? range(1, FILMS) : zoom === 0 ? CONTRAST_FILMS : [];
    return films.flatMap((film) =>
      range(first, last).map((frame) => ({ zoom, film, category, frame })),
    );
  }),
);

const idOf = ({ zoom, film, category, frame }: Frame) =>
  `${ZOOMS[zoom]}_movie${two(film)}_${CATEGORIES[category]}${two(frame)}`;

/** Where the authors keep the image of a frame. */
const pathOf = ({ zoom, film, category, frame }: Frame) =>
  `stimSelected-${ZOOMS[zoom]}/movie${film}/${CATEGORIES[category]}${two(frame)}.png`;

export const henaff2021: Converter = async (sources, outputs) => {
  const frames = FRAMES;
  const { counts, neuroids, repetitions } =
    sources.form === 'authors'
      ? await fromSessions(sources, frames)
      : await fromArrays(sources, frames);
  const columns = ['stimulus_id', 'filename', 'film', 'zoom', 'category', 'frame'];
  const stimuli = { identifier: 'Henaff2021', kind: 'stimuli' } as const;
  await outputs.table(
    { ...stimuli, role: 'csv' },
    columns,
    frames.map((frame) => [
      idOf(frame),
      `${idOf(frame)}.png`,
      `movie${two(frame.film)}`,
      ZOOMS[frame.zoom],
      CATEGORIES[frame.category],
      frame.frame,
    ]),
  );
  await writePictures(sources, outputs, frames);
  const at = (unit: number, stimulus: number, repetition: number) =>
    counts[(unit * frames.length + stimulus) * repetitions + repetition];
  await outputs.assembly(
    { identifier: 'Henaff2021', kind: 'recordings', role: 'nc' },
    recordedAssembly({
      stimulusIds: frames.map(idOf),
      repetitions,
      neuroids,
      value(stimulus, repetition, unit) {
        const spikes = at(unit, stimulus, repetition);
        return spikes === NONE ? Number.NaN : spikes;
      },
    }),
  );
};

interface Counts {
  /** Unit × image × repetition. */
  readonly counts: Uint8Array;
  readonly repetitions: number;
  readonly neuroids: readonly Neuroid[];
}

/** The session and the animal stand in the names of the files: `ay2_u003_image_sequences.mat`. */
const neuroidOf = (session: string, cluster: number): Neuroid => ({
  id: `${session}_${cluster}`,
  region: 'V1',
  animal: session.split('_')[0],
});

async function fromSessions(sources: Sources, frames: readonly Frame[]): Promise<Counts> {
  const files = sources.files.filter((file) => file.endsWith('_image_sequences.mat'));
  const sessions = [];
  for (const file of files) {
    const path = sources.path(file);
    const [responses, clusters] = await hdf5Arrays(path, {
      'naturalStruct/sortedResponses': 6,
      'naturalStruct/cluster_list': 2,
    });
    const session = basename(file).replace('_image_sequences.mat', '');
    const neuroids = Array.from(clusters.data, (cluster) => neuroidOf(session, cluster));
    if (responses.shape[1] !== neuroids.length)
      odd(path, `${neuroids.length} units`, `${responses.shape[1]} in sortedResponses`);
    sessions.push({ responses, path, neuroids });
  }
  const repetitions = Math.max(...sessions.map(({ responses }) => responses.shape[0]));
  const neuroids = sessions.flatMap((session) => session.neuroids);
  const counts = new Uint8Array(neuroids.length * frames.length * repetitions).fill(NONE);
  let first = 0;
  for (const { responses, path, neuroids: own } of sessions) {
    const [times, units, inFilm, films, categories, zooms] = responses.shape;
    if (inFilm < 11 || films < FILMS || categories < 3 || zooms < 2)
      odd(path, '11 frames of 10 films in 3 categories at 2 sizes', responses.shape.join(' × '));
    for (let repetition = 0; repetition < times; repetition++) {
      for (let unit = 0; unit < units; unit++) {
        frames.forEach(({ zoom, film, category, frame }, stimulus) => {
          const before = ((repetition * units + unit) * inFilm + frame - 1) * films + film - 1;
          const spikes = responses.data[(before * categories + category) * zooms + zoom];
          if (Number.isNaN(spikes)) return;
          if (!(Number.isInteger(spikes) && spikes >= 0 && spikes < NONE))
            odd(path, `a count of spikes below ${NONE}`, String(spikes));
          counts[((first + unit) * frames.length + stimulus) * repetitions + repetition] = spikes;
        });
      }
    }
    first += own.length;
  }
  return { counts, repetitions, neuroids };
}

async function fromArrays(sources: Sources, frames: readonly Frame[]): Promise<Counts> {
  const path = sources.path('counts_unit_image_rep_u8.npy');
  const { shape, data } = await npyArray(path, 3);
  const table = await readCsv(sources.path('units.csv'));
  const [session, cluster] = ['session', 'cluster'].map((name) => table.header.indexOf(name));
  const neuroids = table.rows.map((row) => neuroidOf(row[session], Number(row[cluster])));
  if (shape[0] !== neuroids.length || shape[1] !== frames.length)
    odd(path, `${neuroids.length} units × ${frames.length} images`, shape.join(' × '));
  const listed = await readCsv(sources.path('stimuli.csv'));
  const names = listed.rows.map((row) => row[listed.header.indexOf('stimulus_id')]);
  const apart = frames.findIndex((frame, i) => idOf(frame) !== names[i]);
  if (apart >= 0) odd(sources.path('stimuli.csv'), idOf(frames[apart]), String(names[apart]));
  return { counts: Uint8Array.from(data), repetitions: shape[2], neuroids };
}

async function writePictures(sources: Sources, outputs: Outputs, frames: readonly Frame[]) {
  const of = { identifier: 'Henaff2021', kind: 'stimuli', role: 'images' } as const;
  if (sources.form !== 'authors') return outputs.copy(of, sources.path('images_512.zip'));
  const files = new Map(frames.map((frame) => [frame, pathOf(frame)]));
  const whole = (end: string) =>
    sources.files.find((file) => file.endsWith(end)) ?? odd('images', end, 'no such file');
  async function* pictures(): AsyncGenerator<Picture> {
    for (const [frame, end] of files)
      yield { name: `${idOf(frame)}.png`, data: await readFile(sources.path(whole(end))) };
  }
  return outputs.pictures(of, pictures());
}
